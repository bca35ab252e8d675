"""A report in a real browser: from disk, without network, with the view, and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.notebook.stories import monthly
from tests.notebook.telling import HOSTILE, StoryRun, ended, run_finished, run_started, spec, started
from tests.system.running import Workers, ran
from wfkit import task
from wfkit.core.events import ErrorInfo, NodesAdded
from wfkit.core.states import RunState, TaskState
from wfkit.notebook.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def alone(tab: Page) -> Iterator[Page]:
    """A tab without network, which sees to it that nothing is asked for either."""
    asked: list[str] = []
    tab.context.set_offline(True)
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_the_page_opens_from_disk_with_graph_timeline_table_and_failures(alone: Page, tmp_path: Path) -> None:
    alone.goto(write_report(monthly(), tmp_path / "x.html").as_uri())
    view = alone.locator(".wfkit")
    expect(view).to_have_attribute("data-state", "FAILED")
    expect(view.locator(".wf-card")).to_have_count(7)
    view.locator(".wf-card", has_text="clean").click()
    expect(view.locator(".wf-element").first).to_contain_text("clean[6]")
    view.locator(".wf-element").first.click()
    expect(view.locator(".wf-traceback").first).to_contain_text("could not convert string to float")
    view.get_by_role("button", name="Timeline").click()
    expect(view).to_contain_text("2 workers")
    view.get_by_role("button", name="Table").click()
    expect(view.locator('[role="treegrid"] [data-wfkit-node="load"]')).to_be_visible()
    expect(view.locator(".wf-status")).to_have_text("")
    expect(alone.locator(".wfkit-static table")).to_contain_text("11 completed, 1 failed")


def test_what_a_report_does_not_hold_is_said_where_it_was_asked_for(
    alone: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wfkit.notebook.report._DETAIL_BYTES", 0)
    alone.goto(write_report(monthly(), tmp_path / "x.html").as_uri())
    view = alone.locator(".wfkit")
    expect(view.get_by_role("button", name="Logs")).to_have_count(0)
    view.locator(".wf-card", has_text="carriers").click()
    expect(view.locator(".wf-panel-body")).to_contain_text("does not hold the details of this node")
    expect(view.locator(".wf-panel-content")).not_to_contain_text("Asking the kernel")
    view.locator(".wf-panel-body summary", has_text="Source").click()
    expect(view.locator(".wf-panel-body")).to_contain_text("does not hold the code of tasks")
    view.get_by_role("button", name="Rerun failed").click()
    expect(alone.get_by_role("dialog")).to_contain_text("nothing in it acts on the run")
    alone.keyboard.press("Escape")
    view.get_by_role("button", name="Table").click()
    view.get_by_role("button", name="Nodes", exact=True).click()
    view.get_by_role("searchbox", name="Search names and reasons").fill("clean")
    expect(view.locator(".wf-nodes .wf-count")).to_contain_text("A report looks through")
    expect(view.locator(".wf-status")).to_have_text("")


def test_without_scripts_the_page_is_read(browser: Browser, tmp_path: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(write_report(monthly(), tmp_path / "x.html").as_uri())
        words = page.locator(".wfkit-static")
        expect(words).to_contain_text("monthly FAILED in 7.8 s")
        expect(words.locator("img")).to_be_visible()
        words.locator("summary").click()
        expect(words.locator("pre")).to_contain_text("Traceback (most recent call last)")


def test_hostile_names_and_errors_are_only_text(alone: Page, tmp_path: Path) -> None:
    text = f"</script>{HOSTILE}<script>window.canary=1</script>"
    error = ErrorInfo(type_name=text, message=text, traceback=text)
    run = StoryRun(run_started(text), NodesAdded(groups=(spec(0, text),)), started(0))
    run.tell(ended(0, 0, TaskState.FAILED, error=error), run_finished(RunState.FAILED, reason=text))
    alone.goto(write_report(run, tmp_path / "x.html").as_uri())
    alone.locator(".wf-card").click()
    expect(alone.locator(".wf-error-message")).to_have_text(text)
    assert alone.evaluate("() => window.canary") is None


def test_a_run_writes_its_report(cluster: Workers, alone: Page, tmp_path: Path) -> None:
    @task
    def inc(x: int) -> int:
        return x + 1

    run = ran(lambda: inc.map([1, 2, 3]))
    path = run.report(tmp_path / "run.html")
    alone.goto(path.as_uri())
    expect(alone.locator(".wfkit")).to_have_attribute("data-state", "COMPLETED")
    expect(alone.locator("dl")).to_contain_text(run.id)
