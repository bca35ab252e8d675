"""Ids: runs sort by start time, nodes have names for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.ids import node_name, run_id

MOMENTS = st.integers(0, 2**48 - 1)
RANDOMNESS = st.binary(min_size=10, max_size=10)


@given(MOMENTS, RANDOMNESS, MOMENTS, RANDOMNESS)
def test_run_ids_sort_by_time(one_ms: int, one: bytes, other_ms: int, other: bytes) -> None:
    assert ((one_ms, one) < (other_ms, other)) is (run_id(one_ms, one) < run_id(other_ms, other))


def test_a_run_id_is_26_characters_of_crockfords_alphabet() -> None:
    assert run_id(0, bytes(10)) == "r-" + "0" * 26
    assert run_id(2**48 - 1, b"\xff" * 10) == "r-7" + "z" * 25


@pytest.mark.parametrize(("now_ms", "randomness"), [(-1, bytes(10)), (2**48, bytes(10)), (0, bytes(9)), (0, bytes(11))])
def test_what_does_not_fit_in_a_run_id_is_refused(now_ms: int, randomness: bytes) -> None:
    with pytest.raises(ValueError, match="48 bits"):
        run_id(now_ms, randomness)


def test_an_element_of_a_map_is_named_with_its_index() -> None:
    assert node_name("clean", 3, mapped=True) == "clean[3]"
    assert node_name("clean#2", 0, mapped=False) == "clean#2"
