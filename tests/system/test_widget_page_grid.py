"""The grid of a mapped group in a real browser: opened, walked over, searched, filtered, and left again."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from statistics import median

import pytest
from playwright.sync_api import Locator, Position, expect
from playwright.sync_api import Page as Tab

from tests.notebook.stories import crawl
from tests.notebook.telling import ERROR, StoryRun, edge, ended, run_started, spec, started
from tests.system.widget_page import opened, row, served
from wfkit.core.events import How, NodeFinished, NodesAdded
from wfkit.core.ids import RunId
from wfkit.core.states import TaskState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


def etl(length: int, failed: Iterable[int] = (), done: int | None = None) -> StoryRun:
    """load.map -> clean.map -> report, of which load is done and clean so far."""
    run = StoryRun(
        run_started("etl"),
        NodesAdded(
            groups=(
                spec(0, "load", length, mapped=True),
                spec(1, "clean", length, edge(0, How.EACH), mapped=True),
                spec(2, "report", 1, edge(1)),
            )
        ),
    )
    run.tell(*(ended(0, index) for index in range(length)))
    bad = set(failed)
    for index in range(length if done is None else done):
        run.tell(broken(index, "ValueError: odd") if index in bad else ended(1, index))
    return run


def broken(index: int, reason: str) -> NodeFinished:
    return ended(1, index, TaskState.FAILED, error=ERROR, reason=reason)


def grid(tab: Tab) -> Locator:
    return tab.locator(".wf-grid-canvas")


def enter(tab: Tab, name: str = "clean") -> Locator:
    """Open the grid of a card by the button on it."""
    card = tab.locator(".wf-card", has_text=name)
    card.hover()
    card.get_by_role("button", name="Grid", exact=True).click()
    expect(grid(tab)).to_be_visible()
    expect(grid(tab)).to_have_attribute("data-cell", ANY_NUMBER)
    return grid(tab)


ANY_NUMBER = re.compile(r"^[\d.]+$")


def facts(canvas: Locator) -> dict[str, float]:
    """Size of a cell, columns, and what is out of sight to the left and above."""
    found: dict[str, str] = canvas.evaluate("canvas => ({ ...canvas.dataset })")
    return {name: float(value) for name, value in found.items()}


def spot(canvas: Locator, place: int) -> Position:
    """Where on the canvas the cell of a place has its middle."""
    at = facts(canvas)
    return {
        "x": (place % at["columns"] + 0.5) * at["cell"] - at["left"],
        "y": (place // at["columns"] + 0.5) * at["cell"] - at["top"],
    }


def colour(canvas: Locator, place: int) -> list[int]:
    """The colour near the upper left corner of a cell."""
    at, cell = spot(canvas, place), facts(canvas)["cell"]
    return canvas.evaluate(
        "(canvas, [x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]",
        [at["x"] - 0.3 * cell, at["y"] - 0.3 * cell],
    )


def test_a_double_click_opens_the_grid_and_escape_leads_back(tab: Tab) -> None:
    with served(etl(10_000)) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="clean").dblclick()
        expect(tab.get_by_role("navigation", name="Where you are")).to_contain_text("clean (10,000)")
        expect(tab.locator(".wf-viewport")).to_be_hidden()
        expect(grid(tab)).to_be_focused()
        expect(tab.locator(".wf-panel-title")).to_have_text("clean")
        tab.keyboard.press("Escape")  # the details
        expect(tab.locator(".wf-panel")).to_be_hidden()
        expect(grid(tab)).to_be_focused()
        tab.keyboard.press("Escape")  # the grid
        expect(grid(tab)).to_be_hidden()
        expect(tab.locator(".wf-card")).to_have_count(3)
        expect(tab.locator(".wf-viewport")).to_be_focused()


def test_the_details_open_the_grid_from_any_pane_and_the_path_leads_back(tab: Tab) -> None:
    with served(etl(50)) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Table", exact=True).click()
        row(tab, "clean").click()
        tab.get_by_role("button", name="Open grid").click()
        expect(grid(tab)).to_be_visible()
        expect(tab.get_by_role("button", name="Open grid")).to_be_hidden()
        tab.get_by_role("button", name="\u2039 Graph").click()
        expect(tab.locator(".wf-card")).to_have_count(3)
        tab.locator(".wf-card", has_text="report").click()
        expect(tab.get_by_role("button", name="Open grid")).to_be_hidden()


def test_a_grid_is_still_open_when_the_view_is_rendered_again(tab: Tab) -> None:
    with served(etl(50)) as host:
        opened(tab, host)
        enter(tab)
        tab.evaluate("window.again()")
        expect(grid(tab)).to_be_visible()
        expect(tab.locator(".wf-grid-title")).to_have_text("clean (50)")


def test_the_line_tells_what_is_there_and_what_is_seen(tab: Tab) -> None:
    with served(etl(10_000, failed=(7, 8, 9_000))) as host:
        opened(tab, host)
        canvas = enter(tab)
        seen = tab.locator(".wf-grid-seen")
        expect(seen).to_have_text("10,000 elements: 9,997 completed, 3 failed; showing 0\u20139,999")
        said = "10,000 elements of clean: 9,997 completed, 3 failed. The list in the details has the same content."
        expect(canvas).to_have_attribute("aria-label", said)
        for _ in range(8):
            tab.get_by_role("button", name="Zoom in").last.click()
        expect(seen).to_contain_text("showing")
        expect(seen).not_to_contain_text("0\u20139,999")


def test_a_click_selects_a_cell_and_the_pointer_tells_its_name(tab: Tab) -> None:
    with served(etl(500, failed=(123,))) as host:
        opened(tab, host)
        canvas = enter(tab)
        canvas.hover(position=spot(canvas, 122))
        expect(tab.get_by_role("tooltip")).to_have_text("clean[122]Completed")
        canvas.click(position=spot(canvas, 123))
        expect(tab.locator('[data-wfkit-detail="clean[123]"]')).to_be_visible()
        expect(grid(tab)).to_be_visible()
        tab.get_by_role("button", name="\u2039 clean").click()
        expect(tab.locator(".wf-element").first).to_have_attribute("data-wfkit-node", "clean[123]")
        expect(grid(tab)).to_be_visible()


def test_dragging_pans_and_does_not_select_and_a_wheel_with_ctrl_zooms(tab: Tab) -> None:
    with served(etl(10_000)) as host:
        opened(tab, host)
        canvas = enter(tab)
        box = canvas.bounding_box()
        assert box is not None
        tab.mouse.move(box["x"] + 500, box["y"] + 200)
        tab.keyboard.down("Control")
        tab.mouse.wheel(0, -600)
        tab.keyboard.up("Control")
        tab.wait_for_function("Number(document.querySelector('.wf-grid-canvas').dataset.cell) > 20")
        before = facts(canvas)
        tab.mouse.down()
        tab.mouse.move(box["x"] + 400, box["y"] + 150, steps=5)
        tab.mouse.up()
        tab.wait_for_function(
            f"Number(document.querySelector('.wf-grid-canvas').dataset.left) === {before['left'] + 100}"
        )
        assert facts(canvas)["top"] == before["top"] + 50
        expect(tab.locator(".wf-panel")).to_be_hidden()
        tab.mouse.wheel(0, 120)
        tab.wait_for_function(
            f"Number(document.querySelector('.wf-grid-canvas').dataset.top) === {before['top'] + 170}"
        )


def test_a_keyboard_walks_over_the_cells(tab: Tab) -> None:
    with served(etl(500, failed=(61,))) as host:
        opened(tab, host)
        canvas = enter(tab)
        columns = int(facts(canvas)["columns"])
        spoken = tab.locator(".wf-grid > .wf-hidden")
        for key, place in (
            ("ArrowRight", 0),
            ("ArrowRight", 1),
            ("ArrowDown", 1 + columns),
            ("ArrowLeft", columns),
            ("ArrowUp", 0),
        ):
            tab.keyboard.press(key)
            expect(spoken).to_have_text(f"clean[{place}], Completed")
        tab.keyboard.press("ArrowUp")
        expect(spoken).to_have_text("clean[0], Completed")
        tab.keyboard.press("End")
        expect(spoken).to_have_text("clean[499], Completed")
        expect(tab.get_by_role("tooltip")).to_contain_text("clean[499]")
        cell = facts(canvas)["cell"]
        tab.keyboard.press("+")
        tab.wait_for_function(f"Number(document.querySelector('.wf-grid-canvas').dataset.cell) > {cell}")
        tab.keyboard.press("n")
        expect(spoken).to_have_text("clean[61], Failed")
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("Enter")
        expect(tab.locator(".wf-panel-title")).to_be_focused()
        expect(tab.locator('[data-wfkit-detail="clean[62]"]')).to_be_visible()
        tab.keyboard.press("Escape")
        expect(grid(tab)).to_be_focused()
        tab.keyboard.press("/")
        expect(tab.get_by_label("Find an element")).to_be_focused()


def test_the_next_failure_is_selected_and_brought_to_the_middle(tab: Tab) -> None:
    with served(etl(10_000, failed=(4_321, 9_999))) as host:
        opened(tab, host)
        canvas = enter(tab)
        for index in (4_321, 9_999, 4_321):
            tab.get_by_role("button", name="Next failure").click()
            expect(tab.locator(f'[data-wfkit-detail="clean[{index}]"]')).to_be_visible()
        tab.wait_for_function("Number(document.querySelector('.wf-grid-canvas').dataset.cell) >= 18")
        at, size = spot(canvas, 4_321), canvas.bounding_box()
        assert size is not None
        assert abs(at["x"] - size["width"] / 2) < 60
        assert abs(at["y"] - size["height"] / 2) < 60


def test_a_filter_dims_the_others_and_failures_come_first_on_demand(tab: Tab) -> None:
    with served(etl(200, failed=(150,))) as host:
        opened(tab, host)
        canvas = enter(tab)
        completed, failed = colour(canvas, 0), colour(canvas, 150)
        tab.get_by_role("button", name="Failed, 1").click()
        expect(tab.locator(".wf-grid-seen")).to_contain_text("1 highlighted")
        assert colour(canvas, 150) == failed
        assert sum(colour(canvas, 0)) > sum(completed), "paler"
        tab.get_by_role("button", name="All, 200").click()
        tab.get_by_role("button", name="Failures first").click()
        expect(tab.locator(".wf-grid-seen")).to_contain_text("failures first")
        assert colour(canvas, 0) == failed
        canvas.hover(position=spot(canvas, 0))
        expect(tab.get_by_role("tooltip")).to_contain_text("clean[150]Failed")


@pytest.mark.parametrize("text", ["1,234", "clean[1234]", "[1234]"])
def test_an_element_is_found_by_index_or_name(tab: Tab, text: str) -> None:
    with served(etl(2_000)) as host:
        opened(tab, host)
        enter(tab)
        search = tab.get_by_label("Find an element")
        search.fill("clean[2000]")
        search.press("Enter")
        expect(search).to_have_attribute("aria-invalid", "true")
        search.fill(text)
        search.press("Enter")
        expect(tab.locator('[data-wfkit-detail="clean[1234]"]')).to_be_visible()
        expect(search).to_have_attribute("aria-invalid", "false")


def test_a_text_leads_from_one_element_with_it_to_the_next(tab: Tab) -> None:
    run = etl(300, done=0)
    run.tell(*(ended(1, index, TaskState.UPSTREAM_FAILED, reason=f"load[{index}] failed") for index in (40, 200)))
    with served(run) as host:
        opened(tab, host)
        enter(tab)
        search = tab.get_by_label("Find an element")
        search.fill("Failed")
        for index in (40, 200, 40):
            search.press("Enter")
            expect(tab.locator(f'[data-wfkit-detail="clean[{index}]"]')).to_be_visible()


def test_what_nodes_spawned_is_found_by_names_that_only_the_kernel_knows(tab: Tab) -> None:
    run = crawl()
    with served(run) as host:
        opened(tab, host)
        canvas = enter(tab, "read")
        names = [run.view_model.groups[group].name(0) for group in run.view_model.groups if group.endswith("/1")]
        search = tab.get_by_label("Find an element")
        search.fill(names[-1])
        search.press("Enter")
        expect(tab.locator(f'[data-wfkit-detail="{names[-1]}"]')).to_be_visible()
        canvas.hover(position=spot(canvas, 0))
        expect(tab.get_by_role("tooltip")).to_contain_text(names[0])


def test_what_is_found_after_the_grid_was_left_leads_nowhere(tab: Tab) -> None:
    run = etl(300, failed=(40,))
    with served(run) as host:
        opened(tab, host)
        enter(tab)
        tab.evaluate("() => { window.drop = ({ op }) => { window.answered ||= op === 'found'; }; }")
        search = tab.get_by_label("Find an element")
        search.fill("ValueError")
        with run.lock:  # the kernel takes its time
            search.press("Enter")
            tab.get_by_role("button", name="\u2039 Graph").click()
            enter(tab, "load")
        tab.wait_for_function("window.answered")
        expect(tab.locator(".wf-panel")).to_be_hidden()
        expect(tab.locator(".wf-grid-title")).to_have_text("load (300)")


def test_what_was_told_of_a_cell_is_told_anew_in_another_run(tab: Tab) -> None:
    with served(etl(200, failed=(150,))) as host:
        opened(tab, host)
        canvas = enter(tab)
        tip = tab.get_by_role("tooltip")
        canvas.hover(position=spot(canvas, 150))
        expect(tip).to_contain_text("ValueError: odd")
        new = etl(200, done=0)
        new.view_model.run_id = RunId("r-2")
        new.tell(broken(150, "ValueError: another"))
        host.view.turn_to(new)
        expect(tab.locator(".wf-grid-seen")).to_contain_text("199 pending")
        canvas.hover(position=spot(canvas, 149))
        canvas.hover(position=spot(canvas, 150))
        expect(tip).to_contain_text("ValueError: another")


def test_a_selection_elsewhere_is_followed(tab: Tab) -> None:
    with served(etl(100)) as host:
        opened(tab, host)
        enter(tab)
        row(tab, "load").press("Enter")
        expect(grid(tab)).to_be_hidden()
        expect(tab.locator(".wf-card.wf-selected")).to_contain_text("load")


def test_the_cells_follow_the_run(tab: Tab) -> None:
    run = etl(60, done=0)
    with served(run) as host:
        opened(tab, host)
        canvas = enter(tab)
        pending = colour(canvas, 5)
        run.tell(started(1, 5))
        tab.wait_for_function("document.querySelector('.wf-grid-seen').textContent.includes('1 running')")
        assert colour(canvas, 5) != pending
        run.tell(NodesAdded(groups=(spec(1, "clean", 90, edge(0, How.EACH), mapped=True),)))
        expect(canvas).to_have_attribute("data-cells", "90")


def test_colours_follow_the_theme(tab: Tab) -> None:
    with served(etl(60)) as host:
        opened(tab, host)
        canvas = enter(tab)
        light = colour(canvas, 5)
        tab.evaluate("document.body.className = 'dark lab-dark'")
        expect(tab.locator(".wfkit")).to_have_attribute("data-theme", "dark")
        tab.evaluate("() => new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))")
        assert colour(canvas, 5) != light


@pytest.mark.parametrize("length", [100_000, 1_000_000])
def test_very_many_cells_respond(tab: Tab, length: int) -> None:
    run = StoryRun(run_started("long"), NodesAdded(groups=(spec(0, "item", length, mapped=True),)))
    run.tell(ended(0, length - 2, TaskState.FAILED, error=ERROR))
    with served(run) as host:
        opened(tab, host)
        canvas = enter(tab, "item")
        assert facts(canvas)["cells"] == length
        begun_s = time.monotonic()
        tab.get_by_role("button", name="Next failure").click()
        expect(tab.locator(f'[data-wfkit-detail="item[{length - 2}]"]')).to_be_visible()
        tab.get_by_role("button", name="Failures first").click()
        tab.keyboard.press("Escape")
        canvas.focus()
        tab.keyboard.press("0")
        tab.wait_for_function("Number(document.querySelector('.wf-grid-canvas').dataset.cell) < 3")
        canvas.click(position=spot(canvas, 0))
        expect(tab.locator(f'[data-wfkit-detail="item[{length - 2}]"]')).to_be_visible()
        assert time.monotonic() - begun_s < 15
        took = canvas.evaluate(
            """async (canvas) => { const took = []; let last = performance.now();
            for (let frame = 0; frame < 30; frame++) {
              canvas.dispatchEvent(new KeyboardEvent('keydown', { key: frame % 2 ? '-' : '+' }));
              await new Promise(requestAnimationFrame);
              took.push(performance.now() - last); last = performance.now();
            } return took; }"""
        )
        assert median(took) < 250
