"""Hosts that know less or fail: without `initialize`, with a line that throws, with another version in the kernel."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import monthly, monthly_graph
from tests.notebook.telling import StoryRun, ended, run_started, started
from tests.system.widget_page import opened, row, served
from wfkit.core.ids import RunId

pytestmark = pytest.mark.browser


def test_a_host_that_only_renders_shows_the_run(tab: Tab) -> None:
    with served(monthly()) as host:
        tab.goto(f"{host.url}#bare")
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "FAILED")
        tab.locator(".wf-card", has_text="clean").click()
        tab.locator(".wf-element").first.click()
        expect(tab.locator(".wf-error-message").first).to_be_visible()


def test_a_host_that_throws_is_told_and_the_view_goes_on(tab: Tab) -> None:
    run = monthly(2)
    with served(run) as host:
        opened(tab, host)
        tab.evaluate("() => { window.broken = true; }")
        tab.get_by_role("button", name="Cancel").click()
        expect(tab.locator(".wf-status")).to_contain_text("The kernel cannot be reached from this page.")
        expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()
        run.tell(started(0))
        expect(tab.locator('[role="treegrid"] [data-wfkit-node="load"]')).to_have_attribute("data-state", "RUNNING")
        tab.evaluate("() => { window.broken = false; }")
        tab.get_by_role("button", name="Cancel").click()
        expect(tab.locator(".wf-status")).to_contain_text("what waits will not start")
        expect(tab.locator(".wf-status")).not_to_contain_text("cannot be reached")
        assert len(run.cancelled) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("broken", "The kernel cannot be reached from this page."),
        ("offline", "No news from the kernel for 60 s."),
    ],
)
def test_a_view_without_a_kernel_stands_still_and_says_what_to_do_until_there_is_one(
    tab: Tab, fault: str, words: str
) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0))
    tab.clock.install()
    with served(run) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Pause").click()
        expect(tab.get_by_role("button", name="Resume")).to_be_enabled()
        tab.get_by_role("button", name="Resume").click()
        expect(tab.locator(".wf-status")).to_have_text("Going on with the run.")
        tab.locator(".wf-card", has_text="load").click()
        tab.locator(".wf-element").first.click()

        tab.evaluate("fault => { window[fault] = true; }", fault)
        elapsed = tab.locator(".wf-elapsed").inner_text()
        tab.clock.fast_forward(60_000)
        expect(tab.locator(".wf-status")).to_have_text(
            f"{words} This is how the run stood then; "
            f'import wfkit; wfkit.attach("{run.id}").view() in a cell shows it as it is now.'
        )
        for button in tab.get_by_role("button", name=re.compile("^(Pause|Cancel)$")).all():
            expect(button).to_be_disabled()
        assert _seconds(tab.locator(".wf-elapsed").inner_text()) - _seconds(elapsed) < 30
        expect(tab.locator(".wfkit")).to_have_class(re.compile(r"\bwf-lost\b"))

        tab.evaluate("fault => { window[fault] = false; }", fault)
        run.tell(started(0, 1))
        tab.clock.fast_forward(6_000)
        expect(tab.get_by_role("button", name="Pause")).to_be_enabled()
        expect(tab.locator(".wf-status")).to_have_text("")
        expect(tab.locator(".wfkit")).not_to_have_class(re.compile(r"\bwf-lost\b"))


def _seconds(clock: str) -> float:
    """What "1:02:03" or "4.5 s" tells."""
    parts = clock.removesuffix(" s").split(":")
    return sum(float(part) * 60**power for power, part in enumerate(reversed(parts)))


def test_in_a_shadow_tree_the_theme_is_followed_and_the_focus_stays(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0))
    with served(run) as host:
        tab.goto(f"{host.url}#shadow")
        view = tab.locator(".wfkit")
        expect(view).to_have_attribute("data-theme", "light")
        tab.evaluate("document.body.className = 'dark'")
        expect(view).to_have_attribute("data-theme", "dark")
        tab.locator(".wf-card", has_text="load").click()
        every = tab.locator(".wf-panel").get_by_role("button", name="All, 12")
        every.focus()
        run.tell(ended(0))
        expect(tab.locator(".wf-panel").get_by_role("button", name="Completed, 1")).to_be_visible()
        expect(every).to_be_focused()


def test_details_that_cannot_be_asked_for_say_so_and_the_page_goes_on(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        tab.evaluate("() => { window.broken = true; }")
        row(tab, "clean").focus()
        tab.keyboard.press("Enter")
        expect(tab.locator(".wf-element").first).to_have_attribute("data-state", "FAILED")
        expect(tab.locator(".wf-panel-content")).to_have_text("The kernel cannot be reached from this page.")
        tab.evaluate("() => { window.broken = false; }")
        tab.locator(".wf-element").first.click()
        expect(tab.locator(".wf-node")).to_have_attribute("data-state", "FAILED")


def test_versions_that_differ_are_told_in_one_line(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wfkit.notebook.view.PACKAGE_VERSION", "99.1")
    with served(monthly()) as host:
        opened(tab, host)
        expect(tab.locator(".wf-status")).to_contain_text(
            "the kernel's is 99.1: restart the kernel, then reload the page."
        )


def test_without_a_notebook_around_it_the_code_goes_to_the_clipboard(tab: Tab) -> None:
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with served(monthly()) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="load").click()
        tab.locator(".wf-element").nth(3).click()
        tab.get_by_role("button", name="Send to notebook").click()
        expect(tab.locator(".wf-sender")).to_contain_text("Copied: paste it into a cell.")
        code = tab.evaluate("() => navigator.clipboard.readText()")
        assert code == 'import wfkit\n\nx = wfkit.attach("r-0123456789abcdefghjkmnpqrs").node("load[3]").result()\nx'


@pytest.mark.parametrize("name", ['"); import os #', "a\\", "é\u202e\U0001f600", "\n"])
def test_any_name_becomes_a_literal_of_python(tab: Tab, name: str) -> None:
    run = monthly()
    run.view_model.run_id = RunId(name)
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="carriers").click()
        tab.get_by_role("button", name="Send to notebook").click()
        code = tab.locator(".wf-sender pre").text_content() or ""
        assert code.isascii()
        attached: list[str] = []
        line = code.splitlines()[2].removeprefix("x = wfkit.").removesuffix('.node("carriers").result()')
        exec(line, {"attach": attached.append})
        assert attached == [name]
