"""Two hundred hostile texts as names, logs, reasons and errors, through every view: they are text, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.telling import StoryRun, edge, ended, logged, run_finished, run_started, spec, started
from tests.system.hostile_html import Witness, witness
from tests.system.hostile_text import HOSTILE_TEXT
from tests.system.widget_page import opened, served
from wfkit.core.events import CodeSpec, ErrorInfo, How, NodesAdded
from wfkit.core.states import RunState, TaskState
from wfkit.notebook.display import run_html
from wfkit.notebook.report import write_report

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

#: Elements that could act, wherever they stand in the view.
ACTING = "script, iframe, object, embed, form, img, a, link, meta, base, marquee, video, audio, math, template"


@pytest.fixture
def seen(page: Tab) -> Iterator[Witness]:
    with witness() as seen:
        seen.watch(page)
        page.set_viewport_size({"width": 1180, "height": 760})
        yield seen
        seen.nothing_happened(page)


def told(texts: list[str]) -> StoryRun:
    """A run in which everything that a user may name or write is one of the texts; each task has failed."""
    groups = [spec(number, text) for number, text in enumerate(texts)]
    many = spec(len(texts), texts[0], 3, edge(0, How.ONE), mapped=True)
    run = StoryRun(run_started(texts[0]), NodesAdded(groups=(*groups, many)))
    for number, text in enumerate(texts):
        error = ErrorInfo(
            type_name=text, message=text, traceback=f'Traceback\n  File "{text}", line 1, in {text}\n{text}'
        )
        run.tell(
            started(number),
            logged(number, 0, 1, text, source=text),
            ended(number, 0, TaskState.FAILED, error=error, reason=text, preview=text),
        )
    run.tell(*(ended(len(texts), at, TaskState.UPSTREAM_FAILED, reason=texts[at]) for at in range(3)))
    run.tell(run_finished(RunState.FAILED, reason=" ".join(texts[:20])))
    run.codes = {text: CodeSpec(id=str(n), task=text, fingerprint=text, source=text) for n, text in enumerate(texts)}
    run.changes = {texts[0]: texts[1]}
    return run


def assert_only_text(tab: Tab, place: str = ".wfkit") -> None:
    shown = tab.locator(place)
    assert shown.locator(ACTING).count() == 0
    handlers = "all => all.filter(one => one.getAttributeNames().some(name => name.startsWith('on'))).length"
    assert shown.locator("*").evaluate_all(handlers) == 0


def test_there_are_at_least_two_hundred() -> None:
    assert len(set(HOSTILE_TEXT)) >= 200


def test_every_pane_shows_them_as_text(page: Tab, seen: Witness) -> None:
    texts = [seen.armed(text) for text in HOSTILE_TEXT]
    with served(told(texts)) as host:
        opened(page, host)
        expect(page.locator("[role=treegrid] tbody tr")).to_have_count(len(texts) + 1)
        assert_only_text(page)
        page.locator(".wf-viewport").hover()
        page.mouse.wheel(0, 4_000)
        for pane in ("Timeline", "Table", "Logs"):
            page.get_by_role("button", name=pane, exact=True).click()
            expect(page.locator(".wfkit")).to_have_attribute("data-mode", pane.lower())
            page.mouse.move(400, 300)
            page.mouse.wheel(0, 2_000)
            assert_only_text(page)
            seen.nothing_happened(page, pane)
        expect(page.locator(".wf-logs-pane")).to_contain_text("evil" if "evil" in texts[1] else "script")
        page.get_by_role("button", name="Table", exact=True).click()
        page.get_by_role("button", name="Nodes", exact=True).click()
        page.mouse.wheel(0, 2_000)
        assert_only_text(page)


def test_the_inspector_shows_each_of_them_as_text(page: Tab, seen: Witness) -> None:
    texts = [seen.armed(text) for text in HOSTILE_TEXT]
    with served(told(texts)) as host:
        opened(page, host)
        rows = page.locator("[role=treegrid] tbody tr")
        expect(rows).to_have_count(len(texts) + 1)
        page.get_by_role("button", name="Table", exact=True).click()
        for number, text in enumerate(texts):
            page.evaluate(f"""document.querySelector('[role=treegrid] tr[data-id="g{number}"]').click()""")
            expect(page.locator(f'.wfkit tr[data-id="g{number}"]')).to_have_attribute("aria-selected", "true")
            expect(page.locator(".wf-attempt").first).to_be_attached()
            assert_only_text(page, ".wf-panel")
            seen.nothing_happened(page, text)


def test_a_plan_and_a_grid_show_them_as_text(page: Tab, seen: Witness) -> None:
    texts = [seen.armed(text) for text in HOSTILE_TEXT]
    with served(told(texts)) as host:
        opened(page, host)
        page.get_by_role("button", name="Rerun failed").click()
        expect(page.get_by_role("dialog")).to_contain_text("failed before")
        assert_only_text(page)
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        page.evaluate(f"""document.querySelector('[role=treegrid] tr[data-id="g{len(texts)}"]').click()""")
        page.get_by_role("button", name="Open grid").click()
        page.locator(".wf-grid canvas").hover()
        assert_only_text(page)


def test_a_report_and_a_saved_notebook_show_them_as_text(page: Tab, seen: Witness, tmp_path: Path) -> None:
    run = told([seen.armed(text) for text in HOSTILE_TEXT])
    page.goto(write_report(run, tmp_path / "x.html").as_uri())
    expect(page.locator(".wfkit .wf-header")).to_be_visible()
    assert_only_text(page)
    seen.nothing_happened(page, "report")
    saved = tmp_path / "saved.html"
    saved.write_text(f"<!doctype html><meta charset=utf-8><main>{run_html(run.view_model, 0.0)}</main>", "utf-8")
    page.goto(saved.as_uri())
    expect(page.locator("main table").first).to_be_visible()
    assert page.locator("main").locator("script, iframe, object, embed, form, a, link, meta, base").count() == 0
