"""The built widget in a real browser, on a bare page, with a real FlowView behind it."""

from __future__ import annotations

import re
import time
from statistics import median

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import BAD_MONTH, monthly, monthly_graph, monthly_steps
from tests.notebook.telling import (
    ERROR,
    HOSTILE,
    StoryRun,
    edge,
    ended,
    logged,
    run_finished,
    run_started,
    spec,
    started,
)
from tests.system.widget_page import assert_apart, opened, row, served
from wfkit.core.events import ErrorInfo, How, NodesAdded
from wfkit.core.states import RunState, TaskState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


def test_the_list_follows_the_run_from_pending_to_its_end(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph())
    with served(run) as host:
        opened(tab, host)
        expect(row(tab, "load")).to_have_attribute("data-state", "PENDING")
        run.tell(started(0, 0))
        expect(row(tab, "load")).to_have_attribute("data-state", "RUNNING")
        run.tell(*(ended(0, month) for month in range(12)), started(1, 0))
        expect(row(tab, "load")).to_have_attribute("data-state", "COMPLETED")
        expect(row(tab, "clean")).to_have_attribute("data-state", "RUNNING")
        run.tell(ended(1, 0, TaskState.FAILED, error=ERROR))
        expect(row(tab, "clean")).to_have_attribute("data-counts", "PENDING=11 FAILED=1")
        run.tell(run_finished(RunState.FAILED, reason="clean[0] failed"))
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "FAILED")
        expect(tab.locator(".wf-reason")).to_have_text("clean[0] failed")
        expect(tab.get_by_role("status").last).to_contain_text("monthly: failed")


