"""Pictures are made small enough to be sent, by the library whose they are."""

from __future__ import annotations

import io
import json
from typing import Any

import matplotlib.figure
import numpy as np
import pytest
from PIL import Image

from wfkit.engine.worker.look.form import MOST_BYTES
from wfkit.engine.worker.look.images import figure_look, image_look, shown


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype="uint8"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "CMYK", "I", "F", "LA"])
def test_pictures_of_all_modes_are_shown(mode: str) -> None:
    look = image_look(Image.new("RGB", (30, 20), "red").convert(mode))
    assert look is not None
    assert opened(look.image).size == (30, 20)
    assert look.fields["about"] == f"30 x 20 pixels, {mode}"
    json.dumps(look.fields)


@pytest.mark.parametrize("size", [(3_000, 2_000), (640, 640), (1, 50_000), (9_000, 3)])
def test_a_large_picture_is_sent_small_and_the_value_stays_as_it_is(size: tuple[int, int]) -> None:
    value = noise(*size)
    look = image_look(value)
    assert look is not None
    assert len(look.image) <= MOST_BYTES
    assert max(opened(look.image).size) <= 640
    assert value.size == size


def test_a_figure_is_drawn() -> None:
    figure = matplotlib.figure.Figure(figsize=(4, 3))
    axes = figure.add_subplot()
    axes.plot([1, 2])
    for value in (figure, axes):
        look = figure_look(value)
        assert look is not None
        assert (look.fields["media"], look.fields["about"]) == ("image/png", "4 x 3 inches")
        assert opened(look.image).size == (400, 300)


def test_a_figure_that_would_be_too_large_is_drawn_smaller() -> None:
    figure = matplotlib.figure.Figure(figsize=(40, 30))
    figure.add_subplot().imshow(np.random.default_rng(0).random((800, 800)))
    look = figure_look(figure)
    assert look is not None
    assert len(look.image) <= MOST_BYTES


def test_what_is_no_picture_is_none() -> None:
    class Fake:
        figure: Any = 3

    assert image_look(Fake()) is None
    assert figure_look(Fake()) is None
    assert shown("x", "", iter([b"GIF", b"<svg>"])) is None
    assert shown("x", "", iter([b"\x89PNG\r\n\x1a\n" + bytes(MOST_BYTES)])) is None
