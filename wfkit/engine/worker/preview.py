"""Preview: a short picture of a value, without secrets, that never calls the value's own code."""

from __future__ import annotations

import datetime as dt
import decimal
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sized
from itertools import islice
from typing import Final

from wfkit.authoring.secrets import redacted, redacted_start
from wfkit.engine.worker.scalars import scalar_words

MOST_CHARACTERS: Final = 200
_TEXT_CHARACTERS: Final = 80
#: Of longer bytes only so many are looked at.
_LOOKED_AT_BYTES: Final = 20_000
_ITEMS: Final = 6
_LEVELS: Final = 3
_INT_BITS: Final = 256

#: Types whose repr is short and runs no code of users. Only these exact types: subclasses bring their own.
_PLAIN: Final = frozenset({float, bool, complex, type(None), range, dt.date, dt.timedelta, decimal.Decimal})
_BRACKETS: Final = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
    dict: ("{", "}"),
}
#: Libraries whose shapes and dtypes are plain values.
_WITH_SHAPE: Final = frozenset({"numpy", "pandas", "polars", "pyarrow", "xarray"})


def preview(value: object) -> str:
    """At most 200 characters about a value."""
    try:
        text = redacted(_show(value, _LEVELS))
    except Exception as error:  # noqa: BLE001 - another thread may change the value meanwhile
        text = f"<{type(value).__qualname__}, no preview: {type(error).__name__}>"
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _show(value: object, levels: int) -> str:
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if kind is int:
        bits = value.bit_length()  # type: ignore[attr-defined]  # an int, exactly
        return repr(value) if bits <= _INT_BITS else f"<int of {bits} bits>"
    if kind is str or kind is bytes:
        short = repr(_start(value))  # type: ignore[arg-type]  # a str or bytes, exactly
        return short if len(value) <= _TEXT_CHARACTERS else short + "…"  # type: ignore[arg-type]
    if kind in _BRACKETS:
        return _collection(value, levels)  # type: ignore[arg-type]  # one of the types above, exactly
    return _described(value, levels)


def _start(value: str | bytes) -> str | bytes:
    if isinstance(value, str):
        return redacted_start(value, _TEXT_CHARACTERS)
    return bytes_start(value, _TEXT_CHARACTERS)


def bytes_start(data: bytes | bytearray | memoryview, most: int) -> bytes:
    """The first bytes, such that they may be seen by anybody."""
    text = bytes(data[:_LOOKED_AT_BYTES]).decode("utf-8", "surrogateescape")
    return redacted_start(text, most).encode("utf-8", "surrogateescape")[:most]


def _collection(value: Iterable[object], levels: int) -> str:
    start, end = _BRACKETS[type(value)]
    length = len(value)  # type: ignore[arg-type]  # a built-in collection
    if not levels and length:
        return f"{start}…{end}"
    show: Callable[[object], str] = lambda item: _show(item, levels - 1)  # noqa: E731
    if isinstance(value, dict):
        shown = [f"{show(key)}: {show(item)}" for key, item in islice(value.items(), _ITEMS)]
    else:
        shown = [show(item) for item in islice(value, _ITEMS)]
    if length > _ITEMS:
        shown.append(f"… {length - _ITEMS} more")
    comma = "," if type(value) is tuple and length == 1 else ""
    return f"{start}{', '.join(shown)}{comma}{end}"


def _described(value: object, levels: int) -> str:
    """The value of a scalar; else the type, with the shape and dtype where they are plain."""
    words = scalar_words(value, lambda item: _show(item, levels))
    if words is not None:
        return words
    kind = type(value)
    if kind.__module__.partition(".")[0] not in _WITH_SHAPE:
        return f"<{kind.__qualname__}>"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    parts = [str(part) for part in (shape, dtype) if part is not None]
    return f"<{' '.join([kind.__qualname__, *parts])}>"


def length_of(value: object) -> int | None:
    """How many items a sequence has that can be mapped over; None for anything else.

    A class of the user's is asked for its `len`, as the map itself will.
    """
    kind = type(value)
    if isinstance(value, str | bytes | Mapping) or not hasattr(kind, "__getitem__") or kind.__name__ == "DataFrame":
        return None
    try:
        return len(value) if isinstance(value, Sized) else None
    except BaseException:  # noqa: BLE001 - user code
        return None
