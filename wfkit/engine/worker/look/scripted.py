"""Scripted: figures that a library draws by scripts in a page: the page, and a picture of it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any, Final

from wfkit.engine.worker.look.form import Look, package_of
from wfkit.engine.worker.look.images import shown
from wfkit.engine.worker.look.photograph import Page, browser, photographs

#: Libraries whose figures are photographed; they bring the scripts along that draw them.
PHOTOGRAPHED: Final = frozenset({"bokeh", "plotly"})
#: Those that load their scripts from elsewhere, which no preview does.
_OTHERS: Final = frozenset({"altair", "folium", "holoviews", "ipywidgets", "pyvis"})
_PLOTLY_PX: Final = (700, 450)
_BOKEH_PX: Final = (600, 600)


def scripted_look(value: object) -> Look | None:
    """A figure of plotly or bokeh as a picture, where this machine has a browser; None for anything else.

    Raises
    ------
    Exception : whatever the library raises
    """
    program = browser()
    page = None if program is None else _page(value)
    if program is None or page is None:
        return None
    try:
        return shown(value, f"{page.width} x {page.height} pixels", photographs(page, program))
    except (OSError, subprocess.SubprocessError):
        return None


def why_in_words(value: object) -> str:
    """Why a value that scripts would draw is not seen as a picture; empty for anything else."""
    package = package_of(value)
    if package == "altair":
        missing = "`vl-convert-python` is not installed there"
    elif package in PHOTOGRAPHED:
        missing = "no browser was found there that could take one" if browser() is None else "its browser took none"
    elif package in _OTHERS:
        missing = "previews run no scripts from elsewhere"
    else:
        return ""
    return f"The worker made no picture of it: {missing}. In a cell, the value that `.result()` gives shows it."


def loads_from_elsewhere(value: object) -> bool:
    """Whether the HTML that the value shows of itself is nothing without scripts."""
    return package_of(value) in PHOTOGRAPHED | _OTHERS


def _page(value: object) -> Page | None:
    figures, models = sys.modules.get("plotly.basedatatypes"), sys.modules.get("bokeh.models.layouts")
    if figures is not None and issubclass(type(value), figures.BaseFigure):
        return _of_plotly(value)
    if models is not None and issubclass(type(value), models.LayoutDOM):
        return _of_bokeh(value)
    return None


def _of_plotly(figure: Any) -> Page:
    width, height = _PLOTLY_PX
    width, height = int(figure.layout.width or width), int(figure.layout.height or height)
    drawn = figure.to_html(
        include_plotlyjs=True, full_html=False, config={"staticPlot": True}, default_width=width, default_height=height
    )
    return Page(_without_margin(drawn), width, height)


def _of_bokeh(figure: Any) -> Page:
    width, height = _BOKEH_PX
    html = importlib.import_module("bokeh.embed").file_html(figure, importlib.import_module("bokeh.resources").INLINE)
    return Page(html, int(figure.width or width), int(figure.height or height))


def _without_margin(body: str) -> str:
    return f'<!doctype html><meta charset="utf-8"><body style="margin:0;background:#fff">{body}</body>'
