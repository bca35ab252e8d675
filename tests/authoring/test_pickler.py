"""Code that travels by value knows where it was written."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from typing import Any

from wfkit.authoring.pickler import dumps

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
