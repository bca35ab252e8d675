"""Tables: the first rows and columns of a data frame with its dtypes, for pandas, polars and Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from wfkit.core.redaction import HIDDEN, is_secret_name
from wfkit.engine.worker.look.form import Fields, Look, Plain, cell, label, type_name
from wfkit.engine.worker.scalars import is_exactly

_ROWS: Final = 30
_COLUMNS: Final = 20
_ARROW_NUMBERS: Final = ("int", "uint", "float", "double", "halffloat", "decimal")
#: A column of another library's type may run any code when it is taken apart.
_KNOWN_DTYPES: Final = ("numpy", "pandas", "builtins")
#: A list or record within a cell that takes more is not made into objects of Python.
_NESTED_BYTES: Final = 50_000

#: The head of a column and its cells.
_Column = tuple[Fields, list[str]]


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
    secret = _secret_rows(head.index)
    columns = [_pandas_column(head.iloc[:, number], head.columns[number], secret) for number in range(head.shape[1])]
    return _look(frame, frame.shape, columns, _index(head.index), label(_index_name(frame.index)))


def _pandas_series_look(series: Any) -> Look:
    name = "" if series.name is None else series.name
    if not is_exactly(series, "pandas", "Series"):
        head = series[:_ROWS]
        column = _pandas_head(name, series.dtype), _index(head)
        return _look(series, (len(series),), [column], [], "")
    head = series.iloc[:_ROWS]
    column = _pandas_column(head, name, _secret_rows(head.index))
    return _look(series, (len(series),), [column], _index(head.index), label(_index_name(series.index)))


def _pandas_column(series: Any, name: object, secret_rows: list[bool]) -> _Column:
    cells = zip(_cells(_pandas_values(series), name), secret_rows, strict=True)
    shown = [HIDDEN if secret else text for text, secret in cells]
    return _pandas_head(name, series.dtype), shown


def _pandas_head(name: object, dtype: Any) -> Fields:
    return _head(name, str(dtype) if _is_known(dtype) else type(dtype).__name__, number=dtype.kind in "iufc")


def _pandas_values(column: Any) -> Iterable[object]:
    if not _is_known(column.dtype):
        return ["…"] * len(column)
    if type(column.dtype).__name__ == "ArrowDtype":
        return _arrow_values(column.array.__arrow_array__())
    values: list[object] = column.tolist()
    return values


def _is_known(dtype: object) -> bool:
    return type(dtype).__module__.partition(".")[0] in _KNOWN_DTYPES


def _index(index: Any) -> list[str]:
    if index.nlevels == 1:
        return _cells(_pandas_values(index), index.name)
    levels = [_cells(_pandas_values(index.get_level_values(level)), name) for level, name in enumerate(index.names)]
    return [f"({', '.join(parts)})" for parts in zip(*levels, strict=True)]


def _index_name(index: Any) -> str:
    names = [str(name) for name in getattr(index, "names", ()) if isinstance(name, str)]
    return ", ".join(names)


def _secret_rows(index: Any) -> list[bool]:
    """Which rows have a label that says that their values are secret."""
    return [_is_secret(each) for each in index.tolist()] if index.dtype.kind == "O" else [False] * len(index)


def _is_secret(name: object) -> bool:
    parts = name if type(name) is tuple else (name,)
    return any(isinstance(part, str) and is_secret_name(part) for part in parts)


def _polars_look(value: Any) -> Look:
    head = value.head(_ROWS)
    series = head.get_columns()[:_COLUMNS] if hasattr(value, "columns") else [head]
    columns = [_column(one.name, str(one.dtype), _polars_values(one), number=one.dtype.is_numeric()) for one in series]
    return _look(value, value.shape, columns, [], "")


def _polars_values(series: Any) -> Iterator[object]:
    if not series.dtype.is_nested():
        yield from series.to_list()
        return
    for number in range(len(series)):
        one = series.slice(number, 1)
        if one.estimated_size() <= _NESTED_BYTES:
            yield one.to_list()[0]
        else:
            yield f"<{series.dtype}>"


def _arrow_look(table: Any) -> Look:
    head = table.slice(0, _ROWS)
    columns = [
        _column(field.name, str(field.type), _arrow_values(column), number=str(field.type).startswith(_ARROW_NUMBERS))
        for field, column in list(zip(table.schema, head.columns, strict=True))[:_COLUMNS]
    ]
    return _look(table, (table.num_rows, table.num_columns), columns, [], "")


def _arrow_values(column: Any) -> Iterator[object]:
    if not column.type.num_fields:
        yield from column.to_pylist()
        return
    for number in range(len(column)):
        one = column.slice(number, 1)
        yield one.to_pylist()[0] if one.nbytes <= _NESTED_BYTES else f"<{column.type}, {one.nbytes:,} bytes>"


def _column(name: object, dtype: str, values: Iterable[object], *, number: bool) -> _Column:
    return _head(name, dtype, number=number), _cells(values, name)


def _head(name: object, dtype: str, *, number: bool) -> Fields:
    return {"name": label(name), "dtype": dtype[:40], "number": number}


def _cells(values: Iterable[object], name: object) -> list[str]:
    return [HIDDEN if _is_secret(name) else cell(value) for value in values]


def _look(value: object, shape: Iterable[int], columns: list[_Column], index: list[str], index_name: str) -> Look:
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
