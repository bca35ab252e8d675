"""Figures that scripts draw are shown as pictures where there is a browser, and in words with the reason elsewhere."""

from __future__ import annotations

import io
from typing import Any

import pytest
from bokeh.layouts import column
from bokeh.plotting import figure
from PIL import Image

from wfkit.engine.worker.look.form import MOST_BYTES, Look
from wfkit.engine.worker.look.order import look_at_value
from wfkit.engine.worker.look.photograph import browser
from wfkit.engine.worker.look.scripted import scripted_look

pytestmark = pytest.mark.timeout(120)
needs_browser = pytest.mark.skipif(browser() is None, reason="no browser here")
GREEN = (0, 128, 0)


def of_plotly() -> Any:
    graph_objects = pytest.importorskip("plotly.graph_objects")

    drawn = graph_objects.Figure(graph_objects.Bar(y=[1, 1], marker={"color": "rgb(0, 128, 0)"}))
    return drawn.update_layout(width=400, height=300, bargap=0)


def of_bokeh() -> Any:
    drawn = figure(width=400, height=300)
    drawn.vbar(x=[0, 1], top=[1, 1], width=1, color="green")
    return drawn


def share_of_green(look: Look) -> float:
    assert look.kind == "image", look.fields
    assert len(look.image) <= MOST_BYTES
    picture = Image.open(io.BytesIO(look.image)).convert("RGB")
    counts = {colour: count for count, colour in picture.getcolors(1 << 20) or []}
    return counts.get(GREEN, 0) / (picture.width * picture.height)


@needs_browser
@pytest.mark.parametrize("make", [of_plotly, of_bokeh])
def test_a_figure_is_drawn_in_the_process_of_previews(make: Any) -> None:
    look = look_at_value(make())
    assert look.fields["about"] == "400 x 300 pixels"
    assert share_of_green(look) > 0.2


@needs_browser
def test_figures_below_each_other_are_one_picture() -> None:
    assert share_of_green(look_at_value(column(of_bokeh(), of_bokeh()))) > 0.2


@pytest.mark.parametrize(
    ("path", "reason"), [("/nowhere", "no browser was found there"), ("/bin/false", "its browser took none")]
)
def test_without_a_picture_the_words_say_why(monkeypatch: pytest.MonkeyPatch, path: str, reason: str) -> None:
    monkeypatch.setenv("BROWSER_PATH", path)
    look = look_at_value(of_bokeh())
    assert look.kind == "text"
    assert str(look.fields["head"]).startswith("figure(id=")
    assert reason in str(look.fields["note"])


def test_other_values_are_none_of_this() -> None:
    assert scripted_look({"a": 1}) is None
    assert scripted_look(of_bokeh) is None
