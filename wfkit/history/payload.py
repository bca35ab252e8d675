"""Payload: a batch of events as the bytes of one row: a version, then msgpack, compressed.

Measured against JSON, 1,000 events of trivial tasks: msgpack 76 bytes an event and 0.15 µs, JSON 122 bytes and 1.3 µs;
compressed at level 1, 19 and 24 bytes. Higher levels save a tenth and take six times as long.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

import msgpack

from wfkit.core import wire
from wfkit.core.events import AnyEvent

_VERSION: Final = b"\x01"
_LEVEL: Final = 1


def pack(events: Sequence[AnyEvent]) -> bytes:
    """Turn events into bytes.

    Raises
    ------
    ValueError, TypeError, OverflowError : one of them cannot be stored
    """
    return _VERSION + zlib.compress(msgpack.packb([wire.encode(event) for event in events]), _LEVEL)


def unpack(payload: bytes) -> tuple[list[AnyEvent], int]:
    """Turn bytes back into events.

    Returns
    -------
    list of events, and how many more there were that this version of wfkit cannot read

    Raises
    ------
    ValueError : the bytes are damaged, or of a newer version of wfkit
    """
    if payload[:1] != _VERSION:
        raise ValueError(f"a batch of version {payload[:1].hex() or 'none'}, where {_VERSION.hex()} is known")
    try:
        lists = msgpack.unpackb(zlib.decompress(payload[1:]))
    except (zlib.error, ValueError, msgpack.exceptions.UnpackException) as error:
        raise ValueError(f"a damaged batch: {error}") from error
    if not isinstance(lists, list):
        raise ValueError("a damaged batch: no list of events")  # noqa: TRY004 - the bytes are at fault
    events, unknown = [], 0
    for values in lists:
        try:
            events.append(wire.decode(values))
        except (ValueError, TypeError, KeyError):
            unknown += 1
    return events, unknown
