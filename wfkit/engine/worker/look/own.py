"""Own: what a value shows of itself, by its own code; only ever called in a process that may be killed."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final

from wfkit.authoring.secrets import redacted_start
from wfkit.engine.worker.look.form import MOST_BYTES, Fields, Look, cut, nothing, package_of, type_name
from wfkit.engine.worker.look.images import figure_look, shown
from wfkit.engine.worker.look.kinds import known_look
from wfkit.engine.worker.look.scripted import PHOTOGRAPHED, loads_from_elsewhere, scripted_look, why_in_words
from wfkit.engine.worker.look.texts import text_look

_FALLBACK_BYTES: Final = 4_000
_HTML_BYTES: Final = MOST_BYTES - 2 * _FALLBACK_BYTES  # what is beside it has its place too


def is_drawn(value: object) -> bool:
    """Whether a library of pictures has to draw the value, which takes longer than to write it."""
    return package_of(value) in {"matplotlib", "altair"} | PHOTOGRAPHED


def own_look(value: object) -> Look:
    """What is shown of a value, by whatever means it has.

    Raises
    ------
    BaseException : whatever the value's own code raises
    """
    known = known_look(value)
    if known is not None:
        return known
    if isinstance(value, BaseException):
        return text_look("".join(traceback.format_exception(value)), type_name(value))
    drawn = figure_look(value) or _altair(value) or scripted_look(value)
    return drawn or _image(value) or _html(value) or _text(value)


def _text(value: object) -> Look:
    text: object = repr(value)  # always text: Python itself sees to that
    look = text_look(str.__str__(text), type_name(value))
    if why := why_in_words(value):
        look.fields["note"] = why
    return look


def _altair(value: object) -> Look | None:
    """A chart, where the converter that draws it without a browser is installed."""
    if package_of(value) != "altair" or not hasattr(value, "to_dict"):
        return None
    try:
        converter = importlib.import_module("vl_convert")
    except ImportError:
        return None
    chart: Any = value

    def forms() -> Iterator[bytes]:
        specification = chart.to_dict()
        for scale in (1.0, 0.6, 0.35):
            yield converter.vegalite_to_png(specification, scale=scale)

    return shown(value, "a chart", forms())


def _image(value: object) -> Look | None:
    for method in ("_repr_png_", "_repr_jpeg_"):
        data: Any = _called(value, method)
        if isinstance(data, tuple) and data:
            data = data[0]  # with its metadata, as IPython allows
        if isinstance(data, bytes) and (look := shown(value, "", iter([data]))) is not None:
            return look
    drawing = _called(value, "_repr_svg_")
    if not isinstance(drawing, str):
        return None
    svg = redacted_start(drawing, MOST_BYTES + 1).encode("utf-8", "replace")
    about: Fields = {"type": type_name(value), "media": "image/svg+xml", "about": ""}
    return Look("image", about, svg) if len(svg) <= MOST_BYTES else None


def _html(value: object) -> Look | None:
    """What the value shows as HTML: as it is, nobody has looked through it yet."""
    if loads_from_elsewhere(value):
        return None
    html = _called(value, "_repr_html_")
    if not isinstance(html, str) or not html.strip():
        return None
    html = str.__str__(html)
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - there is the HTML
        text = f"<{type_name(value)}: its repr raised {type(error).__name__}>"
    return Look(
        "html",
        {
            "type": type_name(value),
            "html": cut(redacted_start(html, _HTML_BYTES), _HTML_BYTES),
            "left_out": max(0, len(html) - _HTML_BYTES),
            "text": cut(redacted_start(text, _FALLBACK_BYTES), _FALLBACK_BYTES),
        },
    )


def _called(value: object, method: str) -> object:
    """What a method of the value's class gives: not one that the value makes up when it is asked."""
    function: Callable[[object], object] | None = getattr(type(value), method, None)
    return None if function is None or isinstance(value, type) else function(value)


def said(error: BaseException) -> Look:
    """Nothing, because the value's own code raised."""
    name = type(error).__qualname__
    try:
        words = redacted_start(str(error), 300)
    except BaseException:  # noqa: BLE001 - an error of the user's, too
        words = ""
    if isinstance(error, MemoryError):
        return nothing("it would take too much memory")
    return nothing(f"it raised {name}: {words}" if words else f"it raised {name}")
