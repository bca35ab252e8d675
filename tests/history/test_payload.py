"""Payloads: events come back as they were, and damage is named, never executed and never fatal."""

from __future__ import annotations

import pickle
import zlib

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.histories import any_record, deliveries
from tests.history.making import encoded, trivial
from wfkit.core import wire
from wfkit.core.events import AnyEvent
from wfkit.history.payload import pack, unpack


@given(any_record)
def test_events_come_back_as_they_were(record: list[AnyEvent]) -> None:
    expected = [wire.decode(wire.encode(event)) for event in record]  # lone surrogates are escaped
    assert unpack(pack(encoded(record))) == (expected, 0)


@given(st.data(), any_record)
def test_their_order_is_no_matter(data: st.DataObject, record: list[AnyEvent]) -> None:
    delivered = data.draw(deliveries(record))
    assert len(unpack(pack(encoded(delivered)))[0]) == len(delivered)


def test_trivial_tasks_take_few_bytes() -> None:
    assert len(pack(encoded(trivial(1_000)))) < 60 * 1_000


@given(st.binary())
def test_bytes_that_are_no_payload_are_refused(noise: bytes) -> None:
    for bad in (noise, b"\x01\x00" + noise, b"\x01\x00" + zlib.compress(noise)):
        try:
            events, _ = unpack(bad)
        except ValueError:
            continue
        assert events == []


@given(st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_gives_an_error_or_nothing_strange(place: int, change: int) -> None:
    payload = bytearray(pack(encoded(trivial(3))))
    payload[place % len(payload)] ^= change
    with pytest.raises(ValueError, match="batch"):
        unpack(bytes(payload))


def test_a_newer_version_is_named() -> None:
    with pytest.raises(ValueError, match="version 02"):
        unpack(b"\x02whatever")


def test_an_event_of_a_newer_wfkit_costs_only_itself() -> None:
    known = trivial(1)
    lists = [["no-such-event", 1], *map(wire.encode, known), "text", {}, []]
    assert unpack(b"\x01\x00" + zlib.compress(msgpack.packb(lists))) == (known, 4)


def test_a_pickle_in_a_row_is_never_loaded() -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("executed",))

    trap = pickle.dumps(Trap())
    for payload in (trap, b"\x01\x00" + trap, b"\x01\x00" + zlib.compress(trap)):
        with pytest.raises(ValueError, match="batch"):
            unpack(payload)
