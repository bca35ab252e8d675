"""Notebooks in a real JupyterLab in a real browser: watched while they run, clicked, cancelled, rerun."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.system.lab_server import Lab, jupyterlab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
#: Remembers each state that a row of the list of a flow ever had, with the time.
_WATCH = """(flow) => {
  window.seen = {};
  const note = () => {
    for (const view of document.querySelectorAll(".wfkit")) {
      const header = view.querySelector(".wf-header");
      if (!header || !header.textContent.includes(flow)) continue;
      for (const row of view.querySelectorAll("[role=treegrid] [data-wfkit-node]")) {
        const name = row.getAttribute("data-wfkit-node");
        const counts = row.getAttribute("data-counts") || "";
        const states = window.seen[name] ??= [];
        if (states.at(-1) !== counts) states.push(counts);
      }
    }
  };
  window.watching = setInterval(note, 50);
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("lab")
    shutil.copy(NOTEBOOKS / "rerun.ipynb", root)
    tour = (NOTEBOOKS / "tour.ipynb").read_text()
    (root / "tour.ipynb").write_text(tour.replace("time.sleep(2)", "[time.sleep(0.1) for _ in range(150)]"))
    with jupyterlab(root) as lab:
        yield lab


def view_of(page: Page, flow: str) -> Locator:
    """The first live view of a flow in the notebook."""
    return page.locator(".wfkit").filter(has=page.locator(".wf-header", has_text=flow)).first


def test_the_tour_is_watched_opened_and_cancelled(page: Page, lab: Lab) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    lab.open(page, "tour.ipynb")
    page.evaluate(_WATCH, "tour_live")
    lab.run_all(page)

    live = view_of(page, "tour_live")
    failed = live.locator('[role="treegrid"] [data-wfkit-node="check"]')
    expect(failed).to_have_attribute("data-state", "FAILED", timeout=90_000)
    live.locator(".wf-card", has_text="check").click()
    live.locator(".wf-element").first.click()
    node = live.locator('[data-wfkit-detail="check[2]"]')
    expect(node.locator(".wf-traceback")).to_contain_text("Traceback (most recent call last)", timeout=10_000)
    expect(node.locator(".wf-error-message")).to_contain_text("its thermometer is broken")
    expect(live.locator('[role="treegrid"] [data-wfkit-node="combine"]')).to_have_attribute(
        "data-state", "COMPLETED", timeout=30_000
    )
    live.scroll_into_view_if_needed()
    _save_picture(page, "tour")

    waiting = view_of(page, "tour_wait")
    cancel = waiting.get_by_role("button", name="Cancel")
    expect(cancel).to_be_enabled(timeout=60_000)
    cell = page.locator(".jp-Cell", has=page.locator(".wf-header", has_text="tour_wait"))
    expect(cell.locator(".jp-InputPrompt")).to_have_text("[*]:")  # the cell waits for its run
    cancel.click()  # it is heard while the cell waits, for 30 s otherwise
    expect(waiting).to_have_attribute("data-state", "CANCELLED", timeout=15_000)

    lab.await_all_cells(page)
    assert_states_over_time(page.evaluate("() => window.seen"))


def assert_states_over_time(seen: dict[str, list[str]]) -> None:
    """PENDING, then RUNNING, then COMPLETED and FAILED, as the list of the graph showed them."""
    fetch, check, combine = (seen[name] for name in ("fetch", "check", "combine"))
    assert any("PENDING" in counts and "RUNNING" in counts for counts in fetch), fetch
    assert fetch[-1] == "COMPLETED=8"
    assert any("FAILED=1" in counts and "COMPLETED=7" not in counts for counts in check), check
    assert check[-1] in ("COMPLETED=7 FAILED=1", "FAILED=1 COMPLETED=7")
    first = [counts.partition("=")[0] for counts in combine]
    assert first == ["PENDING", "RUNNING", "COMPLETED"], first


def test_a_rerun_shows_what_was_kept_what_is_stale_and_what_was_executed(page: Page, lab: Lab) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    lab.open(page, "rerun.ipynb")
    lab.run_all(page)
    view = cell_of(page, "%flow rerun laguardia").locator(".wfkit")
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=90_000)
    lab.await_all_cells(page)

    delays = view.locator('[role="treegrid"] [data-wfkit-node="delays"]')
    expect(delays).to_contain_text("Completed, 9 stale")
    assert set((delays.get_attribute("data-counts") or "").split()) == {"COMPLETED=3", "REUSED=9"}
    expect(view.locator('[role="treegrid"] [data-wfkit-node="load"]')).to_have_attribute("data-counts", "REUSED=12")
    view.scroll_into_view_if_needed()
    view.locator(".wf-card", has_text="delays").click()
    view.locator('.wf-element[data-wfkit-node="delays[5]"]').click()
    june = view.locator('[data-wfkit-detail="delays[5]"]')
    expect(june).to_contain_text("Stale: helper clock changed", timeout=10_000)
    cell_of(page, "midnight is written as 2400").evaluate("cell => cell.scrollIntoView({block: 'start'})")
    _save_picture(page, "rerun")
    expect(cell_of(page, "what_if =").locator(".jp-OutputArea-output").first).to_contain_text("executed: delays[6]")


def cell_of(page: Page, code: str) -> Locator:
    """The first cell that has this in its code."""
    return page.locator(".jp-CodeCell", has=page.locator(".jp-InputArea-editor", has_text=code)).first


def _save_picture(page: Page, name: str) -> None:
    """Keep a picture that README shows, where `WFKIT_PICTURES` names a folder."""
    if folder := os.environ.get("WFKIT_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")
