"""Tables: the first rows and columns of a data frame with its dtypes, for pandas, polars and Arrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from wfkit.core.redaction import is_secret_name
from wfkit.engine.worker.look.form import Fields, Look, Plain, cell, is_exactly, label, type_name

_ROWS: Final = 30
_COLUMNS: Final = 20
_ARROW_NUMBERS: Final = ("int", "uint", "float", "double", "halffloat", "decimal")
#: A column of another library's type may run any code when it is taken apart.
_KNOWN_DTYPES: Final = ("numpy", "pandas", "builtins")


def table_look(value: object) -> Look | None:
    """The head of a table; None for anything else."""
    if is_exactly(value, "pandas", "DataFrame"):
        return _pandas_look(value)
    if is_exactly(value, "pandas", "Series", "Index", "RangeIndex", "DatetimeIndex", "MultiIndex"):
        return _pandas_series_look(value)
    if is_exactly(value, "polars", "DataFrame", "Series"):
        return _polars_look(value)
    if is_exactly(value, "pyarrow", "Table", "RecordBatch"):
        return _arrow_look(value)
    return None


def _pandas_look(frame: Any) -> Look:
    head = frame.iloc[:_ROWS, :_COLUMNS]
    columns = [_pandas_column(head.iloc[:, number], head.columns[number]) for number in range(head.shape[1])]
    return _look(frame, frame.shape, columns, _index(head.index), label(_index_name(frame.index)))


def _pandas_series_look(series: Any) -> Look:
    name = "" if series.name is None else series.name
    if not is_exactly(series, "pandas", "Series"):
        return _look(series, (len(series),), [_pandas_column(series[:_ROWS], name)], [], "")
    head = series.iloc[:_ROWS]
    column = _pandas_column(head, name)
    return _look(series, (len(series),), [column], _index(head.index), label(_index_name(series.index)))


def _pandas_column(series: Any, name: object) -> tuple[Fields, list[str]]:
    dtype = getattr(series, "dtype", "object")
    known = type(dtype).__module__.partition(".")[0] in _KNOWN_DTYPES
    values = series.tolist() if known else ["…"] * len(series)
    number = getattr(dtype, "kind", "O") in "iufc"
    return _column(name, str(dtype) if known else type(dtype).__name__, values, number=number)


def _index(index: Any) -> list[str]:
    return [cell(each) for each in index.tolist()]


def _index_name(index: Any) -> str:
    names = [str(name) for name in getattr(index, "names", ()) if isinstance(name, str)]
    return ", ".join(names)


def _polars_look(value: Any) -> Look:
    if not hasattr(value, "columns"):
        column = _column(value.name, str(value.dtype), value.head(_ROWS).to_list(), number=value.dtype.is_numeric())
        return _look(value, value.shape, [column], [], "")
    head = value.head(_ROWS)
    columns = [
        _column(one.name, str(one.dtype), one.to_list(), number=one.dtype.is_numeric())
        for one in head.get_columns()[:_COLUMNS]
    ]
    return _look(value, value.shape, columns, [], "")


def _arrow_look(table: Any) -> Look:
    head = table.slice(0, _ROWS)
    columns = [
        _column(field.name, str(field.type), column.to_pylist(), number=str(field.type).startswith(_ARROW_NUMBERS))
        for field, column in list(zip(table.schema, head.columns, strict=True))[:_COLUMNS]
    ]
    return _look(table, (table.num_rows, table.num_columns), columns, [], "")


def _column(name: object, dtype: str, values: Iterable[object], *, number: bool) -> tuple[Fields, list[str]]:
    shown = label(name)
    secret = shown if is_secret_name(shown) else ""
    return {"name": shown, "dtype": dtype[:40], "number": number}, [cell(value, secret) for value in values]


def _look(
    value: object, shape: Iterable[int], columns: list[tuple[Fields, list[str]]], index: list[str], index_name: str
) -> Look:
    heads: list[Plain] = [head for head, _ in columns]
    by_column: list[Plain] = [list(cells) for _, cells in columns]
    return Look(
        "table",
        {
            "type": type_name(value),
            "shape": [int(each) for each in shape],
            "columns": heads,
            "index": list(index),
            "index_name": index_name,
            "cells": by_column,
        },
    )
