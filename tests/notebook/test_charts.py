"""Charts: what a cell shows of a figure, and that it stays a figure of Bokeh."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

from bokeh.document import Document
from bokeh.plotting import figure
from IPython.core.formatters import DisplayFormatter

from tests.notebook.stories import monthly
from tests.notebook.telling import HOSTILE, StoryRun, run_started
from wfkit.notebook.charts import Chart
from wfkit.notebook.plots import timeline_figure


class Frames(HTMLParser):
    """Which elements there are, and the attributes of frames."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.frames: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.frames += [dict(attrs)] if tag == "iframe" else []


def test_a_cell_shows_a_frame_of_its_own_page_and_a_terminal_shows_a_line() -> None:
    data, _ = DisplayFormatter().format(timeline_figure(monthly().view_model))
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"] == (
        "<monthly r-0123456789abcdefghjkmnpqrs: FAILED, 7.8 s: `bokeh.io.show` draws it in a browser>"
    )
    (frame,) = Frames(data["text/html"]).frames
    assert frame["sandbox"] == "allow-scripts allow-downloads"
    assert "://" not in str(frame["srcdoc"])  # nothing is fetched
    assert len(data["text/html"]) < 700_000


def test_it_is_a_figure_for_whoever_wants_one() -> None:
    chart = timeline_figure(monthly().view_model)
    assert isinstance(chart, figure)
    chart._repr_mimebundle_()
    document = Document()
    document.add_root(chart)
    document.validate()
    chart._repr_mimebundle_()
    assert chart.document is document
    read = Document.from_json(document.to_json())
    assert type(read.roots[0]) is figure


def test_bokeh_is_not_told_of_another_kind_of_figure() -> None:
    code = "import wfkit.notebook.charts"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
    assert Chart.__qualified_model__ == "Figure"


def test_names_of_users_stay_text() -> None:
    chart = timeline_figure(StoryRun(run_started(HOSTILE)).view_model)
    assert Frames(chart._repr_mimebundle_()["text/html"]).tags == ["div", "p", "iframe"]
