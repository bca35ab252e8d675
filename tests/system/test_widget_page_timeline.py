"""The timeline in a real browser: lanes, live bars, zoom, hover, selection, and what it asks the kernel for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import crawl, monthly, monthly_graph, monthly_steps
from tests.notebook.telling import StoryRun, ended, run_finished, run_started, spec, started
from tests.system.widget_page import Page, opened, served
from wfkit.core.events import AnyEvent, NodesAdded
from wfkit.core.ids import RunId
from wfkit.core.states import RunState, TaskState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

LEFT, AXIS, LANE = 140, 22, 22  #: pixels: labels, axis, and a lane while there are few


def timeline(tab: Tab, host: Page) -> Any:
    """Open the page and its timeline."""
    opened(tab, host)
    tab.get_by_role("button", name="Timeline", exact=True).click()
    picture = tab.get_by_role("img", name="Timeline.")
    expect(picture).to_be_visible()
    return picture


def watches(tab: Tab) -> list[Any]:
    told: list[Any] = tab.evaluate("window.sent.filter(({ op }) => op === 'watch').map(({ have }) => have)")
    return told


def pixel(tab: Tab, x: float, y: float) -> tuple[int, int, int]:
    """The colour at a place of the canvas."""
    red, green, blue, _ = tab.locator(".wf-tl-canvas").evaluate(
        "(canvas, [x, y]) => { const k = devicePixelRatio;"
        " return [...canvas.getContext('2d').getImageData(Math.round(x * k), Math.round(y * k), 1, 1).data]; }",
        [x, y],
    )
    return red, green, blue


def now(*steps: AnyEvent, ago_s: float) -> list[AnyEvent]:
    """Events that count from `ago_s` ago instead of the story's beginning."""
    shift = time.time() - ago_s - 1_700_000_000.0
    return [replace(event, at_s=event.at_s + shift) for event in steps]


def place(tab: Tab, after_s: float, whole_s: float, lane: int) -> tuple[float, float]:
    """Where a time lies on a lane, in pixels of the page, while all of the run is in sight."""
    box: Any = tab.locator(".wf-tl-canvas").bounding_box()
    share = after_s / (whole_s * 1.01)
    return box["x"] + LEFT + share * (box["width"] - LEFT), box["y"] + AXIS + (lane + 0.5) * LANE


def settled(met: Callable[[], bool], tab: Tab) -> bool:
    """Whether a condition is met in the end; the page cannot wait for what Python computes."""
    for _ in range(100):
        if met():
            return True
        tab.wait_for_timeout(30)
    return False


