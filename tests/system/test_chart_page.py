"""Charts in a real browser without a network: on the page that nbconvert makes of a notebook."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Page, expect

from tests.notebook.stories import monthly
from wfkit.notebook.plots import timeline_figure

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


def test_a_timeline_is_drawn_from_disk_on_the_page_of_a_saved_notebook(page: Page, tmp_path: Path) -> None:
    made = nbformat.v4.new_notebook()
    data = timeline_figure(monthly().view_model)._repr_mimebundle_()
    made.cells = [
        nbformat.v4.new_code_cell("run.timeline()", outputs=[nbformat.v4.new_output("execute_result", data=data)])
    ]
    saved = tmp_path / "page.html"
    saved.write_text(HTMLExporter().from_notebook_node(made)[0], encoding="utf-8")
    page.route("http*://**", lambda route: route.abort())
    page.goto(saved.as_uri())
    drawn = page.frame_locator("iframe").locator(".bk-Figure")
    expect(drawn).to_be_visible(timeout=20_000)
    box, frame = drawn.bounding_box(), page.locator("iframe").bounding_box()
    assert box is not None
    assert frame is not None
    assert box["width"] > 500
    assert box["y"] + box["height"] <= frame["y"] + frame["height"]  # all of it is in sight
