"""The Table pane in the built widget: groups or nodes, sorted, filtered, searched, copied, also when there are many."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import TimeoutError as WaitedInVain
from playwright.sync_api import expect

from tests.notebook.stories import BAD_MONTH, crawl, long_run, monthly, monthly_graph
from tests.notebook.telling import ERROR, HOSTILE, StoryRun, ended, run_finished, run_started, spec, started
from tests.system.widget_page import opened, row, served
from wfkit.core.events import NodesAdded
from wfkit.core.states import CODES, RunState, TaskState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


def show_nodes(tab: Tab) -> Any:
    tab.get_by_role("button", name="Table", exact=True).click()
    tab.get_by_role("button", name="Nodes", exact=True).click()
    rows = tab.get_by_role("grid", name="Nodes of the run")
    expect(rows).to_be_visible()
    return rows


def count_told(tab: Tab) -> Any:
    return tab.locator(".wf-nodes .wf-count")


def node(tab: Tab, name: str) -> Any:
    return tab.locator(f'.wf-noderow[data-wfkit-node="{name}"]:visible')


_NAMES = """[...document.querySelectorAll('.wf-row.wf-noderow')].filter(row => !row.hidden)
    .sort((a, b) => a.dataset.row - b.dataset.row).map(row => row.dataset.wfkitNode)"""


def names_shown(tab: Tab) -> list[str]:
    names: list[str] = tab.evaluate(_NAMES)
    return names


def expect_first(tab: Tab, *names: str) -> None:
    """Wait until these are the first rows: what they are sorted by may still come from the kernel."""
    first = f"{_NAMES}.slice(0, {len(names)})"
    with contextlib.suppress(WaitedInVain):
        tab.wait_for_function(f"names => JSON.stringify({first}) === JSON.stringify(names)", arg=names, timeout=10_000)
    assert names_shown(tab)[: len(names)] == list(names)


def sort_by(tab: Tab, heading: str) -> None:
    tab.locator(".wf-nodes").get_by_role("columnheader", name=heading).get_by_role("button").click()


def test_the_table_lists_groups_and_on_request_nodes_failures_first(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Table", exact=True).click()
        expect(row(tab, "clean")).to_be_visible()
        expect(tab.locator(".wf-nodes")).to_be_hidden()
        show_nodes(tab)
        expect(row(tab, "clean")).to_be_hidden()
        expect(count_told(tab)).to_have_text("40 nodes")
        expect_first(tab, f"clean[{BAD_MONTH}]", f"delays[{BAD_MONTH}]", "best", "worst", "report")
        first = node(tab, f"clean[{BAD_MONTH}]")
        expect(first).to_contain_text("Failed")
        expect(first).to_contain_text("tcp://127.0.0.1:40001")
        expect(first.get_by_role("gridcell").nth(2)).to_have_text("2")
        expect(node(tab, f"delays[{BAD_MONTH}]")).to_contain_text(f"clean[{BAD_MONTH}] failed")
        tab.evaluate("window.again()")
        expect(tab.get_by_role("grid", name="Nodes of the run")).to_be_visible()


def test_each_column_sorts_up_and_down_and_says_so(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        show_nodes(tab)
        head = tab.locator(".wf-nodes").get_by_role("columnheader", name="Start")
        expect(head).to_have_attribute("aria-sort", "none")
        sort_by(tab, "Start")
        expect(head).to_have_attribute("aria-sort", "ascending")
        expect_first(tab, "carriers", "load[0]", "clean[0]")
        sort_by(tab, "Start")
        expect(head).to_have_attribute("aria-sort", "descending")
        expect_first(tab, "delays[11]", "clean[11]")
        sort_by(tab, "Duration")
        sort_by(tab, "Duration")
        expect_first(tab, f"clean[{BAD_MONTH}]")
        sort_by(tab, "Name")
        expect_first(tab, "best", "carriers", "clean[0]", "clean[1]")
        sort_by(tab, "Worker")
        expect_first(tab, "load[0]")


def test_filters_by_task_state_and_text_work_together(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        show_nodes(tab)
        state = tab.locator(".wf-nodes").get_by_label("State")
        state.select_option("UPSTREAM_FAILED")
        expect(count_told(tab)).to_have_text("4 of 40 nodes")
        search = tab.get_by_label("Search names and reasons")
        search.fill("DELAYS[")
        expect(count_told(tab)).to_have_text("3 of 40 nodes")
        assert names_shown(tab) == ["delays[6]", "best", "worst"], "names, and reasons that only the kernel knows"
        search.press("Escape")
        state.select_option("")
        tab.locator(".wf-nodes").get_by_label("Task").select_option("load")
        expect(count_told(tab)).to_have_text("12 of 40 nodes")
        search.fill("1]")
        expect(count_told(tab)).to_have_text("2 of 40 nodes")
        search.fill("nothing is called so")
        expect(count_told(tab)).to_have_text("0 of 40 nodes")


def test_names_that_only_the_kernel_knows_are_shown_and_found(tab: Tab) -> None:
    run = crawl()
    with served(run) as host:
        opened(tab, host)
        show_nodes(tab)
        failed = tab.locator('.wf-noderow[data-state="FAILED"]:visible')
        expect(failed.first).to_have_attribute("data-wfkit-node", "read#7[3]")
        tab.get_by_label("Search names and reasons").fill("read#7[")
        expect(count_told(tab)).to_contain_text("4 of")
        for i in range(4):
            expect(node(tab, f"read#7[{i}]")).to_be_visible()


def test_a_click_selects_for_all_panes_and_the_keyboard_opens_the_inspector(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        rows = show_nodes(tab)
        node(tab, "best").click()
        expect(tab.locator(".wf-panel-title")).to_have_text("best")
        expect(rows).to_be_focused()
        expect(node(tab, "best")).to_have_attribute("aria-selected", "true")
        tab.keyboard.press("Home")
        expect(rows).to_have_attribute("aria-activedescendant", node(tab, f"clean[{BAD_MONTH}]").get_attribute("id"))
        tab.keyboard.press("Enter")
        expect(tab.locator(".wf-panel-title")).to_be_focused()
        expect(tab.locator(".wf-panel-title")).to_have_text(f"clean[{BAD_MONTH}]")
        tab.keyboard.press("Escape")
        expect(rows).to_be_focused()
        tab.keyboard.press("End")
        last = node(tab, names_shown(tab)[-1])
        expect(last).to_be_in_viewport()
        expect(last).to_have_attribute("aria-rowindex", "41")
        tab.keyboard.press("PageUp")
        tab.keyboard.press("PageUp")
        expect(last).not_to_be_in_viewport()


def test_copy_takes_all_rows_or_those_selected_with_what_the_kernel_knows(tab: Tab) -> None:
    with served(monthly()) as host:
        tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened(tab, host)
        rows = show_nodes(tab)
        expect(count_told(tab)).to_have_text("40 nodes")
        copy = tab.locator(".wf-nodes").get_by_role("button", name="Copy")
        copy.click()
        expect(tab.locator(".wf-said:visible")).to_have_text("Copied 40 rows.")
        lines = tab.evaluate("navigator.clipboard.readText()").splitlines()
        assert lines[0].split("\t") == ["name", "state", "attempts", "start_s", "duration_s", "worker", "reason"]
        fields = [line.split("\t") for line in lines[1:]]
        assert fields[0][:3] == [f"clean[{BAD_MONTH}]", "FAILED", "2"]
        assert fields[1] == [f"delays[{BAD_MONTH}]", "UPSTREAM_FAILED", "", "", "", "", f"clean[{BAD_MONTH}] failed"]
        assert len(fields) == 40
        rows.focus()
        tab.keyboard.press("Home")
        tab.keyboard.press("Shift+ArrowDown")
        tab.keyboard.press("Shift+ArrowDown")
        copy.click()
        expect(tab.locator(".wf-said:visible")).to_have_text("Copied 3 rows.")


def test_states_change_at_once_but_rows_stay_while_somebody_walks_through_them(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), *(started(0, month) for month in range(12)))
    with served(run) as host:
        opened(tab, host)
        rows = show_nodes(tab)
        expect(node(tab, "load[0]")).to_have_attribute("data-state", "RUNNING")
        rows.focus()
        tab.keyboard.press("Home")
        run.tell(ended(0, 5, TaskState.FAILED, error=ERROR))
        expect(node(tab, "load[5]")).to_have_attribute("data-state", "FAILED")
        again = tab.get_by_role("button", name="Sort again")
        expect(again).to_be_visible()
        expect_first(tab, "load[0]")
        again.click()
        expect(again).to_be_hidden()
        expect_first(tab, "load[5]")
        expect(node(tab, "load[0]")).to_have_attribute("aria-selected", "true")
        run.tell(ended(0, 3, TaskState.FAILED, error=ERROR))  # nobody is in the rows any more
        expect(node(tab, "load[3]")).to_have_attribute("data-row", "0")
        run.tell(run_finished(RunState.FAILED))
        expect(node(tab, "load[5]")).to_have_attribute("data-row", "1")


@pytest.mark.parametrize("text", [HOSTILE, "'\"><svg onload=window.canary='ran'>"])
def test_hostile_names_and_reasons_are_only_text(tab: Tab, text: str) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, text, 2, mapped=True),)))
    run.tell(ended(0, 0, TaskState.FAILED, error=ERROR, reason=text))
    with served(run) as host:
        opened(tab, host)
        show_nodes(tab)
        cells = tab.locator(".wf-row.wf-noderow").first.get_by_role("gridcell")
        expect(cells.first).to_have_text(f"{text}[0]")
        expect(cells.last).to_have_text(text)
        tab.get_by_label("Search names and reasons").fill(text[:12])
        expect(count_told(tab)).to_have_text("2 nodes")
        assert tab.evaluate("window.canary") is None
        assert tab.locator(".wfkit img, .wfkit script, .wfkit iframe").count() == 0
        assert {path for path in host.requests if path not in {"/", "/widget.js", "/messages"}} == set()


def test_100_000_rows_are_sorted_and_scrolled_through_with_few_elements(tab: Tab) -> None:
    run = long_run(100_000)
    group = next(iter(run.view_model.groups.values()))
    for index in range(100_000):  # told one by one this takes a minute
        group.states[index] = CODES[TaskState.COMPLETED]
        group.started_s[index], group.ended_s[index] = 1_700_000_000.0 + index * 0.01, 1_700_000_001.0 + index * 0.0101
        group.attempts[index], group.worker_of[index] = 1 + index % 3, -1
    group.counts[CODES[TaskState.PENDING]], group.counts[CODES[TaskState.COMPLETED]] = 0, 100_000
    run.tell(ended(0, 77_777, TaskState.FAILED, error=ERROR, reason="a rare reason", after_s=2_000))
    with served(run) as host:
        opened(tab, host)
        rows = show_nodes(tab)
        expect(rows).to_have_attribute("aria-rowcount", "100001")
        expect(node(tab, "item[77777]")).to_have_attribute("data-row", "0")
        expect(node(tab, "item[0]").get_by_role("gridcell").nth(4)).to_have_text("1.0 s")
        assert tab.locator(".wf-row.wf-noderow").count() < 60
        sort_by(tab, "Duration")
        sort_by(tab, "Duration")
        expect(node(tab, "item[99999]")).to_be_visible()
        rows.focus()
        tab.keyboard.press("End")
        expect(node(tab, "item[0]")).to_be_in_viewport()
        tab.evaluate(
            """() => { window.frames = []; const rows = document.querySelector('.wf-nodes .wf-rows');
            let last = performance.now(), step = 0;
            const look = () => { const now = performance.now(); window.frames.push(now - last); last = now;
              rows.scrollTop = 2000 * step;
              if (step++ < 120) requestAnimationFrame(look); else window.scrolled = true; };
            requestAnimationFrame(look); }"""
        )
        tab.wait_for_function("window.scrolled")
        frames = sorted(tab.evaluate("window.frames"))
        print(f"scrolling: median {frames[60]:.1f} ms, p95 {frames[114]:.1f} ms")
        assert frames[60] < 250, "on a busy machine, too; 17 ms on a quiet one"
        tab.get_by_label("Search names and reasons").fill("RARE reason")
        expect(count_told(tab)).to_have_text("1 of 100,000 nodes")
        tab.get_by_label("Search names and reasons").fill("item[4242")
        expect(count_told(tab)).to_have_text("11 of 100,000 nodes")
