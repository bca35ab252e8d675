"""Values that show themselves: as pictures, HTML or text; asked of their class, never of themselves."""

from __future__ import annotations

from functools import partialmethod
from typing import Any, NoReturn

import pytest

from wfkit.authoring.secrets import Secret
from wfkit.engine.worker.look.form import MOST_BYTES, fitting
from wfkit.engine.worker.look.own import is_drawn, own_look, said

PNG = b"\x89PNG\r\n\x1a\n....."


class Shows:
    """Shows itself in the ways that it is told."""

    def __init__(self, **ways: object) -> None:
        self.ways = ways

    def __repr__(self) -> str:
        return "in words"


def shows(**ways: object) -> Any:
    return type("Shows", (Shows,), {name: partialmethod(_given, value) for name, value in ways.items()})()


def _given(self: object, value: object) -> object:
    return value


@pytest.mark.parametrize(
    ("ways", "kind"),
    [
        ({}, "text"),
        ({"_repr_html_": "<b>x</b>"}, "html"),
        ({"_repr_html_": None}, "text"),
        ({"_repr_html_": "  "}, "text"),
        ({"_repr_html_": 3}, "text"),
        ({"_repr_png_": PNG, "_repr_html_": "<b>x</b>"}, "image"),
        ({"_repr_png_": (PNG, {"width": 3})}, "image"),
        ({"_repr_png_": "no bytes"}, "text"),
        ({"_repr_png_": b"no picture"}, "text"),
        ({"_repr_jpeg_": b"\xff\xd8\xff"}, "image"),
        ({"_repr_svg_": "<svg/>"}, "image"),
        ({"_repr_svg_": "<svg>" + "x" * 100_000}, "text"),
    ],
)
def test_a_value_is_shown_as_it_can_show_itself(ways: dict[str, object], kind: str) -> None:
    assert own_look(shows(**ways)).kind == kind


def test_what_a_value_makes_up_when_it_is_asked_does_not_count() -> None:
    class Any_(Shows):
        def __getattr__(self, name: str) -> Any:
            return lambda: f"<b>{name}</b>"

    assert own_look(Any_()).kind == "text"
    assert own_look(type(shows(_repr_html_="<b>x</b>"))).kind == "text"


def test_html_is_cut_and_keeps_words_beside_it() -> None:
    look = own_look(shows(_repr_html_="<p>" + "深" * 100_000))
    assert fitting(look) is look
    assert look.fields["left_out"] != 0
    assert look.fields["text"] == "in words"


def test_secrets_are_hidden_in_text_and_html_and_drawings() -> None:
    Secret("canary-of-own")
    for ways in (
        {"__repr__": "canary-of-own"},
        {"_repr_html_": "<b>canary-of-own"},
        {"_repr_svg_": "<svg>canary-of-own"},
    ):
        look = own_look(shows(**ways))
        assert "canary" not in f"{look.fields} {look.image!r}"
    cut_at = own_look(shows(_repr_html_="x" * (MOST_BYTES - 8_010) + "canary-of-own")).fields
    assert "can" not in str(cut_at["html"])


def test_an_exception_is_shown_with_where_it_was_raised() -> None:
    try:
        raise KeyError("lost")
    except KeyError as error:
        text = str(own_look(error).fields["head"])
    assert "raise KeyError" in text
    assert text.endswith("KeyError: 'lost'\n")


@pytest.mark.parametrize("package", ["plotly", "bokeh", "altair", "folium"])
def test_html_that_is_nothing_without_scripts_is_not_shown(package: str) -> None:
    figure = shows(_repr_html_="<script>1</script>", __repr__="Figure({...})")
    type(figure).__module__ = f"{package}.graph_objs"
    look = own_look(figure)
    assert look.fields["head"] == "Figure({...})"
    assert str(look.fields["note"]).startswith("The worker made no picture of it: ")


def test_a_chart_of_altair_is_a_picture() -> None:
    altair, pandas = pytest.importorskip("altair"), pytest.importorskip("pandas")
    pytest.importorskip("vl_convert")
    chart = altair.Chart(pandas.DataFrame({"x": [1, 2], "y": [3, 1]})).mark_bar().encode(x="x:O", y="y:Q")
    look = own_look(chart)
    assert (look.kind, look.fields["about"]) == ("image", "a chart")
    assert look.image.startswith(b"\x89PNG")


def test_who_draws_gets_more_time() -> None:
    value = shows()
    assert not is_drawn(value)
    type(value).__module__ = "matplotlib.figure"
    assert is_drawn(value)


class Speechless(Exception):
    def __str__(self) -> NoReturn:
        raise SystemExit


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("no"), "it raised RuntimeError: no"),
        (SystemExit(), "it raised SystemExit"),
        (Speechless(), "it raised Speechless"),
        (MemoryError(), "it would take too much memory"),
    ],
)
def test_an_error_is_a_reason(error: BaseException, reason: str) -> None:
    assert said(error).fields == {"reason": reason}
