"""Surroundings: which values that a body reads are other ones; code, secrets and large data are not told."""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wfkit import task
from wfkit.authoring.surroundings import MOST_BYTES, MOST_ITEMS, differences, surroundings


@task
def load() -> None: ...


class Model:
    """An object of the user's, of which each way to tell its state may take long."""

    asked = 0

    def __getstate__(self) -> object:
        Model.asked += 1
        return {}


class Tokenized(Model):
    def __dask_tokenize__(self) -> str:
        Model.asked += 1
        return ""


class Remote(list[int]):
    """A list that is elsewhere."""

    def __len__(self) -> int:
        raise ConnectionError


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (2, 3, "`x` changed from 2 to 3"),
        (2, 2.0, "`x` changed from 2 to 2.0"),
        ("a" * 50, "b" * 50, "`x` changed"),
        ({"k": [1, (2,)]}, {"k": [1, (3,)]}, "`x` changed"),
        ({1, 2}, {1, 3}, "`x` changed"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ""),
        (2, [0] * (MOST_ITEMS + 1), ""),
        (2, [bytes(MOST_BYTES // 2), bytes(MOST_BYTES // 2 + 1)], ""),
        (2, threading.Lock(), ""),
        (2, Remote(), ""),
        (np.arange(3), np.arange(1, 4), "`x` changed"),
        (pd.DataFrame({"a": ["b"]}), pd.DataFrame({"a": ["c"]}), "`x` changed"),
        (2, load, ""),
        ([load], [len], ""),
        ("://me:one@host", "://me:two@host", "`x` changed"),
    ],
)
def test_which_values_are_others_is_told(before: object, after: object, told: str) -> None:
    one, other = surroundings({"x": before}), surroundings({"x": after})
    assert differences(one, other) == ((told,) if told else ())
    assert differences(one, one) == differences(other, other) == ()


def test_a_number_that_is_too_long_for_python_to_write_is_left_out() -> None:
    assert surroundings({"x": 10**10_000, "y": 1}) == (("`y`", "1"),)


def test_nothing_is_told_of_names_that_only_one_body_reads() -> None:
    assert differences(surroundings({"x": 1, "y": 1}), surroundings({"y": 1, "z": 1})) == ()


def test_what_has_the_name_of_a_secret_is_a_digest() -> None:
    parts: Any = surroundings({"db_password": "canary", "url": "://me:canary@host"})
    assert [name for name, _ in parts] == ["`db_password`", "`url`"]
    assert "canary" not in repr(parts)


@pytest.mark.parametrize("model", [Model(), Tokenized()])
def test_no_object_is_asked_for_its_state(model: Model) -> None:
    assert surroundings({"a": model, "b": [1, (model,)], "c": {"k": model}, "d": MappingProxyType({"k": model})}) == ()
    assert Model.asked == 0
