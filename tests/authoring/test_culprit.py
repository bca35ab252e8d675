"""Culprit: the path to what cannot be pickled."""

from __future__ import annotations

import functools
import pickle
import threading
from dataclasses import dataclass
from typing import Any

import cloudpickle
import pytest

from wfkit.authoring.culprit import culprit, parts_of

LOCK = threading.Lock()


class Plain:
    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


@dataclass(slots=True)
class Slotted:
    x: object
    lock: object


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (LOCK, ""),
        ([1, LOCK], "[1]"),
        ((1, {"a": [LOCK]}), "[1]['a'][0]"),
        (Plain(a=1, db=Plain(_lock=LOCK)), ".db._lock"),
        (Slotted(1, LOCK), ".lock"),
        (functools.partial(print, LOCK), ".args[0]"),
        (functools.partial(print, end=LOCK), ".keywords['end']"),
    ],
)
def test_the_innermost_part_is_found(value: object, path: str) -> None:
    found = culprit(value, cloudpickle.dumps)
    assert found is not None
    assert (found.path, found.value) == (path, LOCK)
    assert found.told == "a lock (cannot pickle '_thread.lock' object)"


def test_functions_are_followed_to_what_they_refer_to() -> None:
    namespace: dict[str, Any] = {"lock": LOCK, "__name__": "__main__"}
    exec(
        "config = {'lock': lock}\n"
        "def inner(): return config\n"
        "def outer(x=[]): return [inner() for _ in x], unknown.config",
        namespace,
    )
    found = culprit(namespace["outer"], cloudpickle.dumps)
    assert found is not None
    assert found.path == "`inner` → `config`['lock']"
    assert [step for step, _ in parts_of(namespace["outer"])] == [" → `inner`", " → the default of `x`"]


def test_what_can_be_pickled_has_none() -> None:
    assert culprit([1, {"a": culprit}], pickle.dumps) is None


def test_a_value_in_a_circle_ends() -> None:
    circle: list[object] = [LOCK]
    circle.insert(0, circle)
    found = culprit(circle, cloudpickle.dumps)
    assert found is not None
    assert found.path == "[1]"


def test_a_function_that_calls_itself_and_a_name_not_bound_yet_do_no_harm() -> None:
    def outer() -> object:
        def f() -> object:
            return f, later, LOCK, unbound

        later = LOCK
        found = culprit(f, cloudpickle.dumps)
        unbound = 1
        return found

    found: Any = outer()
    assert found.value is LOCK
