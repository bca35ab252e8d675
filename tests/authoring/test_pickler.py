"""Code that travels by value knows where it was written."""

from __future__ import annotations

import pickle
import traceback
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wfkit.authoring.pickler import TooLarge, dumps

CELL = "<cell 7>"


def from_cell(text: str, name: str) -> Any:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, CELL, "exec"), space)
    return space[name]


def place_of_failure(function: Callable[[], object]) -> tuple[str, int | None]:
    try:
        function()
    except ZeroDivisionError as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return last.filename, last.lineno
    raise AssertionError("it did not fail")


def test_a_function_keeps_its_file_and_line() -> None:
    back = pickle.loads(dumps(from_cell("def fail():\n    return 1 / 0\n", "fail")))
    assert place_of_failure(back) == (CELL, 2)


def test_a_function_in_a_function_and_a_method_keep_theirs() -> None:
    nested = from_cell("def outer():\n    def inner():\n        return 1 / 0\n    return inner()\n", "outer")
    assert place_of_failure(pickle.loads(dumps(nested))) == (CELL, 3)
    made = from_cell("class Model:\n    def fit(self):\n        return 1 / 0\n", "Model")
    assert place_of_failure(pickle.loads(dumps(made())).fit) == (CELL, 3)


def test_the_same_function_twice_is_one_function() -> None:
    fail = from_cell("def fail():\n    return 1 / 0\n", "fail")
    one, other = pickle.loads(dumps([fail, fail]))
    assert one is other


@pytest.mark.parametrize("large", [bytes(20_000_000), np.zeros(3_000_000), ["x" * 100] * 10, list(range(300_000))])
def test_what_is_larger_than_allowed_is_given_up_before_it_is_copied(large: Any) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            dumps({"large": large}, 100)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert pickle.loads(dumps([1, "two"], 100)) == [1, "two"]
