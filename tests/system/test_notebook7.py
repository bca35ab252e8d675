"""The view in Notebook 7: it shows, takes a click, and puts a cell below its own."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.system.lab_server import Lab, jupyterlab

pytest.importorskip("notebook", reason="Notebook 7 is not installed; the extra `dev` brings it")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

_CELL = """\
%load_ext wfkit
from wfkit import flow, task

@task
def double(x):
    return 2 * x

@flow
def small():
    return double.map([1, 2, 3])

run = small.run()
run.view()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("notebook7")
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.cells = [nbformat.v4.new_code_cell(_CELL)]
    nbformat.write(made, root / "small.ipynb")
    with jupyterlab(root, "notebook") as server:
        yield server


def test_the_view_shows_takes_a_click_and_sends_a_cell(page: Page, server: Lab) -> None:
    page.goto(f"{server.url}/notebooks/small.ipynb")
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=60_000,
    )
    server.run_all(page)
    view = page.locator(".wfkit")
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=60_000)
    view.locator(".wf-card", has_text="double").click()
    view.locator('.wf-element[data-wfkit-node="double[2]"]').click()
    expect(view.locator('[data-wfkit-detail="double[2]"]')).to_contain_text("6", timeout=10_000)
    view.get_by_role("button", name="Send to notebook").click()
    expect(page.locator(".jp-CodeCell").nth(1)).to_contain_text('.node("double[2]").result()')
