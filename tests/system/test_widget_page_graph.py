"""The graph in the built widget: frames that fold, search, failures, zoom, and pictures of five flows."""

from __future__ import annotations

import os
import re
import time
from array import array
from pathlib import Path

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.graphs import GRAPHS, Sketch, backtest, delays, warehouse
from tests.notebook.stories import monthly
from tests.notebook.telling import BEGIN_S, ERROR, StoryRun, ended, run_started, spec
from tests.system.widget_page import assert_apart, opened, row, served
from wfkit.core.events import NodesAdded
from wfkit.core.states import TaskState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

_LABELS_PX = """() => { const zoom = new DOMMatrix(getComputedStyle(document.querySelector('.wf-plane')).transform).a;
  const names = [...document.querySelectorAll('.wf-card-name')];
  return names.map(name => zoom * parseFloat(getComputedStyle(name).fontSize)); }"""


def as_of_now(run: StoryRun) -> StoryRun:
    """The same run as if it had begun half a minute ago, so that its clocks read well."""
    shift_s = time.time() - BEGIN_S - 31.0
    view = run.view_model
    view.started_s = BEGIN_S + shift_s
    for group in view.groups.values():
        for times in (group.started_s, group.ended_s):
            times[:] = array(times.typecode, (at_s + shift_s for at_s in times))
    return run


@pytest.mark.parametrize("name", GRAPHS)
def test_five_flows_are_seen_whole_with_labels_that_can_be_read(tab: Tab, name: str) -> None:
    tab.set_viewport_size({"width": 1148, "height": 1000})
    with served(as_of_now(GRAPHS[name]())) as host:
        opened(tab, host)
        expect(tab.locator(".wf-card").first).to_be_visible()
        tab.get_by_role("button", name="Show all").click(force=True)
        overflow = tab.locator(".wf-viewport").evaluate(
            "view => [view.scrollWidth - view.clientWidth, view.scrollHeight - view.clientHeight]"
        )
        assert max(overflow) <= 1
        assert min(tab.evaluate(_LABELS_PX)) >= 11
        assert_apart(tab)
        tab.mouse.move(0, 0)
        tab.evaluate("document.activeElement.blur()")
        if folder := os.environ.get("WFKIT_PICTURES"):
            for theme in ("light", "dark"):
                tab.evaluate(f"document.body.className = '{'dark lab-dark' if theme == 'dark' else 'lab'}'")
                expect(tab.locator(".wfkit")).to_have_attribute("data-theme", theme)
                tab.locator(".wfkit").screenshot(path=Path(folder) / f"{name}-{theme}.png", animations="disabled")


def test_a_flow_is_a_frame_that_folds_into_one_card_and_unfolds_again(tab: Tab) -> None:
    with served(delays()) as host:
        opened(tab, host)
        expect(tab.locator(".wf-nest")).to_have_count(4)
        cards = tab.locator(".wf-card").count()
        tab.locator('.wf-nest-head:has-text("enrich") .wf-twist').click()
        expect(tab.locator(".wf-nest")).to_have_count(3)
        expect(tab.locator(".wf-card")).to_have_count(cards - 5 + 1)
        folded = tab.locator(".wf-card.wf-folded")
        expect(folded).to_contain_text("enrich")
        expect(folded).to_have_attribute("title", "enrich: 26 completed, 9 running, 59 pending, 3 upstream failed")
        assert_apart(tab)
        expect(row(tab, "weather")).to_be_hidden()
        tab.evaluate("window.again()")
        expect(tab.locator(".wf-card.wf-folded")).to_have_count(1)
        tab.locator(".wf-card.wf-folded .wf-twist").click()
        expect(tab.locator(".wf-nest")).to_have_count(4)


def test_spawned_children_fold_below_their_parent(tab: Tab) -> None:
    with served(backtest()) as host:
        opened(tab, host)
        expect(tab.locator(".wf-below")).to_have_count(3)
        tab.locator(".wf-card:not(.wf-below)", has_text="search").locator(".wf-twist").click()
        expect(tab.locator(".wf-below")).to_have_count(0)
        folded = tab.locator(".wf-card.wf-folded")
        expect(folded).to_have_attribute("title", "search: 51 completed, 7 waiting, 40 pending")


