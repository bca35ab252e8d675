"""Tables: arrays and data frames taken apart into raw bytes and plain values, by content."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

#: A tag, raw bytes, and values that have parts of their own.
Parts = tuple[bytes, bytes, tuple[object, ...]]
#: Called with a size in bytes before that many are copied; raises where it is too much.
Room = Callable[[int], None]
_LIBRARIES: Final = frozenset({"numpy", "pandas", "pyarrow"})


def table_parts(value: object, room: Room) -> Parts | None:
    """What an array, a data frame, or a part of one is made of; None for anything else.

    Subclasses are something else: they may hold more.
    """
    kind = type(value)
    root = kind.__module__.partition(".")[0]
    if root not in _LIBRARIES or root not in sys.modules:
        return None
    if root == "numpy":
        return _numpy(value, room)
    return _pandas(value, room) if root == "pandas" else _arrow(value, room)


def _numpy(value: object, room: Room) -> Parts | None:
    import numpy as np

    if isinstance(value, np.generic):
        return b"scalar", value.tobytes(), (_dtype(value.dtype),)
    if type(value) is not np.ndarray:
        return None
    array = cast("np.ndarray[tuple[int, ...], np.dtype[np.generic]]", value)
    room(array.nbytes)
    if array.dtype.hasobject:
        return b"array", b"", (_dtype(array.dtype), array.shape, array.ravel().tolist())
    return b"array", array.tobytes(), (_dtype(array.dtype), array.shape)  # in the order of C, whatever its own is


def _dtype(dtype: np.dtype[np.generic]) -> object:
    return dtype.descr if dtype.fields else dtype.str


def _pandas(value: object, room: Room) -> Parts | None:  # noqa: PLR0911 - one return a kind
    import pandas as pd

    kind = type(value)
    if kind is pd.DataFrame:
        frame = cast("pd.DataFrame", value)
        room(int(frame.memory_usage(index=False, deep=False).sum()))
        columns = [frame.iloc[:, at].array for at in range(frame.shape[1])]
        return b"frame", b"", (frame.columns, frame.index, columns, dict(frame.attrs))
    if kind is pd.Series:
        series = cast("pd.Series", value)
        return b"series", b"", (series.name, series.array, series.index, dict(series.attrs))
    if kind is pd.RangeIndex:
        steps = cast("pd.RangeIndex", value)
        return b"range", b"", (steps.start, steps.stop, steps.step, steps.name)
    if kind is pd.MultiIndex:
        levels = cast("pd.MultiIndex", value)
        return b"levels", b"", tuple(levels.get_level_values(at) for at in range(levels.nlevels))
    if isinstance(value, pd.Index):
        return b"index", kind.__name__.encode(), (value.name, value.array)
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return _extension(value, room)
    return None


def _extension(array: pd.api.extensions.ExtensionArray, room: Room) -> Parts:
    """A column of a data frame."""
    import pandas as pd

    name = str(array.dtype)
    room(int(array.nbytes))
    if isinstance(array, pd.Categorical):
        return b"categories", b"", (array.codes, array.categories, array.ordered)
    if hasattr(array, "asi8"):  # times, spans of time, periods
        return b"times", b"", (name, array.asi8)
    if hasattr(array, "_pa_array"):
        return b"column", b"", (name, array._pa_array)
    if isinstance(array, pd.arrays.NumpyExtensionArray):
        return b"column", b"", (name, array.to_numpy())
    return b"column", b"", (name, array.to_numpy(dtype=object).tolist())


def _arrow(value: object, room: Room) -> Parts | None:
    import pyarrow as pa

    if isinstance(value, pa.Array | pa.ChunkedArray):
        value = pa.table({"": value})
    elif isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if not isinstance(value, pa.Table):
        return None
    room(value.nbytes)
    return b"arrow", _stream(value), ()


def _stream(table: pa.Table) -> bytes:
    """A table as Arrow writes it: only the rows that are in it, in one piece."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return cast("bytes", sink.getvalue().to_pybytes())
