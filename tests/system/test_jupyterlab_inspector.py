"""The inspector in a real JupyterLab, of a run on workers that are processes of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.system.lab_server import Lab, jupyterlab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CELLS = (
    "import json\n\nimport wfkit\nfrom wfkit import task, unmapped\n\n%load_ext wfkit",
    """\
def parsed(text):
    return json.loads(text)

@task(retries=1, retry_delay_seconds=0.3, log_prints=True)
def read(name, text, limit=3):
    print("reading", name)
    return parsed(text)[:limit]
""",
    "@task\ndef total(lists, title, password=None):\n    return title, sum(map(sum, lists))",
    """\
%%flow adding --wait
parts = read.map(["a", "b", "c"], ["[1, 2]", "[3, 4", "[5]"], unmapped(2))
answer = total(parts, "all of them", password="hunter2")
""",
    """\
@task(retries=1, retry_delay_seconds=0.3, log_prints=True)
def read(name, text, limit=3):
    print("reading", name)
    return parsed(text.rstrip("]") + "]")[:limit]
""",
)
_RUN_LAST = """() => {
  const { currentWidget } = window.jupyterapp.shell;
  currentWidget.content.activeCellIndex = currentWidget.content.widgets.length - 1;
  void window.jupyterapp.commands.execute("notebook:run-cell");
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("lab")
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "id": f"c{n}", "source": text, "metadata": {}, "outputs": [], "execution_count": None}
        for n, text in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (root / "inspect.ipynb").write_text(json.dumps(notebook))
    with jupyterlab(root) as lab:
        yield lab


def test_a_failure_leads_to_its_line_its_inputs_and_what_changed_since(page: Page, lab: Lab) -> None:
    page.set_viewport_size({"width": 1500, "height": 1000})
    lab.open(page, "inspect.ipynb")
    page.evaluate("() => { void window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    view = page.locator(".wfkit").first
    expect(view).to_have_attribute("data-state", "FAILED", timeout=90_000)

    view.locator(".wf-card", has_text="read").click()
    expect(view.locator(".wf-failure")).to_contain_text("JSONDecodeError")
    view.locator(".wf-failure .wf-place").click()
    node = view.locator('[data-wfkit-detail="read[1]"]')
    expect(node.locator(".wf-attempt")).to_have_count(2)
    where = node.locator(".wf-attempt").first.locator(".wf-chain > .wf-frames > .wf-frame .wf-frame-where")
    expect(where).to_have_text(["cell 2, line 7 in read", "cell 2, line 2 in parsed"])
    expect(node.locator(".wf-library > summary").first).to_have_text("3 frames of Python")
    inputs = node.get_by_role("region", name="Inputs")
    expect(inputs.locator("dd")).to_have_text(["'b'", "'[3, 4'", "2"])
    expect(node.locator(".wf-move")).to_have_count(5)
    expect(node.locator(".wf-log-text").first).to_have_text("reading b")
    expect(node.locator(".wf-key")).to_contain_text("read-")
    _save_picture(page, "node")
    where.get_by_role("button").first.click()
    expect(page.locator(".jp-CodeCell").nth(1)).to_be_in_viewport()

    page.evaluate(_RUN_LAST)
    expect(page.locator(".jp-CodeCell").last.locator(".jp-InputPrompt")).to_have_text("[5]:", timeout=10_000)
    view.locator("summary", has_text="Source").click()
    expect(view.locator(".wf-changes")).to_contain_text("body of read changed")
    expect(view.locator(".wf-line-new .wf-line-text")).to_contain_text('text.rstrip("]")')
    view.get_by_role("region", name="Used by").get_by_role("button", name="total").click()
    inputs = view.get_by_role("region", name="Inputs")
    expect(inputs.locator("dt")).to_have_text(["lists", "title", "password"])
    expect(inputs.locator("dd")).to_have_text(["read", "'all of them'", "***"])
    _save_picture(page, "total")


def _save_picture(page: Page, name: str) -> None:
    folder = os.environ.get("WFKIT_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"inspector-{name}.png")
