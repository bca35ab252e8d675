"""A class keeps one identity in each process; the rest is told with other processes, in test_pickler_local."""

from __future__ import annotations

import enum
import pickle

import pytest

from tests.authoring.cells import defined
from wfkit.authoring.pickler import dumps
from wfkit.authoring.rebuilt import class_named, travels_well


class Here:
    pass


class Color(enum.Enum):
    RED = 1


class Meta(type):
    pass


class Registered(metaclass=Meta):
    pass


def test_a_class_that_was_sent_before_is_preferred_to_that_of_the_name() -> None:
    assert class_named(Here.__module__, "Here", "an id") is Here
    assert class_named("no_such_package", "Here", "an id") is Here
    with pytest.raises(ModuleNotFoundError):
        class_named("no_such_package", "Here", "another id")


@pytest.mark.parametrize(("cls", "expected"), [(Here, True), (Color, True), (Registered, False)])
def test_classes_with_a_metaclass_of_their_own_travel_by_name(cls: type, expected: bool) -> None:
    assert travels_well(cls) is expected


def test_classes_of_python_are_themselves() -> None:
    for cls in (type(None), type(...), type(NotImplemented), int, dict, type(len), type(lambda: None)):
        assert pickle.loads(dumps(cls)) is cls


def test_a_class_stays_what_it_is_where_it_was_defined() -> None:
    cls = defined("class f:\n    def m(self): return N\nN = 1\n")
    method = cls.m
    assert pickle.loads(dumps(cls)) is cls
    assert cls.m is method
