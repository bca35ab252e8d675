"""Payload: a batch of events as the bytes of one row: a version, a seal, then msgpack, compressed.

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
from wfkit.history.seal import Sealer

_VERSION: Final = b"\x01"
_LEVEL: Final = 1


def pack(events: Sequence[wire.Encoded], sealer: Sealer | None = None) -> bytes:
    """Turn encoded events into bytes.

    Parameters
    ----------
    events : sequence
    sealer : callable, optional
        Signs them.

    Raises
    ------
    ValueError, TypeError, OverflowError : one of them cannot be stored
    """
    body = zlib.compress(msgpack.packb(events), _LEVEL)
    seal = sealer(wire.seq_of(events[0]), body) if sealer is not None and events else b""
    return _VERSION + bytes([len(seal)]) + seal + body


def sealed(payload: bytes) -> tuple[bytes, bytes]:
    """The seal of a batch, and what it is the seal of."""
    end = 2 + payload[1] if len(payload) > 1 else 2
    return payload[2:end], payload[end:]


def unpack(payload: bytes) -> tuple[list[AnyEvent], int]:
    """Turn bytes back into events, whoever has written them.

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
        lists = msgpack.unpackb(zlib.decompress(sealed(payload)[1]))
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
