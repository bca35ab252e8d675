"""Preview: a short picture of a value that never calls the value's own code."""

from __future__ import annotations

import reprlib
from collections.abc import Sized
from typing import Final

MOST_CHARACTERS: Final = 200
_EXACT: Final = frozenset({int, float, bool, complex, type(None)})


class _Safe(reprlib.Repr):
    """Shows built-in values shortened, and anything else by the name of its type."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 80
        self.maxlong = 40

    def repr_instance(self, value: object, level: int) -> str:
        """Name the type; add shape and dtype where they are plain."""
        kind = type(value)
        if kind in _EXACT or kind in (bytes, range):
            return super().repr_instance(value, level)
        if issubclass(kind, BaseException):
            return f"<{kind.__qualname__}>"
        return f"<{kind.__qualname__}{_shape(value)}>"


_SAFE: Final = _Safe()


def preview(value: object) -> str:
    """At most 200 characters about a value."""
    if type(value) in _EXACT:
        return repr(value)[:MOST_CHARACTERS]
    try:
        return _SAFE.repr(value)[:MOST_CHARACTERS]
    except Exception as error:  # noqa: BLE001 - subclasses of built-in types run code of their own
        return f"<{type(value).__qualname__}, no preview: {type(error).__name__}>"


def length_of(value: object) -> int | None:
    """How many items a sequence has that can be mapped over; None for anything else."""
    if isinstance(value, str | bytes | dict) or not hasattr(type(value), "__getitem__"):
        return None
    try:
        return len(value) if isinstance(value, Sized) else None
    except Exception:  # noqa: BLE001 - user code
        return None


def _shape(value: object) -> str:
    module = type(value).__module__.partition(".")[0]
    if module not in ("numpy", "pandas", "polars", "pyarrow", "xarray"):
        return ""
    parts = [str(part) for name in ("shape", "dtype") if (part := getattr(value, name, None)) is not None]
    return f" {' '.join(parts)}" if parts else ""
