"""Data frames, and parts of them, of which each is another one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa


def frames() -> list[Any]:
    """Data frames of which each is another one."""
    base = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0], "c": [5, 6]})
    return [
        base,
        base[["b", "a", "c"]],
        base.rename(columns={"a": "x"}),
        base.set_index("a"),
        base.astype({"a": "int32"}),
        base.astype({"a": "Int64"}),
        base.astype({"a": "category"}),
        base.astype(str),
        base.astype(object),
        base.iloc[:1],
        base.iloc[::-1],
        base.assign(a=[1, 3]),
        base.assign(d=pd.to_datetime(["2020", "2021"])),
        base.assign(d=pd.to_datetime(["2020", "2021"], utc=True)),
        base.assign(d=["x", None]),
        base.assign(d=pd.arrays.IntervalArray.from_breaks([0, 1, 2])),
        base.assign(d=pd.period_range("2020", periods=2, freq="M")),
        base.set_index(["a", "b"]),
        base["a"],
        base["a"].rename("x"),
        base.columns,
        base.index,
        pd.DataFrame({"a": [1, 2], "b": [5, 6], "c": [3.0, 4.0]}),
        pa.table(base),
    ]
