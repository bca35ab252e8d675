"""Values by hand: pickled when they are given, and refused then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from wfkit.authoring.freeze import thaw
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.ids import GroupId
from wfkit.engine.driver.byhand import ByHand
from wfkit.errors import HandleMisuse, NotPicklable


class Named:
    """Answers for the name of a handle."""

    def name(self, ref: Ref) -> str:
        return ref.group


def up() -> Handle:
    return Handle(cast("Any", Named()), Ref(GroupId("up"), 0))


def _no_slots(slot: int) -> object:
    raise AssertionError(slot)


def test_a_small_value_travels_with_its_users() -> None:
    given = ByHand.of([1, 2], "load")
    assert given.frozen is None
    assert given.checked.inline is not None
    assert (given.checked.length, given.checked.preview) == (2, "[1, 2]")


def test_a_large_value_is_as_it_was_when_it_was_given() -> None:
    value = [bytes(20_000)]
    given = ByHand.of(value, "load")
    value.clear()
    assert given.frozen is not None
    assert given.checked.pickled is None
    assert thaw(given.frozen, _no_slots)[0] == ([bytes(20_000)],)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (threading.Lock, r"`replace` gives `load` a value that cannot be .*: `value` is a lock"),
        (lambda: {"model": [threading.Lock()]}, r"`value\['model'\]\[0\]` is a lock"),
        (lambda: (i for i in range(3)), r"`value` is a generator .*list\(\.\.\.\) of a generator"),
        (lambda: bytes(20_000) and {"large": bytes(20_000), "lock": threading.Lock()}, r"`value\['lock'\]` is a lock"),
        (lambda: [up()], r"`value\[0\]` is a Handle"),
    ],
)
def test_what_cannot_travel_is_refused_and_the_part_is_named(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(NotPicklable, match=told):
        ByHand.of(make(), "load")


def test_a_handle_is_no_value() -> None:
    with pytest.raises(HandleMisuse, match=r"gives `load` the handle `up`.*\. Give its `\.result\(\)`"):
        ByHand.of(up(), "load")
