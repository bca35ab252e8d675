"""Arrays and tables count by content, however they lie in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.authoring.tables import frames
from wfkit.authoring.tables import table_parts
from wfkit.authoring.tokens import token


def test_data_frames_differ_by_content() -> None:
    tokens = [token(frame) for frame in frames()]
    assert b"" not in tokens
    assert len(set(tokens)) == len(tokens)
    assert tokens == [token(frame.copy() if hasattr(frame, "copy") else frame) for frame in frames()]


def test_it_does_not_count_how_a_table_lies_in_memory() -> None:
    array = np.arange(6).reshape(2, 3)
    assert token(array) == token(np.asfortranarray(array)) == token(np.repeat(array, 2, axis=0)[::2])
    whole = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    pieces = pd.DataFrame({"a": [1, 2]})
    pieces["b"] = [3, 4]
    assert token(whole) == token(pieces)
    assert token(pa.array([1, 2, 3])[1:]) == token(pa.array([2, 3])) == token(pa.chunked_array([[2], [3]]))


def test_what_is_too_large_is_not_copied() -> None:
    def refuse(size: int) -> None:
        raise MemoryError(size)

    for large in (np.zeros(3), pd.DataFrame({"a": [1]}), pd.Series([1]).array, pa.table({"a": [1]})):
        with pytest.raises(MemoryError):
            table_parts(large, refuse)


def test_other_things_are_none() -> None:
    for other in (1, [1], np.dtype("i4"), pd.Timestamp("2020"), pa.int64(), np.ma.masked_array([1, 2], [True, False])):
        assert table_parts(other, lambda _: None) is None


def test_a_subclass_counts_by_all_that_it_holds() -> None:
    one, other = np.ma.masked_array([1, 2], [True, False]), np.ma.masked_array([1, 2], [False, False])
    assert token(one) != token(other)
    assert token(one) == token(one.copy())
