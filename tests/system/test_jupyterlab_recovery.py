"""Reloads, second tabs, lost connections and closed kernels in a real JupyterLab; cells that a view puts there."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from playwright.sync_api import BrowserContext, Locator, Page, WebSocketRoute, expect

from tests.notebook.stories import monthly
from tests.system.lab_server import Lab, jupyterlab
from wfkit.notebook.view import FlowView

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

_CELLS = (
    """\
%load_ext wfkit
import os, time
from wfkit import task

@task
def hold(x):
    while not os.path.exists(f"open{x}"):
        time.sleep(0.05)
    return 10 * x
""",
    """\
%%flow gated
held = hold.map([1, 2])
""",
)
_EVIL = "<div class='wfkit'>x</div><script>window.canary = 1</script><img src=x onerror='window.canary = 2'>\n"
_RUN_CELL = "() => void window.jupyterapp.commands.execute('notebook:run-cell')"
_SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"
_PICTURES = """[...window.jupyterapp.shell.currentWidget.content.widgets]
    .flatMap(({ model }) => model.outputs ? [...Array(model.outputs.length).keys()].map(i => model.outputs.get(i)) : [])
    .map(output => String(output.data["text/html"] ?? ""))"""
_TRUSTED = "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.trusted)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyterlab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@dataclass
class Wires:
    """The connections of a page to its kernel, which can be cut."""

    cut: bool = False
    routes: list[WebSocketRoute] = field(default_factory=list)

    def take(self, route: WebSocketRoute) -> None:
        if self.cut:
            route.close()
        else:
            route.connect_to_server()
            self.routes.append(route)

    def break_(self) -> None:
        self.cut = True
        for route in self.routes:
            route.close()
        self.routes.clear()


def notebook(lab: Lab, name: str, *cells: str, outputs: list[Any] | None = None, kernel: str = "python3") -> Path:
    """Write a notebook whose last cell has these outputs."""
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    made.cells[-1]["outputs"] = outputs or []
    path = lab.root / name
    nbformat.write(made, path)
    return path


def trust(lab: Lab, path: Path) -> None:
    NotebookNotary(data_dir=str(lab.root / "home" / "data")).sign(nbformat.read(path, 4))


def saved_view() -> list[Any]:
    """The output of a view whose kernel is gone."""
    data, _ = FlowView(monthly())._repr_mimebundle_() or ({}, {})
    return [nbformat.v4.new_output("display_data", data=json.loads(json.dumps(data)))]


def kernels(lab: Lab) -> set[str]:
    """The ids of those that run."""
    with urllib.request.urlopen(f"{lab.url}/api/kernels", timeout=10) as answer:
        return {kernel["id"] for kernel in json.load(answer)}


def counts_of(view: Locator) -> str | None:
    return view.locator('[role="treegrid"] [data-wfkit-node="hold"]').get_attribute("data-counts")


def test_a_run_is_followed_through_reload_second_tab_and_lost_connection(context: BrowserContext, lab: Lab) -> None:
    for name in ("open1", "open2"):
        (lab.root / name).unlink(missing_ok=True)
    notebook(lab, "gated.ipynb", *_CELLS)
    first, wires = context.new_page(), Wires()
    first.route_web_socket("**/api/kernels/*/channels*", wires.take)
    lab.open(first, "gated.ipynb")
    lab.run_all(first)
    view = first.locator(".wfkit")
    row = view.locator('[role="treegrid"] [data-wfkit-node="hold"]')
    expect(row).to_have_attribute("data-counts", "RUNNING=2", timeout=60_000)
    lab.await_all_cells(first)
    first.evaluate(_SAVE)

    first.reload()
    expect(row).to_have_attribute("data-counts", "RUNNING=2", timeout=60_000)

    second = context.new_page()
    lab.open(second, "gated.ipynb")
    other = second.locator(".wfkit")
    expect(other.locator('[data-wfkit-node="hold"][data-counts="RUNNING=2"]')).to_be_attached(timeout=30_000)
    (lab.root / "open1").touch()
    for tab in (view, other):
        expect(tab.locator(".wf-share")).to_have_text("1 / 2", timeout=15_000)

    wires.break_()
    (lab.root / "open2").touch()
    expect(other).to_have_attribute("data-state", "COMPLETED", timeout=15_000)
    expect(view.locator(".wf-share")).to_have_text("1 / 2")  # it heard nothing
    wires.cut = False
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=30_000)
    assert counts_of(view) == counts_of(other) == "COMPLETED=2"
    assert view.locator(".wf-head-row").inner_text() == other.locator(".wf-head-row").inner_text()


def test_a_page_that_was_loaded_anew_saves_the_final_picture_all_the_same(page: Page, lab: Lab) -> None:
    """The kernel updates an output by a name that only the page knows which executed its cell."""
    for name in ("open1", "open2"):
        (lab.root / name).unlink(missing_ok=True)
    path = notebook(lab, "reloaded.ipynb", *_CELLS)
    lab.open(page, "reloaded.ipynb")
    lab.run_all(page)
    row = page.locator('.wfkit [role="treegrid"] [data-wfkit-node="hold"]')
    expect(row).to_have_attribute("data-counts", "RUNNING=2", timeout=60_000)
    lab.await_all_cells(page)
    page.evaluate(_SAVE)
    page.reload()
    expect(row).to_have_attribute("data-counts", "RUNNING=2", timeout=60_000)
    for name in ("open1", "open2"):
        (lab.root / name).touch()
    expect(page.locator(".wfkit")).to_have_attribute("data-state", "COMPLETED", timeout=15_000)
    page.wait_for_function(_PICTURES + ".some(html => html.includes('data-state=\"COMPLETED\"'))", timeout=15_000)
    expect(page.locator(".wfkit")).to_have_attribute("data-state", "COMPLETED", timeout=15_000)  # and the view is there
    page.evaluate(_SAVE)
    (saved,) = nbformat.read(path, 4).cells[-1].outputs
    assert "gated COMPLETED" in saved.data["text/plain"]
    assert len(saved.data["text/html"]) < 100_000


def test_the_value_of_a_node_is_sent_to_a_new_cell_which_only_the_reader_executes(page: Page, lab: Lab) -> None:
    for name in ("open1", "open2"):
        (lab.root / name).touch()
    notebook(lab, "sent.ipynb", *_CELLS, "'last'")
    lab.open(page, "sent.ipynb")
    lab.run_all(page)
    view = page.locator(".wfkit")
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=60_000)
    lab.await_all_cells(page)
    view.locator(".wf-card", has_text="hold").click()
    view.locator('.wf-element[data-wfkit-node="hold[1]"]').click()
    view.get_by_role("button", name="Send to notebook").click()
    expect(view.locator(".wf-sender")).to_contain_text("There is a new cell below.")

    cells = page.locator(".jp-CodeCell")
    expect(cells).to_have_count(4)
    expect(cells.nth(2)).to_contain_text('.node("hold[1]").result()')
    expect(cells.nth(2)).to_have_class(re.compile("jp-mod-active"))
    expect(cells.nth(2).locator(".jp-InputPrompt")).to_have_text("[ ]:")
    page.evaluate(_RUN_CELL)
    expect(cells.nth(2).locator(".jp-OutputArea-executeResult")).to_contain_text("20", timeout=15_000)


def test_a_closed_kernel_leaves_the_picture_and_nothing_is_started_or_fetched(page: Page, lab: Lab) -> None:
    trust(lab, notebook(lab, "closed.ipynb", "%%flow monthly", outputs=saved_view(), kernel="no-such-kernel"))
    before, asked = kernels(lab), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{lab.url}/lab/workspaces/closed/tree/closed.ipynb?reset")
    page.locator(".jp-Dialog button.jp-mod-reject").click(timeout=60_000)  # no kernel, thank you
    still = page.locator(".jp-OutputArea .wfkit-static")
    expect(still).to_contain_text("monthly FAILED in 7.8 s", timeout=10_000)
    assert page.evaluate(_TRUSTED) == [True]
    expect(still.locator("table")).to_contain_text("11 completed, 1 failed")
    assert still.locator("img").evaluate("img => img.complete && img.naturalWidth > 300")
    expect(page.locator(".wfkit")).to_have_count(0)
    assert kernels(lab) == before
    assert all(url.startswith((lab.url, "data:", "blob:")) for url in asked), asked


def test_a_kernel_that_was_killed_leaves_a_view_that_stands_still_and_says_what_to_do(page: Page, lab: Lab) -> None:
    for name in ("open1", "open2"):
        (lab.root / name).unlink(missing_ok=True)
    notebook(lab, "killed.ipynb", *_CELLS, "print(os.getpid(), file=open('pid', 'w'))")
    lab.open(page, "killed.ipynb")
    lab.run_all(page)
    view = page.locator(".wfkit")
    expect(view.locator('[data-wfkit-node="hold"][data-counts="RUNNING=2"]')).to_be_attached(timeout=60_000)
    lab.await_all_cells(page)
    os.kill(int((lab.root / "pid").read_text()), signal.SIGKILL)
    status = view.locator(".wf-status")
    expect(status).to_contain_text("The kernel cannot be reached from this page.", timeout=60_000)
    expect(status).to_contain_text('wfkit.attach("r-')
    expect(view.locator(".wf-pause")).to_be_disabled()
    expect(view.locator(".wf-cancel")).to_be_disabled()
    elapsed = view.locator(".wf-elapsed").inner_text()
    page.evaluate("() => new Promise(done => setTimeout(done, 2500))")  # its clock would have gone on
    expect(view.locator(".wf-elapsed")).to_have_text(elapsed)


def test_another_kernel_than_that_of_the_view_shows_the_picture_too(page: Page, lab: Lab) -> None:
    trust(lab, notebook(lab, "later.ipynb", "%%flow monthly", outputs=saved_view()))
    lab.open(page, "later.ipynb")
    expect(page.locator(".jp-OutputArea .wfkit-static")).to_contain_text("monthly FAILED in 7.8 s", timeout=15_000)


def test_a_foreign_notebook_runs_nothing_and_writes_no_cell(page: Page, lab: Lab) -> None:
    outputs = saved_view()
    outputs[0]["data"]["text/html"] = [_EVIL, outputs[0]["data"]["text/html"]]
    notebook(lab, "evil.ipynb", "%%flow monthly", outputs=outputs)
    lab.open(page, "evil.ipynb")
    output = page.locator(".jp-OutputArea-output").first
    expect(output).to_contain_text("monthly FAILED in 7.8 s", timeout=15_000)
    assert page.evaluate(_TRUSTED) == [False]
    output.click()  # there was an act of the reader, as for a real click
    taken = output.evaluate("""node => {
      const view = document.createElement("div");
      view.className = "wfkit";
      node.append(view);
      const detail = { code: "import os" };
      return !view.dispatchEvent(new CustomEvent("wfkit:insert-cell", { bubbles: true, cancelable: true, detail }));
    }""")
    assert taken is False
    expect(page.locator(".jp-CodeCell")).to_have_count(1)
    assert page.evaluate("() => window.canary") is None
