"""Scalars of NumPy and pandas are said in words, and none of the user's code is asked for them."""

from __future__ import annotations

import datetime as dt
from typing import NoReturn

import numpy as np
import pandas as pd
import pytest
from typing_extensions import override

from wfkit.authoring.secrets import Secret
from wfkit.engine.worker.look.form import cell
from wfkit.engine.worker.preview import preview
from wfkit.engine.worker.scalars import scalar_words


class Trap:
    def __repr__(self) -> NoReturn:
        raise AssertionError("the user's code")

    __str__ = __repr__


class Spoofed(Trap):
    shape = ()


Spoofed.__module__ = "pandas"


class float64(Trap):
    dtype = np.dtype("float64")
    shape = ()


float64.__module__ = "numpy"


class Zone(dt.tzinfo):
    asked = 0

    @override
    def utcoffset(self, when: object) -> dt.timedelta:
        Zone.asked += 1
        return dt.timedelta(0)

    @override
    def dst(self, when: object) -> None:
        return None

    @override
    def tzname(self, when: object) -> str:
        return self.utcoffset(when).__repr__()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.float32(0.1), "0.10000000149011612"),
        (np.int8(-3), "-3"),
        (np.bool_(True), "True"),
        (np.array(5), "5"),
        (np.longdouble(1.5), "1.5"),
        (np.datetime64("2024-01-01T00:00", "ns"), "2024-01-01T00:00:00.000000000"),
        (np.array((1, "a"), dtype=[("n", int), ("t", "U3")])[()], "(1, 'a')"),
        (pd.Timestamp("2024-05-01 12:00"), "2024-05-01 12:00:00"),
        (pd.Timestamp("2024-05-01 12:00", tz="Europe/Berlin"), "2024-05-01 12:00:00+02:00"),
        (pd.Timedelta("1D"), "1 days 00:00:00"),
        (pd.NaT, "NaT"),
        (pd.NA, "<NA>"),
        (pd.Period("2024-05"), "2024-05"),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
    ids=str,
)
def test_scalars_are_said_in_words(value: object, words: str) -> None:
    assert scalar_words(value, repr) == words
    assert preview(value) == words


@pytest.mark.parametrize(
    "value",
    [
        Trap(),
        Spoofed(),
        float64(),
        np.array(Trap(), dtype=object),
        np.array((1, Trap()), dtype=[("n", int), ("o", object)])[()],
        np.zeros(3),
        pd.DataFrame(),
        "text",
    ],
    ids=lambda value: type(value).__qualname__,
)
def test_all_else_is_left_to_others(value: object) -> None:
    assert scalar_words(value, repr) is None
    preview(value)
    cell(value)


def test_a_time_zone_of_the_user_is_not_asked() -> None:
    mine = pd.Timestamp("2024-05-01 12:00", tz=Zone()).as_unit("s")
    before = Zone.asked
    assert scalar_words(mine, repr) == "2024-05-01T12:00:00Z"
    assert Zone.asked == before


def test_secrets_in_texts_of_numpy_are_hidden() -> None:
    Secret("canary-in-a-scalar")
    assert cell(np.str_("a canary-in-a-scalar")) == "a ***"
    assert "canary" not in preview(np.bytes_(b"a canary-in-a-scalar"))
