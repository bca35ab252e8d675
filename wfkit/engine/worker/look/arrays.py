"""Arrays: shape, dtype, range and a corner of the values of a NumPy array."""

from __future__ import annotations

import sys
from typing import Any, Final

from wfkit.engine.worker.look.form import Fields, Look, Plain, cell, type_name
from wfkit.engine.worker.scalars import is_exactly

_CORNER: Final = (12, 8)
_LINE: Final = 48
#: Of a larger array only every n-th value is looked at for its range.
_LOOKED_AT: Final = 4_000_000
_NUMBERS: Final = "biuf"


def array_look(value: object) -> Look | None:
    """A NumPy array; None for anything else."""
    if not is_exactly(value, "numpy", "ndarray"):
        return None
    array: Any = value
    fields: Fields = {
        "type": type_name(value),
        "shape": [int(each) for each in array.shape],
        "dtype": str(array.dtype)[:80],
        "bytes": int(array.nbytes),
        "range": None,
        "corner": _corner(array),
    }
    if array.dtype.kind in _NUMBERS and array.size:
        fields["range"] = _range(array)
    return Look("array", fields)


def _corner(array: Any) -> Plain:
    """Rows of values: of more than two dimensions the first plane, of one a single row."""
    if array.ndim == 0:
        return [[cell(array[()])]]
    if array.ndim == 1:
        return [[cell(each) for each in array[:_LINE]]]
    plane = array[(0,) * (array.ndim - 2)] if all(array.shape[:-2]) else array.reshape(-1, array.shape[-1])[:0]
    rows, columns = _CORNER
    return [[cell(each) for each in row[:columns]] for row in plane[:rows]]


def _sample(array: Any) -> tuple[Any, int]:
    """Every n-th value, and n; nothing is copied."""
    step = -(-array.size // _LOOKED_AT)
    if step <= 1:
        return array, 1
    flat = array.T if array.flags.f_contiguous else array
    if flat.flags.c_contiguous:
        return flat.reshape(-1)[::step], step
    taken = 1
    while array.size > _LOOKED_AT:
        longest = max(range(array.ndim), key=array.shape.__getitem__)
        step = min(-(-array.size // _LOOKED_AT), array.shape[longest])
        array = array[(slice(None),) * longest + (slice(None, None, step),)]
        taken *= step
    return array, taken


def _range(array: Any) -> Fields:
    """Least, greatest and mean of the numbers, and how many are not a number; of a sample where there are many."""
    looked_at, step = _sample(array)
    nans = 0
    if array.dtype.kind == "f":
        missing = looked_at != looked_at  # noqa: PLR0124 - what is unequal to itself is no number
        nans = int(missing.sum())
        looked_at = looked_at[~missing] if nans else looked_at
    if not looked_at.size:
        return {"least": "", "greatest": "", "mean": "", "nans": nans, "step": step}
    with sys.modules["numpy"].errstate(all="ignore"):
        mean = float(looked_at.mean(dtype="float64"))
    return {
        "least": cell(looked_at.min().item()),
        "greatest": cell(looked_at.max().item()),
        "mean": cell(mean),
        "nans": nans,
        "step": step,
    }