def test_the_keyboard_folds_and_unfolds_in_the_list(tab: Tab) -> None:
    with served(delays()) as host:
        opened(tab, host)
        clean = row(tab, "clean")
        expect(clean).to_have_attribute("aria-expanded", "true")
        clean.focus()
        tab.keyboard.press("-")
        expect(clean).to_have_attribute("aria-expanded", "false")
        expect(row(tab, "parse_times")).to_be_hidden()
        expect(tab.locator(".wf-card.wf-folded.wf-cursor")).to_contain_text("clean")
        tab.keyboard.press("ArrowDown")
        assert tab.evaluate("document.activeElement.dataset.wfkitNode") == "airports"
        tab.keyboard.press("ArrowUp")
        tab.keyboard.press("ArrowRight")
        expect(clean).to_have_attribute("aria-expanded", "true")
        tab.keyboard.press("ArrowDown")
        assert tab.evaluate("document.activeElement.dataset.wfkitNode") == "parse_times"
        expect(row(tab, "airports")).not_to_have_attribute("aria-expanded", "true")


def test_all_that_was_asked_to_be_shown_stays_shown_when_a_card_is_opened(tab: Tab) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=tuple(spec(number, f"task{number}") for number in range(40))))
    with served(run) as host:
        opened(tab, host)
        view = tab.locator(".wf-viewport")
        below = "view => view.scrollHeight - view.clientHeight"
        assert view.evaluate(below) > 100
        tab.get_by_role("button", name="Show all").click(force=True)
        assert view.evaluate(below) <= 1
        tab.locator(".wf-card").first.click()
        expect(tab.locator(".wf-panel")).to_be_visible()
        assert view.evaluate(below) <= 1


def test_what_is_under_the_pointer_stays_there_while_it_zooms(tab: Tab) -> None:
    tab.set_viewport_size({"width": 1500, "height": 1000})
    with served(monthly()) as host:
        opened(tab, host)
        card = tab.locator(".wf-card", has_text="delays")
        box = card.bounding_box()
        assert box is not None
        at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tab.mouse.move(*at)
        tab.keyboard.down("Control")
        for _ in range(3):
            tab.mouse.wheel(0, -100)
        tab.keyboard.up("Control")
        expect(tab.locator(".wf-plane")).to_have_attribute("style", re.compile(r"scale\(1\.6\)"))
        after = card.bounding_box()
        assert after is not None
        assert after["x"] + after["width"] / 2 == pytest.approx(at[0], abs=3)


def test_the_row_that_the_tab_key_reaches_is_one_that_is_shown(tab: Tab) -> None:
    with served(delays()) as host:
        opened(tab, host)
        row(tab, "parse_times").focus()
        tab.locator('.wf-nest-head:has-text("clean") .wf-twist').click()
        expect(row(tab, "parse_times")).to_be_hidden()
        expect(row(tab, "clean")).to_have_attribute("tabindex", "0")
        expect(row(tab, "parse_times")).to_have_attribute("tabindex", "-1")


def test_search_goes_from_match_to_match_and_finds_what_is_folded(tab: Tab) -> None:
    with served(delays()) as host:
        opened(tab, host)
        tab.locator('.wf-nest-head:has-text("enrich") .wf-twist').click()
        field = tab.get_by_role("searchbox", name="Find a task")
        field.fill("AIR")
        expect(tab.locator(".wf-finder")).to_contain_text("2 matches")
        expect(tab.locator(".wf-card.wf-found")).to_have_count(2)  # airports, and what holds aircraft_age
        expect(tab.locator(".wf-card.wf-found.wf-folded")).to_contain_text("enrich")
        field.press("Enter")
        expect(tab.locator(".wf-panel-title")).to_have_text("airports")
        expect(field).to_be_focused()
        field.press("Enter")
        expect(tab.locator(".wf-panel-title")).to_have_text("aircraft_age")
        expect(tab.locator(".wf-card.wf-selected")).to_contain_text("aircraft_age")  # what hid it is unfolded
        field.press("Enter")
        expect(tab.locator(".wf-panel-title")).to_have_text("airports")
        field.press("Escape")
        expect(tab.locator(".wf-found, .wf-dim")).to_have_count(0)


