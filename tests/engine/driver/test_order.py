"""Places: sorted by them, a batch runs depth-first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfkit.engine.driver.order import places


def test_a_fresh_map_starts_at_the_elements_own_numbers() -> None:
    assert list(places(4, mapped=True, fresh_calls=9, inputs=[])) == [0, 1, 2, 3]


def test_fresh_single_calls_stand_one_behind_the_other() -> None:
    assert list(places(1, mapped=False, fresh_calls=5, inputs=[])) == [5]


def test_a_stage_stands_where_its_elements_stand() -> None:
    assert list(places(3, mapped=True, fresh_calls=0, inputs=[[4, 5, 6]])) == [4, 5, 6]


def test_a_reduce_stands_behind_the_last_of_its_inputs() -> None:
    assert list(places(1, mapped=False, fresh_calls=0, inputs=[99])) == [99]


@given(st.integers(1, 20).flatmap(lambda n: st.tuples(st.just(n), st.lists(_input(n), min_size=1, max_size=4))))
def test_no_node_stands_before_an_input(case: tuple[int, list[list[int] | int]]) -> None:
    length, inputs = case
    found = places(length, mapped=True, fresh_calls=0, inputs=inputs)
    assert len(found) == length
    for index, place in enumerate(found):
        assert all(place >= (one if isinstance(one, int) else one[index]) for one in inputs)


def _input(length: int) -> st.SearchStrategy[list[int] | int]:
    place = st.integers(0, 1000)
    return st.one_of(place, st.lists(place, min_size=length, max_size=length))
