"""Images: pictures of the types that libraries can draw by themselves, made small enough to be sent."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any, Final

from wfkit.engine.worker.look.form import MOST_BYTES, Look, package_of, type_name

_SIDE_PX: Final = 640
#: A larger picture is made small by taking single dots, which takes no time.
_SMOOTH_PX: Final = 16_000_000
_SHRINKS: Final = (1.0, 0.75, 0.55, 0.4, 0.25)
_DPI: Final = 100.0
#: What a picture starts with, and what it is then.
_STARTS: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def image_look(value: object) -> Look | None:
    """A picture of PIL as a smaller one; None for anything else."""
    package = sys.modules.get("PIL.Image")
    if package is None or not issubclass(type(value), package.Image) or package_of(value) != "PIL":
        return None
    picture: Any = value
    width, height = picture.size
    scale = min(1.0, _SIDE_PX / max(width, height, 1))
    resample = package.Resampling.BOX if width * height <= _SMOOTH_PX else package.Resampling.NEAREST
    small = picture
    if scale < 1.0:
        small = picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), resample=resample)
    if small.mode not in {"L", "RGB", "RGBA"}:
        small = small.convert("RGBA" if "transparency" in picture.info else "RGB")
    return shown(value, f"{width} x {height} pixels, {picture.mode}", _encoded(small))


def _encoded(picture: Any) -> Iterator[bytes]:
    """The picture in forms of less and less bytes."""
    for form in ({"format": "PNG"}, {"format": "JPEG", "quality": 80}, {"format": "JPEG", "quality": 50}):
        file = io.BytesIO()
        flat = picture.convert("RGB") if form["format"] == "JPEG" else picture
        flat.save(file, **form)
        yield file.getvalue()
    width, height = picture.size
    if min(width, height) > 1:
        yield from _encoded(picture.resize((max(1, width // 2), max(1, height // 2))))


def figure_look(value: object) -> Look | None:
    """A figure of matplotlib, or the one that its axes are in; None for anything else."""
    package = sys.modules.get("matplotlib.figure")
    figure: Any = value
    if package is not None and not isinstance(value, package.Figure):
        figure = getattr(value, "figure", None) if package_of(value) == "matplotlib" else None
    if package is None or not isinstance(figure, package.Figure):
        return None
    return shown(value, f"{figure.get_figwidth():g} x {figure.get_figheight():g} inches", _drawn(figure))


def _drawn(figure: Any) -> Iterator[bytes]:
    largest = max(figure.get_figwidth(), figure.get_figheight(), 0.1)
    for shrink in _SHRINKS:
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=min(_DPI, 1_000 / largest) * shrink)
        yield file.getvalue()


def shown(value: object, about: str, forms: Iterator[bytes]) -> Look | None:
    """The first of the forms of a picture that is small enough; None if none is."""
    for data in forms:
        media = next((media for start, media in _STARTS if data.startswith(start)), "")
        if media and len(data) <= MOST_BYTES:
            return Look("image", {"type": type_name(value), "media": media, "about": about}, data)
    return None
