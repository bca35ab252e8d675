"""What callables and descriptors are made of."""

from __future__ import annotations

import functools
import math
from types import MappingProxyType
from typing import Any

import pytest

from wfkit.authoring.pieces import is_plain_builtin, pieces_of


class Box:
    __slots__ = ("n",)

    def method(self) -> int:
        return 1

    @property
    def size(self) -> int:
        return 2

    @staticmethod
    def fixed() -> int:
        return 3

    @classmethod
    def made(cls) -> Box:
        return cls()


BOX = Box()
MINE: dict[str, Any] = dict(vars(Box))
CACHED = functools.lru_cache(maxsize=3)(math.sqrt)


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        (BOX.method, ("method", MINE["method"], BOX)),
        ("a".join, ("bound", "a", "join")),
        (MINE["n"], ("descriptor", Box, "n")),
        (str.join, ("descriptor", str, "join")),
        (functools.partial(max, 1, key=len), ("partial", max, (1,), {"key": len})),
        (MINE["size"], ("property", MINE["size"].fget, None, None)),
        (MINE["fixed"], ("staticmethod", Box.fixed)),
        (MINE["made"], ("classmethod", Box.made.__func__)),  # type: ignore[attr-defined]  # it has one
        (functools.cached_property(len), ("cached_property", {"func": len, "attrname": None})),
        (CACHED, ("cached", math.sqrt)),
        (MappingProxyType({1: 2}), ("mapping", {1: 2})),
        (len, None),
        (BOX, None),
        (1, None),
    ],
)
def test_the_pieces_are_told(value: object, pieces: tuple[object, ...] | None) -> None:
    assert pieces_of(value) == pieces


class Marked(property):
    unit = "m"


class Fast(functools.partial[int]):
    pass


def test_a_class_that_somebody_made_of_a_known_one_is_a_piece_with_what_is_noted_in_its_instances() -> None:
    marked, fast, plain = Marked(len), Fast(len), functools.partial(len)
    marked.unit = "s"
    plain.unit = "s"  # type: ignore[attr-defined]  # it takes any
    assert pieces_of(marked) == (Marked, len, None, None, {"unit": "s"})
    assert pieces_of(fast) == (Fast, len, (), {})
    assert pieces_of(plain) == ("partial", len, (), {}, {"unit": "s"})


def test_functions_written_in_c_that_stand_in_a_module_are_known() -> None:
    assert is_plain_builtin(len)
    assert is_plain_builtin(math.sqrt)
    assert not is_plain_builtin("a".join)
    assert not is_plain_builtin(BOX.method)
