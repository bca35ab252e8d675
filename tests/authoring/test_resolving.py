"""Resolving: handles anywhere in a value are replaced; what holds none stays the very same object."""

from __future__ import annotations

import timeit
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.authoring.conftest import Recording
from wfkit import allow_failure, unmapped
from wfkit.authoring.inputs import Missing
from wfkit.authoring.resolving import holds_handle, resolved

Pair = namedtuple("Pair", ["a", "b"])  # noqa: PYI024 - the plain kind too


@dataclass(frozen=True)
class Frozen:
    content: object
    derived: int = field(init=False, default=3)


@dataclass(slots=True)
class Slotted:
    content: object


@pytest.fixture
def full(recording: Recording) -> Recording:
    recording.source.values.update({("a", 0): 1, ("bad", 0): ValueError("no")})
    return recording


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: x,
        lambda x: [x],
        lambda x: (0, x),
        lambda x: {x},
        lambda x: frozenset([x]),
        lambda x: {"k": {"l": [x]}},
        lambda x: OrderedDict(k=x),
        lambda x: Pair(x, [x]),
        Frozen,
        lambda x: Slotted([x]),
        lambda x: [Frozen(Slotted({"k": (x,)}))],
    ],
    ids=range(11),
)
def test_a_handle_is_replaced_wherever_it_is(wrap: Any, full: Recording) -> None:
    value = wrap(full.handle("a"))
    got = resolved(value)
    assert got == wrap(1)
    assert type(got) is type(wrap(1))
    assert holds_handle(value)
    assert not holds_handle(got)


def test_the_class_of_a_container_is_kept(full: Recording) -> None:
    given: defaultdict[str, Any] = defaultdict(list, k=full.handle("a"))
    got: Any = resolved(given)
    assert got["new"] == []
    assert "new" not in given


def test_what_holds_no_handle_is_the_same_object(full: Recording) -> None:
    plain = [1, {"a": (2, Frozen([3]))}]
    assert resolved(plain) is plain
    mixed: Any = [plain, full.handle("a")]
    assert resolved(mixed) == [plain, 1]
    assert resolved(mixed)[0] is plain  # type: ignore[index]
    assert mixed[1] == full.handle("a")  # the original stays as it is


def test_a_value_in_a_circle_ends(full: Recording) -> None:
    circle: list[object] = [1]
    circle.append(circle)
    assert resolved(circle) is circle


def test_wrappers_are_taken_off(full: Recording) -> None:
    assert resolved([unmapped(2), unmapped(full.handle("a")), allow_failure(full.handle("a"))]) == [2, 1, 1]
    assert holds_handle(unmapped([full.handle("a")]))
    assert not holds_handle(allow_failure([1]))


def test_a_handle_is_found_at_any_depth(full: Recording) -> None:
    deep: object = full.handle("a")
    for level in range(3_000):
        deep = ([deep], {"k": deep}, Slotted(deep))[level % 3]
    assert holds_handle(deep)
    assert holds_handle({1, frozenset({full.handle("a")})})
    assert not holds_handle({"k": [Frozen((1, None)), Frozen, Slotted, full]})


def test_a_value_that_holds_itself_or_one_part_many_times_is_looked_through_once() -> None:
    circle: dict[str, object] = {"a": [1]}
    circle["self"] = [circle]
    shared: object = [1]
    for _ in range(60):
        shared = [shared, shared]
    assert not holds_handle(circle)
    assert not holds_handle(shared)


def test_looking_for_handles_in_a_large_list_is_cheap(full: Recording) -> None:
    numbers = list(range(100_000))
    assert not holds_handle(numbers)
    assert holds_handle([*numbers, full.handle("a")])
    took_s = min(timeit.repeat(lambda: holds_handle(numbers), number=1, repeat=20))
    assert took_s < 0.02  # 2 ms where nobody else uses the machine


def test_a_failed_input_that_is_allowed_is_missing(full: Recording) -> None:
    missing: Any = resolved(allow_failure({"k": [unmapped(full.handle("bad"))]}))
    assert isinstance(missing["k"][0], Missing)
    assert str(missing["k"][0].exception) == "no"


def test_classes_are_no_containers() -> None:
    assert resolved(Frozen) is Frozen
