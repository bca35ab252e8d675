"""Each type that is known has its kind; what has code of its own has none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wfkit.engine.worker.look.kinds import known_look


class Mine:
    """A class of a user."""


class MyText(str):
    """May bring any code."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("text", "text"),
        (3, "text"),
        (b"x", "bytes"),
        (bytearray(2), "bytes"),
        (memoryview(b"abc"), "bytes"),
        ({"a": 1}, "tree"),
        ([], "tree"),
        (pd.DataFrame({"a": [1]}), "table"),
        (np.zeros(3), "array"),
        (Image.new("RGB", (2, 2)), "image"),
        (Mine(), None),
        (Mine, None),
        (MyText("x"), None),
        (ValueError("x"), None),
        (print, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_shown_by_its_type(value: object, kind: str | None) -> None:
    look = known_look(value)
    assert (None if look is None else look.kind) == kind
