"""Scalars: single values of NumPy and pandas in words, without any code of users."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

_TIMES: Final = "mM"
_LONG_FLOATS: Final = "gG"  #: Python has no such number


def is_exactly(value: object, package: str, *names: str) -> bool:
    """Whether a value is of one of a package's own types, no class that somebody made of them."""
    module = sys.modules.get(package)
    return module is not None and any(type(value) is getattr(module, name, None) for name in names)


def scalar_words(value: object, show: Callable[[object], str]) -> str | None:
    """A single value in words; None for anything else.

    Parameters
    ----------
    value : object
    show : callable
        Says it of values of Python.
    """
    kind = type(value)
    package = str(kind.__module__).partition(".")[0]  # a class may set it to anything
    if package == "numpy" and is_exactly(value, "numpy", kind.__name__):
        return _of_numpy(value, show)
    if package == "pandas" and "pandas" in sys.modules:
        return _of_pandas(value, show)
    return None


def _of_numpy(value: Any, show: Callable[[object], str]) -> str | None:
    dtype = getattr(value, "dtype", None)
    if dtype is None or value.shape != () or dtype.hasobject:
        return None
    return str(value) if dtype.kind in _TIMES or dtype.char in _LONG_FLOATS else show(value.item())


def _of_pandas(value: Any, show: Callable[[object], str]) -> str | None:
    pandas = sys.modules["pandas"]
    if value is pandas.NaT or value is pandas.NA or is_exactly(value, "pandas", "Timedelta", "Period"):
        return str(value)
    if is_exactly(value, "pandas", "Timestamp"):
        known = value.tz is None or is_exactly(value.tz, "datetime", "timezone")
        known = known or is_exactly(value.tz, "zoneinfo", "ZoneInfo")
        return str(value) if known else f"{value.asm8}Z"  # another time zone may be code
    if is_exactly(value, "pandas", "Interval"):
        left, right = ("[" if value.closed_left else "("), ("]" if value.closed_right else ")")
        return f"{left}{show(value.left)}, {show(value.right)}{right}"
    return None