def test_graph_and_list_show_the_same(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        names = tab.locator('[role="treegrid"] tbody tr').evaluate_all("rows => rows.map(row => row.dataset.wfkitNode)")
        assert names == ["load", "clean", "delays", "carriers", "best", "worst", "report"]
        expect(tab.locator(".wf-card")).to_have_count(7)
        assert sorted(tab.locator(".wf-card-name").all_inner_texts()) == sorted(names)
        expect(tab.locator(".wf-card", has_text="clean")).to_have_attribute("title", "clean: 11 completed, 1 failed")
        tab.get_by_role("button", name="Table", exact=True).click()
        expect(row(tab, "clean")).to_be_visible()
        expect(tab.locator(".wf-viewport")).to_be_hidden()


def test_a_click_on_a_failed_node_shows_error_traceback_and_log(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="clean").click()
        elements = tab.locator(".wf-element")
        expect(elements).to_have_count(12)
        expect(elements.first).to_have_attribute("data-wfkit-node", f"clean[{BAD_MONTH}]")
        elements.first.click()
        node = tab.locator(f'[data-wfkit-detail="clean[{BAD_MONTH}]"]')
        expect(node.locator(".wf-traceback").first).to_have_text(ERROR.traceback)
        expect(node.locator(".wf-error-message").first).to_have_text(ERROR.message)
        expect(node.locator(".wf-attempt")).to_have_count(2)
        expect(node.locator(".wf-log").last).to_contain_text("cannot make sense of column dep_delay")
        expect(node).to_contain_text("tcp://127.0.0.1:40001")
        tab.keyboard.press("Escape")
        expect(tab.locator(".wf-panel")).to_be_hidden()


def test_copy_takes_the_traceback(tab: Tab) -> None:
    with served(monthly()) as host:
        tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened(tab, host)
        tab.locator(".wf-card", has_text="clean").click()
        tab.locator(".wf-element").first.click()
        tab.get_by_role("button", name="Copy traceback").first.click()
        expect(tab.locator(".wf-copy").first).to_have_text("Copied")
        assert tab.evaluate("navigator.clipboard.readText()") == ERROR.traceback


def test_a_keyboard_reaches_everything(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        for _ in range(30):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.dataset.wfkitNode") == "load":
                break
        expect(tab.locator(".wf-card.wf-cursor")).to_contain_text("load")
        tab.keyboard.press("ArrowDown")
        assert tab.evaluate("document.activeElement.dataset.wfkitNode") == "clean"
        tab.keyboard.press("ArrowRight")
        assert tab.evaluate("document.activeElement.dataset.wfkitNode") == "delays"
        tab.keyboard.press("ArrowLeft")
        expect(tab.locator(".wf-card.wf-cursor")).to_contain_text("clean")
        tab.keyboard.press("Enter")
        expect(tab.locator(".wf-panel-title")).to_be_focused()
        expect(tab.locator(".wf-panel-title")).to_have_text("clean")
        while tab.evaluate("document.activeElement.dataset.wfkitNode") != f"clean[{BAD_MONTH}]":
            tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        expect(tab.locator(".wf-frames").first).to_be_visible()
        tab.keyboard.press("Escape")
        assert tab.evaluate("document.activeElement.dataset.wfkitNode") == "clean"


@pytest.mark.parametrize(
    "text", [HOSTILE, "<script>window.canary='ran'</script>", "'\"><svg onload=window.canary='ran'>"]
)
def test_hostile_names_messages_and_logs_are_only_text(tab: Tab, text: str) -> None:
    error = ErrorInfo(type_name=text, message=text, traceback=text)
    run = StoryRun(
        run_started(text),
        NodesAdded(groups=(spec(0, text), spec(1, f"m{text}", 2, edge(0), mapped=True))),
        logged(0, 0, 1, text, source=text),
        ended(0, state=TaskState.FAILED, error=error, reason=text, preview=text),
        ended(1, 0, state=TaskState.COMPLETED, preview=text),
    )
    with served(run) as host:
        opened(tab, host)
        expect(tab.locator(".wf-title")).to_have_text(text)
        tab.locator(".wf-card").first.click()
        expect(tab.locator(".wf-traceback")).to_have_text(text)
        expect(tab.locator(".wf-log-text")).to_have_text(text)
        expect(tab.locator(".wf-pre").last).to_have_text(text)
        tab.locator(".wf-card").last.click()
        tab.locator(".wf-element").first.click()
        run.tell(run_finished(RunState.FAILED, reason=text))
        expect(tab.locator(".wf-reason")).to_have_text(text)
        assert tab.evaluate("window.canary") is None
        assert tab.locator(".wfkit img, .wfkit script, .wfkit iframe").count() == 0
        assert {path for path in host.requests if path not in {"/", "/widget.js", "/messages"}} == set()


def test_a_lost_message_is_asked_for_again(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph())
    with served(run) as host:
        opened(tab, host)
        tab.evaluate("() => { window.lost = 0; window.drop = ({ op }) => op === 'delta' && window.lost++ === 0; }")
        run.tell(started(0, 0))
        tab.wait_for_function("window.lost === 1")
        run.tell(ended(0, 0))
        expect(row(tab, "load")).to_have_attribute("data-counts", "PENDING=11 COMPLETED=1")
        assert tab.evaluate("window.sent.map(message => message.op)") == ["hello", "hello"]


def test_a_view_that_is_rendered_again_keeps_what_was_chosen(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Table", exact=True).click()
        row(tab, "clean").click()
        tab.locator(".wf-element").first.click()
        expect(tab.locator(".wf-frames").first).to_be_visible()
        tab.evaluate("window.again()")
        expect(tab.locator(".wfkit")).to_have_count(1)
        expect(tab.locator(".wf-frames").first).to_be_visible()
        expect(tab.locator(".wfkit")).to_have_attribute("data-mode", "table")


def test_filters_order_zoom_and_follow_are_kept_too(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="clean").dblclick()
        tab.get_by_role("button", name="Failures first").click()
        tab.get_by_role("button", name="Table", exact=True).click()
        tab.get_by_role("button", name="Nodes", exact=True).click()
        nodes = tab.locator(".wf-nodes")
        nodes.get_by_label("Task").select_option("clean")
        nodes.get_by_label("State").select_option("COMPLETED")
        nodes.get_by_role("columnheader", name="Name").get_by_role("button").click()
        nodes.get_by_role("columnheader", name="Name").get_by_role("button").click()
        nodes.get_by_role("searchbox").fill("clean[1")
        expect(nodes.locator(".wf-count")).to_contain_text("3 of 40 nodes")
        tab.get_by_role("button", name="Logs").click()
        logs = tab.locator(".wf-logs-pane")
        logs.get_by_label("Least level").select_option("40")
        logs.get_by_role("button", name="Follow").click()
        tab.get_by_role("button", name="Timeline").click()
        timeline = tab.locator(".wf-tl-window")
        timeline.focus()
        timeline.press("+")
        tab.evaluate("window.again()")
        timeline.focus()
        before = timeline.screenshot()
        timeline.press("0")
        tab.mouse.move(0, 0)
        assert timeline.screenshot() != before
        tab.get_by_role("button", name="Logs").click()
        expect(logs.get_by_label("Least level")).to_have_value("40")
        expect(logs.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
        tab.get_by_role("button", name="Table", exact=True).click()
        expect(nodes.locator(".wf-count")).to_contain_text("3 of 40 nodes")
        expect(nodes.locator('[aria-sort="descending"]')).to_have_text("Name")
        expect(nodes.get_by_label("Task").locator("option:checked")).to_have_text("clean")
        tab.get_by_role("button", name="Graph", exact=True).click()
        expect(tab.get_by_role("button", name="Failures first")).to_have_attribute("aria-pressed", "true")


def test_two_views_of_one_widget_are_looked_at_apart(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0, 0))
    tab.set_viewport_size({"width": 1200, "height": 2400})
    with served(run) as host:
        opened(tab, host)
        tab.evaluate("window.another()")
        one, other = tab.locator(".wfkit").first, tab.locator(".wfkit").last
        one.get_by_role("button", name="Table", exact=True).click()
        expect(one).to_have_attribute("data-mode", "table")
        run.tell(*(ended(0, month) for month in range(12)))
        expect(other.locator(".wf-card", has_text="load").locator(".wf-card-progress")).to_have_text("12/12")
        one.get_by_role("button", name="Graph", exact=True).click()
        one.locator(".wf-card", has_text="load").dblclick()
        expect(one.locator(".wf-grid")).to_be_visible()
        run.tell(started(1, 0))
        expect(other.locator(".wf-card", has_text="clean")).to_have_attribute("title", "clean: 1 running, 11 pending")
        tab.evaluate("window.another()")
        expect(tab.locator(".wfkit").last.locator(".wf-grid")).to_be_visible()


def test_cards_stand_still_while_the_run_grows(tab: Tab) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "first"), spec(1, "second", 1, edge(0)))))
    with served(run) as host:
        opened(tab, host)
        expect(tab.locator(".wf-card")).to_have_count(2)
        where = (
            "() => [...document.querySelectorAll('.wf-card')].slice(0, 2).map(card => card.style.left + card.style.top)"
        )
        before = tab.evaluate(where)
        for number in range(2, 12):
            run.tell(NodesAdded(groups=(spec(number, f"task{number}", 5, edge(number // 3, How.ALL), mapped=True),)))
        expect(tab.locator('[role="treegrid"] tbody tr')).to_have_count(12)
        assert tab.evaluate(where) == before
        assert_apart(tab)


def test_10_000_elements_are_listed_by_the_page_failures_first(tab: Tab) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "item", 10_000, mapped=True),)))
    run.tell(*(ended(0, index, TaskState.FAILED, error=ERROR) for index in (9_999, 4_321)))
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card").click()
        expect(tab.locator(".wf-element")).to_have_count(100)
        assert tab.locator(".wf-element-name").all_inner_texts()[:3] == ["item[4321]", "item[9999]", "item[0]"]
        expect(tab.locator(".wf-pager")).to_contain_text("1\u2013100 of 10,000")
        tab.get_by_role("button", name="Next").click()
        expect(tab.locator(".wf-element").first).to_have_attribute("data-wfkit-node", "item[98]")
        tab.get_by_role("button", name="Failed, 2").click()
        expect(tab.locator(".wf-element")).to_have_count(2)


def test_2_000_groups_do_not_freeze_the_page(tab: Tab) -> None:
    groups = [
        spec(number, f"task{number}", 3, *([edge(number - 40)] if number >= 40 else []), mapped=True)
        for number in range(2000)
    ]
    run = StoryRun(run_started(), NodesAdded(groups=tuple(groups)))
    with served(run) as host:
        begun_s = time.monotonic()
        opened(tab, host)
        expect(tab.locator('[role="treegrid"] tbody tr')).to_have_count(2000)
        assert time.monotonic() - begun_s < 10
        assert tab.locator(".wf-card").count() < 300, "only what is in sight is built"
        tab.evaluate(
            """() => { window.gaps = []; let last = performance.now();
            const look = () => { const now = performance.now(); window.gaps.push(now - last);
              last = now; requestAnimationFrame(look); }; look(); }"""
        )
        for index in range(60):
            run.tell(started(index, 0), ended(index, 0))
            tab.evaluate("() => new Promise(requestAnimationFrame)")
        expect(row(tab, "task59")).to_have_attribute("data-counts", "PENDING=2 COMPLETED=1")
        assert median(tab.evaluate("window.gaps")) < 250


def test_the_theme_of_the_host_is_followed(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        expect(tab.locator(".wfkit")).to_have_attribute("data-theme", "light")
        tab.evaluate("document.body.className = 'dark lab-dark'")
        expect(tab.locator(".wfkit")).to_have_attribute("data-theme", "dark")


def test_motion_stops_where_the_reader_asks_for_it(tab: Tab) -> None:
    tab.emulate_media(reduced_motion="reduce")
    with served(StoryRun(run_started(), monthly_graph(), started(0, 0))) as host:
        opened(tab, host)
        moving = tab.evaluate(
            """[...document.querySelectorAll('.wfkit *')]
            .filter(part => getComputedStyle(part).animationName !== 'none').length"""
        )
        assert moving == 0


def test_the_elapsed_time_ticks_and_stops(tab: Tab) -> None:
    run = StoryRun(run_started(at_s=time.time() - 61.2), monthly_graph())
    with served(run) as host:
        opened(tab, host)
        elapsed = tab.locator(".wf-elapsed")
        expect(elapsed).to_have_text(re.compile(r"^1:\d\d$"))
        expect(elapsed).not_to_have_text(elapsed.inner_text())
        tab.goto("about:blank")  # before nobody answers what the page asks
    ended_run = monthly(len(monthly_steps()))
    with served(ended_run) as host:
        opened(tab, host)
        expect(tab.locator(".wf-elapsed")).to_have_text("7.8 s")