def test_a_chip_shows_where_its_state_is(tab: Tab) -> None:
    with served(warehouse()) as host:
        opened(tab, host)
        chip = tab.locator('.wf-chip[data-state="UPSTREAM_FAILED"]')
        chip.click()
        expect(chip).to_have_attribute("aria-pressed", "true")
        expect(tab.locator(".wf-card.wf-found")).to_have_count(6)
        expect(tab.locator(".wf-card.wf-dim")).to_have_count(54)
        chip.click()
        expect(tab.locator(".wf-card.wf-dim")).to_have_count(0)


def test_the_next_failure_is_selected_and_brought_into_sight(tab: Tab) -> None:
    flow = Sketch("long")
    for i in range(120):
        flow.call(f"step{i}", *([f"step{i - 3}"] if i > 2 else []))
    run = flow.run()
    run.tell(*(ended(i, 0, TaskState.FAILED, error=ERROR) for i in (4, 117)))
    with served(run) as host:
        opened(tab, host)
        button = tab.get_by_role("button", name="Go to failure (2)")
        for name in ("step4", "step117", "step4"):
            button.click()
            expect(tab.locator(".wf-panel-title")).to_have_text(name)
            expect(tab.locator(".wf-card.wf-selected")).to_be_in_viewport(ratio=0.9)


def test_the_selected_card_stays_where_it_is_while_the_run_grows(tab: Tab) -> None:
    flow = Sketch("growing")
    flow.call("etl", kind="flow")
    for i in range(30):
        flow.call(f"step{i}", within="etl")
    flow.call("after", "step29")
    run = flow.run()
    where = """() => { const box = document.querySelector('.wf-selected').getBoundingClientRect();
      return [box.x, box.y]; }"""
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="after").click()
        for _ in range(3):
            tab.get_by_role("button", name="Zoom in").click(force=True)
        tab.locator(".wf-selected").scroll_into_view_if_needed()
        before = tab.evaluate(where)
        run.tell(NodesAdded(groups=tuple(spec(100 + i, f"more{i}", 1, parent="g0") for i in range(20))))
        expect(row(tab, "more19")).to_have_count(1)
        expect(tab.locator(".wf-selected")).to_have_count(1)
        after = tab.evaluate(where)
        assert abs(after[0] - before[0]) < 3
        assert abs(after[1] - before[1]) < 3


def test_ctrl_and_wheel_zooms_around_the_mouse_and_the_empty_plane_is_dragged(tab: Tab) -> None:
    with served(warehouse()) as host:
        opened(tab, host)
        zoom = "() => new DOMMatrix(getComputedStyle(document.querySelector('.wf-plane')).transform).a"
        first = tab.evaluate(zoom)
        target = tab.locator(".wf-card", has_text="notify")
        box = target.bounding_box()
        assert box is not None
        tab.mouse.move(box["x"] + 20, box["y"] + 10)
        tab.keyboard.down("Control")
        tab.mouse.wheel(0, -240)
        tab.keyboard.up("Control")
        tab.wait_for_function(f"({zoom})() > {first} * 1.5")
        zoomed = target.bounding_box()
        assert zoomed is not None
        assert zoomed["x"] <= box["x"] + 20 <= zoomed["x"] + zoomed["width"]
        view = tab.locator(".wf-viewport")
        start = view.evaluate("view => view.scrollLeft")
        tab.mouse.move(zoomed["x"] + 60, zoomed["y"] + zoomed["height"] + 60)
        tab.mouse.down()
        tab.mouse.move(zoomed["x"] + 160, zoomed["y"] + zoomed["height"] + 60)
        tab.mouse.up()
        assert view.evaluate("view => view.scrollLeft") < start
        tab.get_by_role("button", name="Show all").click(force=True)
        assert tab.evaluate(zoom) <= first + 0.01
