"""The queue gives nodes depth-first, whatever the order in which they came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.driver.groups import group_of
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.order import position
from wfkit.engine.driver.queue import Queue, Stream


def _group(name: str, numbers: list[int] | range, priority: int = 0, order: int = 1) -> Group:
    group = group_of(name, len(numbers), mapped=True, order=order)
    group.numbers, group.priority = numbers, priority
    return group


def _all(queue: Queue) -> list[tuple[Group, int]]:
    taken = []
    while (stream := queue.take()) is not None:
        taken.append((stream.group, stream.next))
        stream.at += 1
        queue.put(stream)
    return taken


_NUMBERS = st.lists(st.integers(0, 1 << 40), max_size=8)


@given(st.lists(st.tuples(_NUMBERS, st.integers(-2, 2)), max_size=5))
def test_nodes_come_by_priority_then_by_place(made: list[tuple[list[int], int]]) -> None:
    queue = Queue()
    groups = [_group(f"g{at}", numbers, priority, at) for at, (numbers, priority) in enumerate(made)]
    for group in reversed(groups):
        queue.add(group, range(len(group.numbers)))
    taken = _all(queue)
    assert not queue
    assert sorted((group.spec.id, index) for group, index in taken) == sorted(
        (group.spec.id, index) for group in groups for index in range(len(group.numbers))
    )
    ranks = [(-group.priority, *position(group.numbers[index]), group.spec.order) for group, index in taken]
    assert ranks == sorted(ranks)


def test_inputs_come_before_what_is_made_from_them_though_these_have_lower_numbers() -> None:
    places = range(0, 3 << 32, 1 << 32)
    first, second = _group("a", places, order=1), _group("b", places, order=2)
    queue = Queue()
    queue.add(second, range(3))
    queue.add(first, range(3))
    assert [(group.spec.id, index) for group, index in _all(queue)] == [
        (name, index) for index in range(3) for name in ("a", "b")
    ]


def test_a_stream_goes_back_with_what_is_left_of_it() -> None:
    stream = Stream(_group("a", [5, 6, 7]), [2, 0])
    assert (stream.next, stream.left) == (2, 2)
    stream.at += 2
    queue = Queue()
    queue.put(stream)
    assert not queue
    assert queue.take() is None


def test_a_cleared_queue_has_nothing() -> None:
    queue = Queue()
    queue.add(_group("a", [1]), range(1))
    assert queue
    queue.clear()
    assert not queue
