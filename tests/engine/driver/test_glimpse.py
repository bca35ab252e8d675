"""Plain values are read from frozen arguments; of all others the type alone, and their code never runs."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wfkit.authoring.freeze import freeze
from wfkit.engine.driver.glimpse import glimpse
from wfkit.engine.worker.preview import preview

#: Classes of a notebook, which travel by value.
NOTEBOOK: dict[str, Any] = {"__name__": "__main__"}
exec(
    """
import enum
class Mode(enum.Enum):
    FAST = 1
class Row:
    def __init__(self):
        self.x = 1
    def __setstate__(self, state):
        raise RuntimeError("loaded")
class Rows(list):
    pass
def helper():
    pass
""",
    NOTEBOOK,
)
Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 - as users write it


class Here(enum.Enum):
    ONE = 1


def seen(value: object) -> str:
    frozen, _ = freeze(((value,), {}), "t")
    ((found,), _) = glimpse(frozen)
    return preview(found)


@pytest.mark.parametrize(
    "value",
    [
        *(1, "two", 3.5, None, b"x", 1 + 2j, (1, [2, {"a": {3}}]), range(3)),
        *(dt.date(2024, 1, 2), dt.timedelta(days=3), decimal.Decimal("1.5")),
        *(np.arange(6).reshape(2, 3), np.float64(2.5), np.datetime64("2024-01-01")),
    ],
    ids=repr,
)
def test_plain_values_are_themselves(value: object) -> None:
    assert seen(value) == preview(value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (NOTEBOOK["Row"](), "<Row>"),
        (NOTEBOOK["Rows"]([1, 2]), "<Rows>"),
        (NOTEBOOK["Mode"].FAST, "<Mode>"),
        (NOTEBOOK["Row"], "<type>"),
        (NOTEBOOK["helper"], "<function>"),
        (Here.ONE, "<Here>"),
        (Point(1, 2), "<Point>"),
        (PurePosixPath("a/b"), "<PurePosixPath>"),
        (pd.DataFrame({"a": [1]}), "<DataFrame>"),
        ([NOTEBOOK["Row"](), 2], "[<Row>, 2]"),
        (np.array([NOTEBOOK["Row"]()], dtype=object), "<ndarray (1,) object>"),
    ],
)
def test_of_others_the_type_is_told(value: object, told: str) -> None:
    assert seen(value) == told
