"""The Logs pane in the built widget: the log of a whole run, live, filtered, copied, also when it is long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import long_run, monthly, monthly_graph
from tests.notebook.telling import (
    BEGIN_S,
    HOSTILE,
    StoryRun,
    ended,
    logged,
    run_finished,
    run_started,
    spec,
)
from tests.system.widget_page import opened, served
from wfkit.core.events import LogLine, LogLines, NodesAdded
from wfkit.core.ids import GroupId, RunId
from wfkit.core.states import RunState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


def numbered(lines: range, index: int = 0, part: int = 0, level: int = 20) -> LogLines:
    rows = tuple(LogLine(at_s=BEGIN_S + i, level=level, source="s", text=f"line {i}") for i in lines)
    return LogLines(group=GroupId("g0"), index=index, attempt=1, part=part, lines=rows)


def show_logs(tab: Tab) -> None:
    tab.get_by_role("button", name="Logs", exact=True).click()


def line(tab: Tab, text: str) -> Any:
    return tab.locator(".wf-row.wf-logrow:visible", has=tab.locator(".wf-logrow-text", has_text=text))


def lines_shown(tab: Tab) -> list[str]:
    return tab.evaluate(
        """() => [...document.querySelectorAll('.wf-row.wf-logrow')].filter(row => !row.hidden)
        .sort((a, b) => a.dataset.row - b.dataset.row).map(row => row.lastElementChild.textContent)"""
    )


def count_told(tab: Tab) -> Any:
    return tab.locator(".wf-logs-pane .wf-count")


def test_lines_of_all_nodes_and_of_the_body_come_in_order_of_time_while_the_run_goes_on(tab: Tab) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "load", 2, mapped=True),)))
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        expect(tab.locator(".wf-logs-empty")).to_have_text("Nothing was logged, printed or warned so far.")
        run.tell(logged(0, 0, 1, "second"), logged(0, 1, 2, "third", level=30, source="pandas"))
        run.body_log.append(LogLine(at_s=BEGIN_S, level=20, source="print", text="first"))
        expect(count_told(tab)).to_have_text("3 lines")
        assert lines_shown(tab) == ["first", "second", "third"]
        expect(line(tab, "first")).to_contain_text("flow body")
        expect(line(tab, "third")).to_contain_text("WARNING")
        expect(line(tab, "third")).to_contain_text("load[1] · 2")
        run.body_log.append(LogLine(at_s=BEGIN_S + 9, level=20, source="print", text="only the body writes now"))
        expect(line(tab, "only the body writes now")).to_be_visible()


def test_the_end_is_followed_until_the_reader_scrolls_up_and_again_when_he_asks(tab: Tab) -> None:
    run = long_run(1)
    run.tell(numbered(range(300)))
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        expect(line(tab, "line 299")).to_be_visible()
        run.tell(numbered(range(300, 350), part=1))
        expect(line(tab, "line 349")).to_be_in_viewport()
        follow = tab.get_by_role("button", name="Follow")
        expect(follow).to_have_attribute("aria-pressed", "true")
        rows = tab.get_by_role("grid", name="Log of the run")
        rows.hover()
        tab.mouse.wheel(0, -2_000)
        expect(follow).to_have_attribute("aria-pressed", "false")
        expect(line(tab, "line 240")).to_be_in_viewport()
        before = line(tab, "line 240").bounding_box()
        run.tell(numbered(range(350, 400), part=2), logged(0, 0, 1, "from long ago", part=9))
        expect(count_told(tab)).to_have_text("401 lines")
        expect(line(tab, "line 240")).to_be_in_viewport()
        assert line(tab, "line 240").bounding_box() == before, "nothing moves under the eyes of the reader"
        follow.click()
        expect(line(tab, "line 399")).to_be_in_viewport()


def test_filters_by_task_level_and_text_mark_what_they_find(tab: Tab) -> None:
    run = monthly()
    run.tell(logged(0, 3, 1, "disk almost full", level=40, source="os"), logged(0, 3, 1, "READING on", part=1))
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        tab.get_by_label("Least level").select_option("ERROR and above")
        expect(count_told(tab)).to_have_text("2 lines found")
        assert "disk almost full" in lines_shown(tab)
        tab.get_by_label("Least level").select_option("All levels")
        tab.locator(".wf-logs-pane").get_by_label("Task").select_option("load")
        expect(count_told(tab)).to_have_text("2 lines found")
        search = tab.get_by_label("Search the log")
        search.fill("reading")
        expect(count_told(tab)).to_have_text("1 line found")
        expect(tab.locator(".wf-logs-pane mark:visible")).to_have_text(["READING"])
        search.fill("no such thing")
        expect(tab.locator(".wf-logs-empty")).to_have_text("No line is like that.")
        search.press("Escape")
        expect(count_told(tab)).to_have_text("2 lines found")


def test_the_filter_follows_what_is_selected(tab: Tab) -> None:
    run = monthly()
    run.tell(logged(0, 3, 1, "of load 3"))
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        line(tab, "of load 3").get_by_role("button", name="load[3]").click()
        expect(tab.locator(".wf-panel-title")).to_have_text("load[3]")
        tab.locator(".wf-logs-pane").get_by_label("Task").select_option("selected")
        expect(count_told(tab)).to_have_text("1 line found")
        tab.locator(".wf-panel .wf-tool").click()
        expect(tab.locator(".wf-logs-pane").get_by_label("Task")).to_have_value("all")
        expect(count_told(tab)).not_to_have_text("1 line found")


def test_a_keyboard_walks_through_the_lines_and_opens_their_nodes(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        expect(line(tab, "28,243 rows read").first).to_be_visible()
        rows = tab.get_by_role("grid", name="Log of the run")
        rows.focus()
        tab.keyboard.press("Home")
        active = tab.locator(f"#{rows.get_attribute('aria-activedescendant')}")
        expect(active).to_have_attribute("aria-selected", "true")
        expect(tab.locator(".wf-logs-text")).to_have_text("28,243 rows read")
        tab.keyboard.press("ArrowDown")
        expect(tab.locator(".wf-logs-text")).not_to_have_text("28,243 rows read")
        tab.keyboard.press("Enter")
        expect(tab.locator(".wf-panel-title")).to_be_focused()
        expect(tab.locator(".wf-panel-title")).to_have_text("clean[6]")
        tab.keyboard.press("Escape")
        expect(rows).to_be_focused()


def test_copy_takes_all_that_was_found_or_what_is_selected(tab: Tab) -> None:
    run = long_run(1)
    run.tell(numbered(range(700)), numbered(range(700, 703), part=1, level=40))
    with served(run) as host:
        tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened(tab, host)
        show_logs(tab)
        expect(line(tab, "line 702")).to_be_visible()
        copy = tab.locator(".wf-logs-pane").get_by_role("button", name="Copy")
        copy.click()
        expect(tab.locator(".wf-said:visible")).to_have_text("Copied 703 lines.")
        text: list[str] = tab.evaluate("navigator.clipboard.readText()").splitlines()
        assert len(text) == 703
        assert text[0].endswith("INFO item[0] s: line 0")
        assert text[-1].endswith("ERROR item[0] s: line 702")
        tab.get_by_role("grid", name="Log of the run").focus()
        tab.keyboard.press("End")
        tab.keyboard.press("Shift+ArrowUp")
        copy.click()
        expect(tab.locator(".wf-said:visible")).to_have_text("Copied 2 lines.")


@pytest.mark.parametrize("text", [HOSTILE, "<script>window.canary='ran'</script>", "\x1b[31mred \x9b1m\u202etxet"])
def test_hostile_lines_sources_and_names_are_only_text(tab: Tab, text: str) -> None:
    run = StoryRun(
        run_started(), NodesAdded(groups=(spec(0, text, 1, mapped=True),)), logged(0, 0, 1, text, source=text)
    )
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        expect(tab.locator(".wf-row.wf-logrow:visible")).to_have_count(1)
        row = tab.locator(".wf-row.wf-logrow:visible")
        row.locator(".wf-logrow-text").click()
        expect(tab.locator(".wf-logs-text")).to_be_visible()
        shown = tab.locator(".wf-logs-pane").inner_text()
        assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
        if "<" in text:
            expect(row.locator(".wf-logrow-text")).to_have_text(text)
            tab.get_by_label("Search the log").fill(text[:9])
            expect(tab.locator(".wf-logrow mark").first).to_have_text(text[:9])
        assert tab.evaluate("window.canary") is None
        assert tab.locator(".wfkit img, .wfkit script, .wfkit iframe").count() == 0
        assert {path for path in host.requests if path not in {"/", "/widget.js", "/messages"}} == set()


def test_a_log_of_300_000_lines_of_100_000_nodes_is_read_from_end_to_start(tab: Tab) -> None:
    run = long_run(100_000)
    for index in range(100_000):
        run.view_model.logged.append(numbered(range(3 * index, 3 * index + 3), index))
        run.view_model.groups[GroupId("g0")].logs[index] = {(1, 0): run.view_model.logged[-1]}
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        expect(count_told(tab)).to_have_text("300,000 lines", timeout=30_000)
        expect(line(tab, "line 299999")).to_be_visible()
        assert tab.locator(".wf-row.wf-logrow").count() < 60
        rows = tab.get_by_role("grid", name="Log of the run")
        expect(rows).to_have_attribute("aria-rowcount", "300001")
        rows.focus()
        tab.keyboard.press("Home")
        expect(line(tab, "line 17").first).to_be_visible()
        rows.evaluate("rows => { rows.scrollTop = rows.scrollHeight / 2; }")
        expect(line(tab, "line 150003")).to_be_visible()
        tab.get_by_label("Search the log").fill("LINE 123456")
        expect(count_told(tab)).to_have_text("1 line found", timeout=20_000)
        expect(line(tab, "line 123456")).to_contain_text("item[41152]")


def test_the_task_that_is_chosen_is_looked_for_in_the_next_run_too(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), logged(0, 0, 1, "of load"), logged(1, 0, 1, "of clean"))
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        task = tab.locator(".wf-logs-pane").get_by_label("Task")
        task.select_option("load")
        expect(count_told(tab)).to_have_text("1 line found")
        new = StoryRun(replace(run_started(), run_id=RunId("r-2")))
        host.view.turn_to(new)
        expect(task.locator("option", has_text="clean")).to_have_count(0)
        expect(task.locator("option:checked")).to_have_text("load")
        new.tell(monthly_graph(), logged(1, 0, 1, "of clean again"), logged(0, 0, 1, "of load again"))
        expect(line(tab, "of load again")).to_be_visible()
        expect(count_told(tab)).to_have_text("1 line found")
        expect(task.locator("option:checked")).to_have_text("load")
        other = StoryRun(
            replace(run_started(), run_id=RunId("r-3")),
            NodesAdded(groups=(spec(0, "walk"),)),
            logged(0, 0, 1, "of another task"),
        )
        host.view.turn_to(other)
        expect(line(tab, "of another task")).to_be_visible()
        expect(task.locator("option:checked")).to_have_text("All tasks")


def test_a_pane_that_nobody_sees_asks_nothing_and_an_ended_run_is_not_asked_again(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), logged(0, 0, 1, "a line"))
    with served(run) as host:
        opened(tab, host)
        show_logs(tab)
        expect(line(tab, "a line")).to_be_visible()
        tab.get_by_role("button", name="Graph", exact=True).click()
        asked = "window.sent.filter(message => message.op === 'logs').length"
        before = tab.evaluate(asked)
        run.tell(ended(0, 1), logged(0, 1, 1, "unseen"))
        tab.wait_for_timeout(1_500)  # no sign tells that nothing was asked in a second
        assert tab.evaluate(asked) == before
        run.tell(run_finished(RunState.COMPLETED))
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "COMPLETED")
        show_logs(tab)
        expect(line(tab, "unseen")).to_be_visible()
        before = tab.evaluate(asked)
        tab.wait_for_timeout(2_500)  # as above: two seconds without a question
        assert tab.evaluate(asked) == before
