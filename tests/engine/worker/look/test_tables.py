"""Tables show their first rows, their dtypes and how large they are."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from wfkit.authoring.secrets import Secret
from wfkit.engine.worker.look.form import MOST_BYTES
from wfkit.engine.worker.look.tables import table_look


class Trap:
    def __repr__(self) -> NoReturn:
        raise AssertionError("repr")

    __str__ = __repr__


def fields(value: object) -> Any:
    look = table_look(value)
    assert look is not None
    assert look.kind == "table"
    return look.fields


def test_a_data_frame_has_its_head_and_dtypes() -> None:
    frame = pd.DataFrame(
        {"n": [1, 2], "t": ["a", None], "when": pd.to_datetime(["2024-01-01", None]), "any": [Trap(), [1]]},
        index=pd.Index(["r1", "r2"], name="row"),
    )
    told = fields(frame)
    assert told["shape"] == [2, 4]
    assert [column["name"] for column in told["columns"]] == ["n", "t", "when", "any"]
    assert told["columns"][0] == {"name": "n", "dtype": "int64", "number": True}
    assert told["columns"][2]["dtype"].startswith("datetime64")
    assert (told["index"], told["index_name"]) == (["r1", "r2"], "row")
    assert told["cells"][0] == ["1", "2"]
    assert told["cells"][2] == ["2024-01-01 00:00:00", "NaT"]
    assert told["cells"][3] == ["<Trap>", "[1]"]


def test_only_the_first_rows_and_columns_are_looked_at() -> None:
    frame = pd.DataFrame(np.zeros((1_000, 500)), columns=[f"{'long ' * 40}{n}" for n in range(500)])
    told = fields(frame)
    assert told["shape"] == [1_000, 500]
    assert (len(told["columns"]), len(told["cells"][0])) == (20, 30)
    frame = pd.DataFrame({str(n): ["深" * 1_000] * 100 for n in range(50)})
    assert len(json.dumps(fields(frame), ensure_ascii=False).encode()) < MOST_BYTES


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame([[1, 2]], columns=["twice", "twice"]),
        pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["l", None])),
        pd.DataFrame(
            {"c": pd.Categorical(["a"]), "i": pd.array([None], dtype="Int64"), "p": pd.period_range("2024", periods=1)}
        ),
        pd.DataFrame({"z": pd.date_range("2024", periods=1, tz="UTC"), "iv": pd.interval_range(0, 1)}),
        pd.Series([], dtype="float64"),
        pd.Index([1, 2]),
        pd.RangeIndex(3),
        pd.MultiIndex.from_tuples([("x", 1)]),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_frames_of_all_kinds_are_shown(frame: object) -> None:
    json.dumps(fields(frame))


def test_a_series_is_a_column_with_its_index() -> None:
    told = fields(pd.Series([1.5, float("nan")], index=["a", "b"], name="x"))
    assert (told["shape"], told["columns"][0]["name"], told["index"]) == ([2], "x", ["a", "b"])
    assert told["cells"] == [["1.5", "nan"]]


def test_a_column_with_the_name_of_a_secret_and_a_known_secret_are_hidden() -> None:
    Secret("canary-in-a-frame")
    told = fields(pd.DataFrame({"password": ["hunter2"], "note": ["it is canary-in-a-frame"]}))
    assert told["cells"] == [["***"], ["it is ***"]]


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"token": ["hunter2"], "user": ["ada"]}).set_index("token"),
        pd.DataFrame({"api": [1], "token": ["hunter2"], "n": [1]}).set_index(["api", "token"]),
        pd.Series({"password": "hunter2", "user": "ada"}),
        pd.DataFrame({"password": ["hunter2"], "user": ["ada"]}).T,
        pd.DataFrame([["hunter2"]], columns=pd.MultiIndex.from_tuples([("db", "password")])),
        pd.MultiIndex.from_tuples([("hunter2", "ada")], names=["token", "user"]),
        pd.Series(["hunter2"], name="long " * 20 + "password"),
    ],
    ids=["index", "levels", "series", "rows", "columns", "only an index", "a long name"],
)
def test_names_of_secrets_count_wherever_they_stand(value: object) -> None:
    assert "hunter2" not in json.dumps(fields(value))
    assert "***" in json.dumps(fields(value))


def test_large_lists_within_cells_stay_what_they_are() -> None:
    many = pa.array([list(range(100_000)), [1, 2]])
    frame = pd.DataFrame({"l": pd.Series(many, dtype=pd.ArrowDtype(many.type))})
    for value in (pa.table({"l": many}), frame):
        tracemalloc.start()
        cells = fields(value)["cells"]
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert cells == [["<list<item: int64>, 800,004 bytes>", "[1, 2]"]]
        assert most_bytes < 1_000_000


def test_an_arrow_table_is_a_table() -> None:
    told = fields(pa.table({"n": [1, None], "l": [["a"], []]}))
    assert told["shape"] == [2, 2]
    assert [column["dtype"] for column in told["columns"]] == ["int64", "list<item: string>"]
    assert told["cells"] == [["1", "None"], ["['a']", "[]"]]


def test_polars_frames_are_tables() -> None:
    polars = pytest.importorskip("polars")
    told = fields(polars.DataFrame({"n": [1, None], "t": ["a", "b"]}))
    assert told["shape"] == [2, 2]
    assert told["columns"] == [
        {"name": "n", "dtype": "Int64", "number": True},
        {"name": "t", "dtype": "String", "number": False},
    ]
    assert told["cells"] == [["1", "None"], ["a", "b"]]
    assert fields(polars.Series("x", [1, 2]))["cells"] == [["1", "2"]]


def test_a_class_made_of_a_frame_may_have_any_code() -> None:
    class Mine(pd.DataFrame):  # type: ignore[misc]  # pandas has no types here
        """Somebody's own."""

    assert table_look(Mine({"a": [1]})) is None
    assert table_look([1]) is None
