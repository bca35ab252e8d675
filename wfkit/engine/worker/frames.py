"""Frames: what a worker and a process of its own say to each other, with large buffers beside their pickle."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

#: Kinds of frames. To the process: what to do. From it: it begins, lines of its log, and how it ended.
WORK: Final = b"w"
LOOK: Final = b"p"
BEGUN: Final = b"b"
LINES: Final = b"l"
VALUE: Final = b"v"
ERROR: Final = b"e"

_HEAD: Final = struct.Struct("<cI")
_LENGTH: Final = struct.Struct("<Q")


def parts_of(kind: bytes, payload: bytes, buffers: Sequence[Any] = ()) -> list[memoryview]:
    """One frame, as the pieces to be sent one after the other; buffers are not copied.

    Parameters
    ----------
    kind : bytes
        One byte.
    payload : bytes
    buffers : sequence of buffers
    """
    pieces = [memoryview(payload), *(pickle.PickleBuffer(buffer).raw() for buffer in buffers)]
    head = _HEAD.pack(kind, len(pieces)) + b"".join(_LENGTH.pack(piece.nbytes) for piece in pieces)
    return [memoryview(head), *pieces]


def read(
    read_into: Callable[[memoryview], None], most_bytes: int | None = None
) -> tuple[bytes, bytearray, list[bytearray]]:
    """One frame: its kind, payload and buffers.

    Parameters
    ----------
    read_into : callable
        Fills what it is given, or raises.
    most_bytes : int, optional
        What each of its parts may have at most, from whom it may be anything.

    Raises
    ------
    ValueError : a part is larger
    """

    def take(size: int) -> bytearray:
        if most_bytes is not None and size > most_bytes:
            raise ValueError(f"a frame of {size:,} bytes")
        room = bytearray(size)
        if size:
            read_into(memoryview(room))
        return room

    kind, count = _HEAD.unpack(take(_HEAD.size))
    lengths = struct.unpack(f"<{count}Q", take(count * _LENGTH.size))
    payload, *buffers = [take(length) for length in lengths]
    return kind, payload, buffers
