"""Ids: runs sort by start time, nodes have names for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.ids import GroupId, descends, node_name, run_id, spawner, spawners

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


PATHS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), max_size=5)


def group_at(path: list[tuple[int, int]]) -> GroupId:
    """The group that is reached from "g1" by taking an element and one of its children, again and again."""
    return GroupId("g1" + "".join(f".{index}/{child}" for index, child in path))


@pytest.mark.parametrize(
    ("group", "made_by"),
    [("g4", None), ("g4.7/1", ("g4", 7)), ("g4.7/1.0/3", ("g4.7/1", 0)), ("g41.12/10.30/2", ("g41.12/10", 30))],
)
def test_a_group_id_tells_the_node_that_made_it(group: str, made_by: tuple[str, int] | None) -> None:
    assert spawner(GroupId(group)) == made_by


@given(PATHS)
def test_all_nodes_a_group_descends_from_are_in_its_id(path: list[tuple[int, int]]) -> None:
    expected = [(group_at(path[:depth]), path[depth][0]) for depth in reversed(range(len(path)))]
    assert list(spawners(group_at(path))) == expected


@given(PATHS, PATHS, st.integers(0, 20))
def test_a_group_descends_from_its_spawners_and_from_nobody_else(
    path: list[tuple[int, int]], other: list[tuple[int, int]], index: int
) -> None:
    group, ancestor = group_at(path + other), group_at(path)
    assert all(descends(group, *node) for node in spawners(group))
    for one in (group, ancestor, group_at(other)):
        assert descends(one, ancestor, index) is ((ancestor, index) in set(spawners(one)))