def test_columns_are_asked_for_only_while_the_timeline_is_shown(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        assert watches(tab) == []
        tab.get_by_role("button", name="Timeline", exact=True).click()
        expect(tab.get_by_role("img", name="Timeline. 2 workers")).to_be_visible()
        assert watches(tab) == [None]
        tab.get_by_role("button", name="Graph", exact=True).click()
        tab.wait_for_timeout(4500)  # no sign tells that it was not asked again, which it would be each 4 s
        assert len(watches(tab)) == 1
        tab.get_by_role("button", name="Timeline", exact=True).click()
        assert settled(lambda: len(watches(tab)) == 2, tab)
        assert watches(tab)[1] == 1


def test_the_timeline_is_told_in_words(tab: Tab) -> None:
    with served(monthly()) as host:
        picture = timeline(tab, host)
        expect(picture).to_have_attribute(
            "aria-label",
            "Timeline. 2 workers, 3 lanes, busy 48 % of 7.5 s. "
            "Longest: clean[6] 0.6 s, delays[0] 0.4 s, delays[2] 0.4 s.",
        )
        expect(tab.locator(".wf-tl-foot")).to_contain_text("2 workers, 3 lanes")


def test_a_run_without_any_start_says_so_and_follows_the_first(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph())
    with served(run) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Timeline", exact=True).click()
        expect(tab.locator(".wf-timeline")).to_contain_text("Nothing has run yet.")
        run.tell(started(0, 0))
        expect(tab.get_by_role("img", name="Timeline. 1 worker, 1 lane")).to_be_visible()
        run.tell(started(0, 1))
        expect(tab.get_by_role("img", name="Timeline. 2 workers, 2 lanes")).to_be_visible()


def test_a_running_bar_grows_to_the_line_of_now_and_takes_the_colour_of_its_end(tab: Tab) -> None:
    added = NodesAdded(groups=(spec(0, "item", 2, mapped=True),))
    run = StoryRun(*now(run_started(), added, started(0, 0, after_s=0.0), ago_s=10))
    with served(run) as host:
        timeline(tab, host)
        assert settled(lambda: pixel(tab, LEFT + 50, AXIS + LANE / 2)[2] > 180, tab), "blue: it runs"
        run.tell(*now(ended(0, 0, TaskState.FAILED, after_s=10), ago_s=10))
        assert settled(lambda: pixel(tab, LEFT + 50, AXIS + LANE / 2)[0] > 180, tab), "red: it failed"


def test_the_pointer_tells_name_state_worker_and_attempt(tab: Tab) -> None:
    with served(monthly()) as host:
        timeline(tab, host)
        expect(tab.get_by_role("img", name="Timeline. 2 workers")).to_be_visible()
        tab.mouse.move(*place(tab, 7.3, 7.6, 0))
        tip = tab.locator(".wf-tl-tip")
        expect(tip).to_contain_text("clean[6]")
        expect(tip).to_contain_text("Failed, attempt 2 of 2")
        expect(tip).to_contain_text("0.6 s, from 7.0 s to 7.6 s")
        expect(tip).to_contain_text("127.0.0.1:40001")
        tab.mouse.move(5, 5)
        expect(tip).to_be_hidden()


def test_a_click_selects_in_all_panes_and_the_others_are_dimmed(tab: Tab) -> None:
    with served(monthly()) as host:
        timeline(tab, host)
        expect(tab.get_by_role("img", name="Timeline. 2 workers")).to_be_visible()
        x, y = place(tab, 7.3, 7.6, 0)
        before = pixel(tab, LEFT + 40, AXIS + LANE / 2)
        tab.mouse.click(x, y)
        expect(tab.locator(".wf-panel")).to_contain_text("clean[6]")
        assert settled(lambda: pixel(tab, LEFT + 25, AXIS + LANE / 2) != before, tab)
        tab.keyboard.press("Escape")
        expect(tab.locator(".wf-panel")).to_be_hidden()


@pytest.mark.parametrize("way", ["keys", "wheel", "buttons"])
def test_it_zooms_and_fits_by_keys_wheel_and_buttons(tab: Tab, way: str) -> None:
    with served(monthly()) as host:
        timeline(tab, host)
        expect(tab.get_by_role("img", name="Timeline. 2 workers")).to_be_visible()
        window = tab.locator(".wf-tl-window")
        picture = "canvas => canvas.toDataURL()"
        canvas = tab.locator(".wf-tl-canvas")
        whole = canvas.evaluate(picture)
        x, y = place(tab, 3.0, 7.6, 0)
        if way == "keys":
            window.focus()
            tab.keyboard.press("+")
        elif way == "wheel":
            tab.mouse.move(x, y)
            tab.keyboard.down("Control")
            tab.mouse.wheel(0, -200)
            tab.keyboard.up("Control")
        else:
            tab.get_by_role("button", name="Zoom in").last.click()
        tab.mouse.move(5, 5)
        assert settled(lambda: canvas.evaluate(picture) != whole, tab)
        near = canvas.evaluate(picture)
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x - 120, y, steps=4)
        tab.mouse.up()
        tab.mouse.move(5, 5)
        assert settled(lambda: canvas.evaluate(picture) != near, tab), "it was dragged"
        expect(tab.locator(".wf-panel")).to_be_hidden()
        if way == "keys":
            window.focus()
            tab.keyboard.press("0")
        elif way == "wheel":
            tab.mouse.dblclick(x, y)
        else:
            tab.get_by_role("button", name="Show all of the run").click()
        assert settled(lambda: canvas.evaluate(picture) == whole or way != "buttons", tab)


