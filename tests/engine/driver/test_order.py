"""Numbers: whoever runs what is ready by them runs a whole run depth-first."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from wfkit.engine.driver.order import FIRST, PLACE, deeper, item_of, latest, numbers, position


def _places(found: Sequence[int]) -> list[int]:
    return [position(number)[0] for number in found]


def _fresh(length: int) -> Sequence[int]:
    return numbers(length, mapped=True, start=None, inputs=[])


def _behind(length: int, *inputs: Sequence[int] | int) -> Sequence[int]:
    return numbers(length, mapped=True, start=None, inputs=inputs)


def test_each_element_of_a_fresh_map_starts_a_place_of_its_own() -> None:
    assert _places(_fresh(4)) == [0, 1, 2, 3]


def test_a_single_call_stands_where_it_is_told_to_start() -> None:
    assert list(numbers(1, mapped=False, start=FIRST + 5 * PLACE, inputs=[])) == [FIRST + 5 * PLACE]


def test_a_stage_stays_at_the_places_of_its_elements_and_goes_before_them() -> None:
    first = _fresh(3)
    second = _behind(3, first)
    third = _behind(3, second)
    assert _places(third) == [0, 1, 2]
    assert all(c < b < a for a, b, c in zip(first, second, third, strict=True))


def test_numbers_of_stages_of_a_long_map_take_no_memory() -> None:
    assert isinstance(_behind(10, _behind(10, _fresh(10))), range)


def test_a_reduce_stands_at_the_last_place_of_its_inputs() -> None:
    (number,) = numbers(1, mapped=False, start=None, inputs=[latest(_fresh(7))])
    assert _places([number]) == [6]
    assert number < _fresh(7)[6]


def test_what_a_node_makes_several_of_stays_at_its_place_in_its_order() -> None:
    made = numbers(3, mapped=True, start=None, inputs=[_fresh(5)[2]])
    assert _places(made) == [2, 2, 2]
    assert list(made) == sorted(set(made))
    assert max(made) < _fresh(5)[2]


def test_a_map_spawned_at_a_place_stays_there() -> None:
    start = deeper(_fresh(9)[4])
    assert _places(numbers(4, mapped=True, start=start, inputs=[])) == [4] * 4


def test_depth_and_items_have_an_end_and_never_reach_into_another_place() -> None:
    number = FIRST + 3 * PLACE
    for _ in range(5_000):
        number = deeper(number)
    assert number >= 3 * PLACE
    assert position(item_of(number, 10**9))[0] == 3


_MAPS = st.integers(1, 12)


@given(_MAPS, st.integers(1, 5), st.integers(1, 3))
def test_one_who_takes_the_lowest_ready_number_finishes_each_branch_before_the_next(
    length: int, stages: int, threads: int
) -> None:
    rows = [_fresh(length)]
    for _ in range(stages - 1):
        rows.append(_behind(length, rows[-1]))
    through, began = [0] * length, 0
    while min(through) < stages:
        ready = sorted((rows[through[at]][at], at) for at in range(length) if through[at] < stages)
        for _, at in ready[:threads]:
            began = max(began, at + 1)
            through[at] += 1
        assert began - sum(done == stages for done in through) <= threads


def _inputs(length: int) -> st.SearchStrategy[list[list[int] | int]]:
    number = st.builds(
        lambda place, depth, sub: item_of(FIRST - depth * (1 << 20) + place * PLACE, sub),
        st.integers(0, 50),
        st.integers(0, 20),
        st.integers(0, 50),
    )
    one = st.one_of(number, st.lists(number, min_size=length, max_size=length))
    return st.lists(one, min_size=1, max_size=4)


@given(_MAPS.flatmap(lambda length: st.tuples(st.just(length), _inputs(length))))
def test_no_node_stands_before_the_place_of_an_input_nor_above_it_there(
    case: tuple[int, list[list[int] | int]],
) -> None:
    length, inputs = case
    found = _behind(length, *inputs)
    assert len(found) == length
    for index, number in enumerate(found):
        used = [one if isinstance(one, int) else one[index] for one in inputs]
        assert _places([number]) == [max(_places(used))]
        here = [one for one in used if _places([one]) == _places([number])]
        assert number & FIRST < min(one & FIRST for one in here)
