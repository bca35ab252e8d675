"""Work that is spawned while the run goes on, in the built widget."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import crawl
from tests.notebook.telling import (
    ERROR,
    StoryRun,
    done,
    edge,
    run_started,
    spawned,
    spec,
)
from tests.system.widget_page import assert_apart, opened, row, served
from wfkit.core.events import How, NodesAdded

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


def test_spawned_work_hangs_below_its_parent_and_opens_to_its_nodes(tab: Tab) -> None:
    run = crawl(4)
    with served(run) as host:
        opened(tab, host)
        rows = tab.locator('[role="treegrid"] tbody tr')
        names = rows.evaluate_all("rows => rows.map(row => [row.dataset.wfkitNode, row.ariaLevel])")
        assert names == [["walk", "1"], ["read", "2"], ["total", "2"], ["walk", "2"], ["report", "1"]]
        parent, child = tab.locator(".wf-card").first, tab.locator(".wf-below", has_text="walk")
        above, below = parent.bounding_box(), child.bounding_box()
        assert above is not None
        assert below is not None
        assert below["y"] > above["y"] + above["height"]
        assert above["x"] < below["x"] < above["x"] + 60
        expect(child).to_have_attribute("title", "walk (3 levels): 39 waiting")
        expect(tab.locator(".wf-share")).to_have_text("160 / 241")

        tab.locator(".wf-below", has_text="read").click()
        failed = tab.locator(".wf-element").first
        expect(failed).to_have_attribute("data-state", "FAILED")
        expect(failed).to_have_attribute("data-wfkit-node", re.compile(r"^read#\d+\[3\]$"))
        name = failed.get_attribute("data-wfkit-node")
        failed.click()
        expect(tab.locator(".wf-panel-title")).to_have_text(str(name))
        expect(tab.locator(".wf-traceback")).to_have_text(ERROR.traceback)
        spawner = tab.locator(".wf-kin button")
        spawner_name = spawner.inner_text()
        spawner.click()
        expect(tab.locator(".wf-panel-title")).to_have_text(spawner_name)
        expect(tab.locator(f'[data-wfkit-detail="{spawner_name}"] .wf-element')).to_have_count(5)
        tab.locator(".wf-section .wf-element").last.click()
        expect(tab.locator(".wf-kin button")).to_have_text(spawner_name)


def test_2_000_children_appear_as_one_card_while_they_come(tab: Tab) -> None:
    run = StoryRun(
        run_started(), NodesAdded(groups=(spec(0, "parent", 1000, mapped=True), spec(1, "next", 1, edge(0))))
    )
    with served(run) as host:
        opened(tab, host)
        expect(tab.locator(".wf-card")).to_have_count(2)
        where = "() => [...document.querySelectorAll('.wf-card')].slice(0, 2).map(card => card.style.cssText)"
        before = tab.evaluate(where)
        for i in range(0, 1000, 50):
            run.tell(NodesAdded(groups=tuple(spawned("g0", j, k, "leaf", 2) for j in range(i, i + 50) for k in (1, 2))))
            tab.evaluate("() => new Promise(requestAnimationFrame)")
        run.tell(*(done(f"g0.{j}/1") for j in range(1000)))
        expect(row(tab, "leaf")).to_have_attribute("data-counts", "PENDING=1000 COMPLETED=1000")
        expect(tab.locator(".wf-card")).to_have_count(3)
        expect(tab.locator(".wf-below .wf-card-progress")).to_have_text("1,000/2,000")
        assert tab.evaluate(where) == before, "what stands to the right does not move"


def test_a_block_that_grows_pushes_what_stands_below_it(tab: Tab) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "upper"), spec(1, "lower"))))
    with served(run) as host:
        opened(tab, host)
        expect(tab.locator(".wf-card")).to_have_count(2)
        for number, task in enumerate(("one", "two", "three", "four"), 1):
            run.tell(NodesAdded(groups=(spawned("g0", 0, number, task, 1 + number),)))
        expect(tab.locator(".wf-card")).to_have_count(6)
        assert_apart(tab)


def test_a_flatten_is_a_thin_card_and_its_items_are_named_by_part(tab: Tab) -> None:
    parts = ((1, 2), (0, 3))
    flat = replace(spec(1, "flatten", 5, edge(0, How.ALL), mapped=True, kind="flatten"), parts=parts)
    line = replace(spec(2, "line", 5, edge(1, How.EACH), mapped=True), parts=parts)
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "files", 2, mapped=True), flat, line)))
    with served(run) as host:
        opened(tab, host)
        thin = tab.locator(".wf-card.wf-flatten").bounding_box()
        assert thin is not None
        assert thin["height"] < 40
        expect(tab.locator(".wf-flatten .wf-card-progress")).to_have_text("5 items")
        expect(tab.locator(".wf-share")).to_have_text("0 / 7")  # items of a flatten are no tasks
        tab.locator(".wf-card", has_text="line").click()
        expect(tab.locator(".wf-element-name")).to_have_text(
            ["line[1.0]", "line[1.1]", "line[0.0]", "line[0.1]", "line[0.2]"]
        )
