"""Arrays tell shape, dtype, range, and a corner of their values."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from wfkit.engine.worker.look.arrays import array_look


def fields(value: object) -> Any:
    look = array_look(value)
    assert look is not None
    json.dumps(look.fields)
    return look.fields


def test_numbers_have_a_range() -> None:
    told = fields(np.array([[1.0, np.nan], [3.0, 5.0]]))
    assert (told["shape"], told["dtype"], told["bytes"]) == ([2, 2], "float64", 32)
    assert told["range"] == {"least": "1", "greatest": "5", "mean": "3", "nans": 1, "step": 1}
    assert told["corner"] == [["1", "nan"], ["3", "5"]]
    assert fields(np.array([True, False]))["range"]["mean"] == "0.5"
    assert fields(np.full(3, 60_000, dtype="float16"))["range"]["mean"] == "60000"
    assert fields(np.full(5, np.nan))["range"] == {"least": "", "greatest": "", "mean": "", "nans": 5, "step": 1}


@pytest.mark.parametrize(
    "array",
    [
        np.array(5),
        np.array([]),
        np.zeros((0, 3)),
        np.zeros((0, 3, 4)),
        np.zeros((3, 0, 4)),
        np.array(["a", "b"]),
        np.array([object(), None]),
        np.array(["2024-01-01"], dtype="datetime64[D]"),
        np.array([1 + 2j]),
        np.array([(1, "a")], dtype=[("n", int), ("t", "U3")]),
        np.zeros((2, 3, 4, 5, 6)),
        np.array([np.inf, -np.inf]),
        np.array([2**63], dtype="uint64"),
    ],
    ids=str,
)
def test_arrays_of_all_kinds_are_shown(array: Any) -> None:
    assert fields(array)["shape"] == list(array.shape)


def test_only_a_corner_is_sent() -> None:
    told = fields(np.arange(1_000_000).reshape(10, 100, 1_000))
    assert (len(told["corner"]), len(told["corner"][0])) == (12, 8)
    assert told["corner"][1][0] == "1000"


@pytest.mark.parametrize("order", ["C", "F"])
def test_of_a_large_array_a_sample_is_looked_at_and_that_is_told(order: str) -> None:
    large = np.asarray(np.arange(20_000_000, dtype="float32").reshape(4_000, 5_000), order=order)  # type: ignore[call-overload]
    start_s = time.thread_time()
    told = fields(large)
    assert time.thread_time() - start_s < 2
    assert told["range"]["step"] == 5
    assert told["range"]["least"] == "0"
    strided = fields(large[:, ::2])
    assert strided["range"]["step"] == 3


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 40_000_000), dtype="float16")[:, ::2],
        np.zeros((40_000_000, 2), dtype="float16")[::2],
        np.zeros((3, 2, 14_000_000), dtype="float16")[..., ::2],
    ],
    ids=lambda array: str(array.shape),
)
def test_a_large_array_with_gaps_is_not_copied(array: Any) -> None:
    tracemalloc.start()
    told = fields(array)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 20_000_000
    assert told["range"]["nans"] == 0
    assert told["range"]["step"] >= 10


def test_a_class_made_of_an_array_may_have_any_code() -> None:
    assert array_look(np.ma.masked_array([1], [True])) is None
