"""Nodes on a worker that is not heard of, in the built widget: each place that shows a node says so until it is."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import stalled
from tests.notebook.telling import WORKERS, silent
from tests.system.running import TIMEOUT_S, dask_cluster, note, notes, started, states
from tests.system.widget_page import opened, row, served
from wfkit import task
from wfkit.engine.scheduler import watch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


def photograph(tab: Tab, name: str) -> None:
    if folder := os.environ.get("WFKIT_PICTURES"):
        for theme in ("light", "dark"):
            tab.evaluate(f"document.body.className = '{'dark lab-dark' if theme == 'dark' else 'lab'}'")
            expect(tab.locator(".wfkit")).to_have_attribute("data-theme", theme)
            tab.locator(".wfkit").screenshot(path=Path(folder) / f"{name}-{theme}.png", animations="disabled")


def test_each_place_that_shows_a_stalled_node_says_so_until_its_worker_is_heard_of(tab: Tab) -> None:
    run = stalled()
    why = f"nothing is heard of its worker {WORKERS[0]}"
    with served(run) as host:
        opened(tab, host)
        single, many = (tab.locator(".wf-card", has_text=name) for name in ("carriers", "load"))
        expect(single.locator(".wf-card-stalled")).to_have_text("stalled")
        expect(single.locator(".wf-card-word")).to_have_text("Running")
        expect(many.locator(".wf-card-stalled")).to_have_text("2 stalled")
        expect(many).to_have_attribute("title", "load: 5 completed, 4 running, 3 pending, 2 stalled")
        expect(tab.locator(".wf-card-stalled:visible")).to_have_count(2)
        expect(row(tab, "carriers").get_by_role("gridcell").nth(1)).to_have_text("Running, stalled")
        expect(row(tab, "load").get_by_role("gridcell").nth(1)).to_have_text("Running, 2 stalled")
        photograph(tab, "stalled-graph")

        many.click()
        expect(tab.locator('.wf-element[data-wfkit-node="load[6]"] .wf-element-state')).to_contain_text(why)
        expect(tab.locator('.wf-element[data-wfkit-node="load[7]"] .wf-element-state')).to_have_text("Running")
        photograph(tab, "stalled-elements")
        tab.get_by_role("button", name="Close details").click()

        tab.get_by_role("button", name="Table", exact=True).click()
        photograph(tab, "stalled-groups")
        tab.get_by_role("button", name="Nodes", exact=True).click()
        cells = tab.locator('.wf-noderow[data-wfkit-node="load[6]"]:visible').get_by_role("gridcell")
        expect(cells.nth(1)).to_have_text("Running, stalled")
        expect(cells.nth(6)).to_contain_text(why)
        photograph(tab, "stalled-nodes")
        run.tell(silent())
        expect(cells.nth(1)).to_have_text("Running")
        expect(cells.nth(6)).to_have_text("")
        tab.get_by_role("button", name="Graph", exact=True).click()
        expect(many).to_be_visible()
        expect(tab.locator(".wf-card-stalled:visible")).to_have_count(0)
        expect(row(tab, "carriers").get_by_role("gridcell").nth(1)).to_have_text("Running")


def test_a_worker_that_freezes_under_a_task_is_seen_in_the_graph_and_that_it_thaws_too(
    tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.2)
    monkeypatch.setattr(watch, "SILENT_S", 0.5)

    @task
    def freezes() -> None:
        note(tmp_path / "pid", os.getpid())
        time.sleep(0.2)  # the news of its start get away
        os.kill(os.getpid(), signal.SIGSTOP)
        while not (tmp_path / "seen").exists():
            time.sleep(0.01)

    with dask_cluster(n_workers=1, threads_per_worker=1):
        run = started(lambda: [freezes()])
        with served(run) as host:
            opened(tab, host)
            card = tab.locator(".wf-card", has_text="freezes")
            expect(card.locator(".wf-card-stalled")).to_have_text("stalled", timeout=15_000)
            os.kill(int(*notes(tmp_path / "pid")), signal.SIGCONT)
            expect(card.locator(".wf-card-stalled")).to_be_hidden(timeout=15_000)
            expect(card.locator(".wf-card-word")).to_have_text("Running")
            (tmp_path / "seen").touch()
            run.wait(TIMEOUT_S)
            assert states(run) == {"freezes": "COMPLETED"}