def test_a_press_ends_where_it_is_released_also_outside(tab: Tab) -> None:
    with served(monthly()) as host:
        timeline(tab, host)
        expect(tab.get_by_role("img", name="Timeline. 2 workers")).to_be_visible()
        tab.locator(".wf-timeline").get_by_role("button", name="Zoom in").click(click_count=4)
        box: Any = tab.locator(".wf-tl-window").bounding_box()
        x, foot = box["x"] + box["width"] / 2, box["y"] + box["height"]
        tab.mouse.move(x, foot - 2)
        tab.mouse.down()
        tab.mouse.move(x, foot + 60)
        tab.mouse.up()
        expect(tab.locator(".wf-panel")).to_be_hidden()
        canvas, picture = tab.locator(".wf-tl-canvas"), "canvas => canvas.toDataURL()"
        before = canvas.evaluate(picture)
        tab.mouse.move(x, foot - 30)
        tab.mouse.move(x - 200, foot - 30, steps=4)
        tab.evaluate("() => new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))")
        assert canvas.evaluate(picture) == before, "it is no longer dragged"


def test_another_run_is_shown_whole_and_without_the_bars_of_the_one_before(tab: Tab) -> None:
    with served(monthly()) as host:
        timeline(tab, host)
        expect(tab.get_by_role("img", name="Timeline. 2 workers")).to_be_visible()
        zoom = tab.locator(".wf-timeline").get_by_role("button", name="Zoom in")
        zoom.click(click_count=4)
        tab.evaluate("() => { window.drop = ({ op }) => op === 'columns'; }")
        graph = NodesAdded(groups=(spec(0, "item", 2, mapped=True),))
        began = replace(run_started(at_s=1_700_000_100.0), run_id=RunId("r-2"))
        bars: list[AnyEvent] = [started(0, 0, after_s=100), ended(0, 0, after_s=120)]
        bars += [started(0, 1, after_s=120), ended(0, 1, after_s=140)]
        host.view.turn_to(StoryRun(began, graph, *bars, run_finished(RunState.COMPLETED)))
        expect(tab.locator(".wf-timeline")).to_contain_text("Nothing has run yet.")
        tab.evaluate("() => { window.drop = undefined; }")
        expect(tab.get_by_role("img", name="Timeline. 2 workers")).to_be_visible(timeout=12_000)  # it asks every 4 s
        tab.mouse.move(*place(tab, 39, 40, 1))
        expect(tab.locator(".wf-tl-tip")).to_contain_text("item[1]")


def test_bars_of_what_nodes_spawned_have_names_that_only_the_kernel_knows(tab: Tab) -> None:
    with served(crawl()) as host:
        timeline(tab, host)
        expect(tab.locator(".wf-tl-foot p")).to_contain_text("Longest: total#3 ")


def test_a_lost_message_is_asked_for_again(tab: Tab) -> None:
    run = StoryRun()
    steps = monthly_steps()
    for events in steps[:6]:
        run.tell(*events)
    with served(run) as host:
        timeline(tab, host)
        expect(tab.get_by_role("img", name="Timeline. ")).to_be_visible()
        assert settled(lambda: watches(tab) == [None], tab)
        tab.wait_for_timeout(1200)  # a gap is asked about at most once a second, by a clock that nothing shows
        tab.evaluate("() => { window.drop = ({ op }) => op === 'columns' && (window.lost = true); }")
        run.tell(started(0, 9))
        tab.wait_for_function("window.lost")
        tab.evaluate("window.drop = undefined")
        run.tell(started(0, 10))
        assert settled(lambda: None in watches(tab)[1:], tab)


def test_the_colours_follow_the_theme(tab: Tab) -> None:
    with served(monthly()) as host:
        timeline(tab, host)
        expect(tab.get_by_role("img", name="Timeline. 2 workers")).to_be_visible()
        canvas, picture = tab.locator(".wf-tl-canvas"), "canvas => canvas.toDataURL()"
        light = canvas.evaluate(picture)
        tab.evaluate("document.body.classList.add('dark')")
        assert settled(lambda: canvas.evaluate(picture) != light, tab)
