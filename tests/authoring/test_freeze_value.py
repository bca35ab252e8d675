"""Freezing a value that a task returns: its handles become slots, and what cannot travel is named."""

from __future__ import annotations

import pickle
import threading
from dataclasses import dataclass

import pytest

from tests.authoring.conftest import Recording
from wfkit import Handle, allow_failure
from wfkit.authoring.freeze import Use, freeze_value, thaw_value
from wfkit.core.events import How
from wfkit.errors import NotPicklable


@dataclass
class Box:
    content: object


def test_handles_anywhere_in_it_become_slots(recording: Recording) -> None:
    one, many = recording.handle("one"), recording.mapped_handle("many")
    frozen, slots = freeze_value({"a": [one, 2], "b": Box((many, allow_failure(one)))})
    assert [slot.how for slot in slots] == [How.ONE, How.ALL, How.ONE]
    assert [slot.use.failure_allowed for slot in slots] == [False, False, True]
    names = [slot.source.name for slot in slots if isinstance(slot.source, Handle)]
    travelled = pickle.loads(pickle.dumps(frozen))
    assert thaw_value(travelled, lambda number: f"<{names[number]}>") == {
        "a": ["<one>", 2],
        "b": Box(("<many>", "<one>")),
    }


def test_a_handle_alone_and_an_item_of_one(recording: Recording) -> None:
    pair = recording.handle("pair", n_outputs=2)
    for handle, use in ((pair, Use()), (pair[1], Use((1,)))):
        frozen, (slot,) = freeze_value(handle)
        assert (slot.source, frozen.uses) == (handle, (use,))
        assert thaw_value(frozen, lambda _: "here") == "here"


def test_a_value_without_handles_comes_back_as_it_was() -> None:
    frozen, slots = freeze_value([1, {"a": 2}])
    assert (slots, thaw_value(frozen, lambda _: None)) == ((), [1, {"a": 2}])


def test_the_part_that_cannot_travel_is_named(recording: Recording) -> None:
    with pytest.raises(NotPicklable, match=r"`result\['b'\]\.content` is a lock \(.*\)\. Return what it is made from"):
        freeze_value({"a": recording.handle(), "b": Box(threading.Lock())})
