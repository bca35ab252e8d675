"""The graph: neighbours, ancestors, descendants, and failures that nobody handled."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.core.histories import G0, G1, G2, added, finished, folded, group, numbered, started
from wfkit.core.events import AnyEvent, Edge, How, NodeWaiting
from wfkit.core.graph import ancestors, descendants, downstream, unhandled, upstream
from wfkit.core.ids import GroupId
from wfkit.core.reducer import fold
from wfkit.core.states import FailureKind, TaskState
from wfkit.core.view import RunView

G3 = GroupId("g3")
COMPLETED, FAILED, UPSTREAM_FAILED = TaskState.COMPLETED, TaskState.FAILED, TaskState.UPSTREAM_FAILED


def each(source: GroupId) -> Edge:
    return Edge(source, How.EACH)


def whole(source: GroupId) -> Edge:
    return Edge(source, How.ALL)


def one(source: GroupId, index: int) -> Edge:
    return Edge(source, How.ONE, index)


@pytest.fixture
def pipeline() -> RunView:
    """g0 and g1 are a mapped chain of 3, g2 is the reduce of g1, g3 takes g0[1] and the reduce."""
    return folded(
        added(
            group(0, 3),
            group(1, 3, each(G0)),
            group(2, 1, whole(G1), mapped=False),
            group(3, 1, one(G0, 1), one(G2, 0), mapped=False),
        )
    )


def test_upstream_follows_each_kind_of_edge(pipeline: RunView) -> None:
    assert list(upstream(pipeline, G0, 1)) == []
    assert list(upstream(pipeline, G1, 2)) == [("g0", 2)]
    assert list(upstream(pipeline, G2, 0)) == [("g1", 0), ("g1", 1), ("g1", 2)]
    assert list(upstream(pipeline, G3, 0)) == [("g0", 1), ("g2", 0)]


def test_downstream_follows_each_kind_of_edge(pipeline: RunView) -> None:
    assert list(downstream(pipeline, G0, 0)) == [("g1", 0)]
    assert list(downstream(pipeline, G0, 1)) == [("g1", 1), ("g3", 0)]
    assert list(downstream(pipeline, G1, 2)) == [("g2", 0)]
    assert list(downstream(pipeline, G3, 0)) == []


def test_ancestors_and_descendants_leave_out_the_node_itself(pipeline: RunView) -> None:
    assert ancestors(pipeline, G2, 0) == {("g0", 0), ("g0", 1), ("g0", 2), ("g1", 0), ("g1", 1), ("g1", 2)}
    assert ancestors(pipeline, G1, 1) == {("g0", 1)}
    assert descendants(pipeline, G0, 0) == {("g1", 0), ("g2", 0), ("g3", 0)}
    assert descendants(pipeline, G3, 0) == set()


def test_a_map_over_something_given_whole_reaches_all_of_it() -> None:
    view = folded(added(group(0, 2), group(1, 2, whole(G0)), group(2, 2, each(G1))))
    assert ancestors(view, G2, 1) == {("g1", 1), ("g0", 0), ("g0", 1)}
    assert descendants(view, G0, 1) == {("g1", 0), ("g1", 1), ("g2", 0), ("g2", 1)}


@pytest.fixture
def lists_of_handles() -> RunView:
    """g1 is a map whose element 0 takes a list of g0[0] and g0[2], and whose element 1 takes all of g0."""
    first = (Edge(G0, How.ONE, 0, at=0), Edge(G0, How.ONE, 2, at=0))
    return folded(
        added(group(0, 3), group(1, 3, *first, Edge(G0, How.ALL, at=1)), group(2, 3, Edge(G0, How.EACH, at=2)))
    )


def test_an_edge_of_one_node_is_that_nodes_alone(lists_of_handles: RunView) -> None:
    assert list(upstream(lists_of_handles, G1, 0)) == [("g0", 0), ("g0", 2)]
    assert list(upstream(lists_of_handles, G1, 1)) == [("g0", 0), ("g0", 1), ("g0", 2)]
    assert list(upstream(lists_of_handles, G1, 2)) == []
    assert list(downstream(lists_of_handles, G0, 1)) == [("g1", 1)]
    assert list(downstream(lists_of_handles, G0, 2)) == [("g1", 0), ("g1", 1), ("g2", 2)]
    assert list(upstream(lists_of_handles, G2, 2)) == [("g0", 2)]
    for index in range(3):
        assert ancestors(lists_of_handles, G1, index) == set(upstream(lists_of_handles, G1, index))
        assert descendants(lists_of_handles, G0, index) == set(downstream(lists_of_handles, G0, index))


def test_elements_that_are_not_known_yet_are_left_out() -> None:
    view = folded(added(group(0, None), group(1, 1, one(G0, 3), whole(G2), each(G0))))
    assert list(upstream(view, G1, 0)) == []


def test_an_unknown_group_is_a_key_error(pipeline: RunView) -> None:
    for ask in (ancestors, descendants):
        with pytest.raises(KeyError):
            ask(pipeline, GroupId("g9"), 0)


def test_a_hundred_thousand_nodes_that_share_an_input_are_walked_once() -> None:
    count = 100_000
    view = folded(added(group(0, count), group(1, count, whole(G0)), group(2, 1, whole(G1), mapped=False)))
    begin = time.thread_time()
    assert len(ancestors(view, G2, 0)) == 2 * count
    assert len(descendants(view, G0, 5)) == count + 1
    assert time.thread_time() - begin < 3.0


def test_ten_thousand_handles_in_a_map_are_walked_once() -> None:
    count = 10_000
    edges = [Edge(G0, How.ONE, count - 1 - index, at=index) for index in range(count)]
    view = folded(added(group(0, count), group(1, count, *edges), group(2, 1, whole(G1), mapped=False)))
    begin = time.thread_time()
    assert len(ancestors(view, G2, 0)) == 2 * count
    assert descendants(view, G0, 0) == {("g1", count - 1), ("g2", 0)}
    assert time.thread_time() - begin < 2.0


# --- which failures nobody handled ------------------------------------------------------------------------------------


def ended(where: GroupId, state: TaskState, index: int = 0) -> AnyEvent:
    attempt = 0 if state in {UPSTREAM_FAILED, TaskState.CANCELLED, TaskState.REUSED} else 1
    return finished(where, state, index, attempt)


@pytest.mark.parametrize("state", [FAILED, UPSTREAM_FAILED, TaskState.CANCELLED])
def test_a_failure_that_nobody_used_is_unhandled(state: TaskState) -> None:
    view = folded(added(group(0, 2)), ended(G0, state, 1), ended(G0, COMPLETED, 0))
    assert unhandled(view, set()) == [("g0", 1)]


@pytest.mark.parametrize("state", [COMPLETED, TaskState.REUSED, TaskState.SKIPPED])
def test_a_fine_end_needs_no_handling(state: TaskState) -> None:
    assert unhandled(folded(added(group(0)), ended(G0, state)), set()) == []


def test_a_node_that_still_runs_is_no_failure() -> None:
    assert unhandled(folded(added(group(0)), started(G0)), set()) == []


def test_a_failure_the_body_looked_at_is_handled() -> None:
    view = folded(added(group(0, 2)), ended(G0, FAILED, 0), ended(G0, FAILED, 1))
    assert unhandled(view, {(G0, 0), (G3, 7)}) == [("g0", 1)]


def test_a_reduce_that_ran_handles_the_failures_of_its_elements() -> None:
    view = folded(
        added(group(0, 3), group(1, 1, whole(G0), mapped=False)),
        ended(G0, FAILED, 0),
        ended(G0, COMPLETED, 1),
        ended(G0, TaskState.CANCELLED, 2),
        ended(G1, COMPLETED),
    )
    assert unhandled(view, set()) == []


def test_a_node_that_ran_and_failed_itself_handles_its_input_but_not_itself() -> None:
    view = folded(added(group(0), group(1, 1, one(G0, 0))), ended(G0, FAILED), ended(G1, FAILED))
    assert unhandled(view, set()) == [("g1", 0)]


def test_an_upstream_failed_element_that_a_reduce_used_handles_its_root() -> None:
    view = folded(
        added(group(0, 2), group(1, 2, each(G0)), group(2, 2, each(G1)), group(3, 1, whole(G2), mapped=False)),
        ended(G0, FAILED, 1),
        ended(G1, UPSTREAM_FAILED, 1),
        ended(G2, UPSTREAM_FAILED, 1),
        *(ended(where, COMPLETED, 0) for where in (G0, G1, G2, G3)),
    )
    assert unhandled(view, set()) == []


def test_upstream_failed_nodes_that_nobody_used_are_listed_with_their_root() -> None:
    view = folded(
        added(group(0), group(1, 1, each(G0)), group(2, 1, each(G1))),
        ended(G0, FAILED),
        ended(G1, UPSTREAM_FAILED),
        ended(G2, UPSTREAM_FAILED),
    )
    assert unhandled(view, set()) == [("g0", 0), ("g1", 0), ("g2", 0)]
    assert unhandled(view, {(G2, 0)}) == []


def test_a_node_that_is_upstream_failed_never_met_its_input_whatever_its_attempts_say() -> None:
    view = folded(added(group(0), group(1, 1, each(G0))), ended(G0, FAILED), finished(G1, UPSTREAM_FAILED, attempt=1))
    assert unhandled(view, set()) == [("g0", 0), ("g1", 0)]


def test_one_user_that_ran_is_enough() -> None:
    view = folded(
        added(group(0), group(1, 1, one(G0, 0)), group(2, 1, one(G0, 0))),
        ended(G0, FAILED),
        ended(G1, UPSTREAM_FAILED),
        ended(G2, COMPLETED),
    )
    assert unhandled(view, set()) == [("g1", 0)]


def test_only_the_element_that_was_used_is_handled() -> None:
    view = folded(
        added(group(0, 3), group(1, 1, one(G0, 1)), group(2, 3, each(G0))),
        *(ended(G0, FAILED, index) for index in range(3)),
        ended(G1, COMPLETED),
        ended(G2, COMPLETED, 2),
    )
    assert unhandled(view, set()) == [("g0", 0)]


@pytest.mark.parametrize(
    ("ran", "left"), [(0, [("g0", 1)]), (1, []), (2, [("g0", 0), ("g0", 1), ("g0", 2)])], ids=["list", "all", "none"]
)
def test_an_edge_of_one_node_handles_where_that_node_ran(
    lists_of_handles: RunView, ran: int, left: list[tuple[str, int]]
) -> None:
    fold(lists_of_handles, numbered([added(), *(ended(G0, FAILED, index) for index in range(3))]))
    fold(lists_of_handles, [finished(G1, index=ran, seq=9)])
    assert unhandled(lists_of_handles, set()) == left


def test_an_edge_of_one_upstream_failed_node_carries_its_own_failures_only(lists_of_handles: RunView) -> None:
    fold(lists_of_handles, numbered([added(), *(ended(G0, FAILED, index) for index in range(3))]))
    fold(lists_of_handles, [finished(G1, UPSTREAM_FAILED, 0, attempt=0, seq=9)])
    assert unhandled(lists_of_handles, {(G1, 0)}) == [("g0", 1)]


def test_a_user_that_was_skipped_without_running_handles_nothing() -> None:
    view = folded(
        added(group(0), group(1, 1, one(G0, 0))), ended(G0, FAILED), finished(G1, TaskState.SKIPPED, attempt=0)
    )
    assert unhandled(view, set()) == [("g0", 0)]


def test_a_user_that_is_reused_met_the_failure_in_its_own_run() -> None:
    view = folded(added(group(0), group(1, 1, one(G0, 0))), ended(G0, FAILED), ended(G1, TaskState.REUSED))
    assert unhandled(view, set()) == []


def test_a_child_is_handled_as_the_node_that_returned_it() -> None:
    child = GroupId("g0.0/1")
    events: list[AnyEvent] = [
        added(group(0, 1, mapped=False), replace(group(5, 2), id=child, parent=G0)),
        started(G0),
        NodeWaiting(group=G0, index=0, attempt=1, children=(child,)),
        ended(child, FAILED, 1),
        replace(finished(G0, FAILED), kind=FailureKind.CHILD),
    ]
    view = folded(*events)
    assert unhandled(view, set()) == [("g0", 0), ("g0.0/1", 1)]
    assert unhandled(view, {(G0, 0)}) == []


# --- children ---------------------------------------------------------------------------------------------------------

CHILD, GRANDCHILD = GroupId("g0.1/1"), GroupId("g0.1/1.0/1")


def family(parent: TaskState, child: TaskState, grandchild: TaskState = COMPLETED) -> RunView:
    """g0[1] spawned one child, and that spawned one, too; g0[0] is fine."""
    children = [replace(group(5), id=CHILD, parent=G0), replace(group(6), id=GRANDCHILD, parent=CHILD)]
    states = [ended(G0, parent, 1), ended(CHILD, child), ended(GRANDCHILD, grandchild)]
    return folded(added(group(0, 2), *children), started(G0, 1), started(CHILD), *states, ended(G0, COMPLETED))


def test_a_child_that_failed_beside_a_fine_parent_counts_unless_its_parent_looked_at_it() -> None:
    view = family(COMPLETED, FAILED)
    assert unhandled(view, set()) == [(CHILD, 0)]
    assert unhandled(view, {(CHILD, 0)}) == []


@pytest.mark.parametrize("parent", [FAILED, TaskState.CRASHED, TaskState.CANCELLED])
def test_a_parent_that_is_handled_stands_for_its_children_and_theirs(parent: TaskState) -> None:
    view = family(parent, FAILED, FAILED)
    assert unhandled(view, set()) == [(G0, 1), (CHILD, 0), (GRANDCHILD, 0)]
    assert unhandled(view, {(G0, 1)}) == []
    assert unhandled(view, {(G0, 0)}) == unhandled(view, set())


def test_a_child_that_is_fine_stands_for_nobody() -> None:
    assert unhandled(family(FAILED, COMPLETED, FAILED), {(G0, 1)}) == [(GRANDCHILD, 0)]


def test_children_that_were_cancelled_with_a_parent_never_count_by_themselves() -> None:
    cancelled = TaskState.CANCELLED
    assert unhandled(family(FAILED, cancelled, cancelled), set()) == [(G0, 1)]
    assert unhandled(family(FAILED, COMPLETED, cancelled), {(G0, 1)}) == []
    assert unhandled(family(cancelled, cancelled, FAILED), set()) == [(G0, 1), (GRANDCHILD, 0)]
    assert unhandled(family(COMPLETED, cancelled), set()) == [(CHILD, 0)]


def test_children_of_a_parent_that_nothing_is_known_of_count() -> None:
    view = folded(added(replace(group(5), id=CHILD)), ended(CHILD, TaskState.CANCELLED))
    assert unhandled(view, set()) == [(CHILD, 0)]


# --- flattens ---------------------------------------------------------------------------------------------------------


def flattened(*consumers: AnyEvent) -> RunView:
    """Of the lists of g0 the second failed; g1 flattens them, g2 is a map over that, g3 and g4 reduce g2 and g1."""
    flatten = replace(group(1, 3, whole(G0), kind="flatten"), parts=((2, 2), (0, 1)))
    reduces = [group(3, 1, whole(G2), mapped=False), group(4, 1, whole(G1), mapped=False)]
    return folded(
        added(group(0, 3), flatten, group(2, 3, each(G1)), *reduces),
        *(ended(G0, FAILED if index == 1 else COMPLETED, index) for index in range(3)),
        *(ended(G1, COMPLETED, index) for index in range(3)),
        *(ended(G2, COMPLETED, index) for index in range(3)),
        *consumers,
    )


def test_elements_of_a_flatten_pass_through_to_the_part_they_came_from() -> None:
    view = flattened()
    assert ancestors(view, G2, 1) == {("g1", 1), ("g0", 2)}
    assert descendants(view, G0, 0) == {("g1", 2), ("g2", 2), ("g3", 0), ("g4", 0)}


def test_a_part_that_failed_is_not_handled_by_the_items_of_the_others() -> None:
    assert unhandled(flattened(), set()) == [("g0", 1)]


@pytest.mark.parametrize(("count", "expected"), [(1, []), (2, [("g0", 0)])])
def test_a_part_that_failed_is_handled_by_the_element_that_stands_for_it_not_by_handles_that_it_returned(
    count: int, expected: list[tuple[str, int]]
) -> None:
    flatten = replace(group(1, count, whole(G0), kind="flatten"), parts=((0, count),))
    view = folded(
        added(group(0, 1), flatten, group(2, count, each(G1))),
        ended(G0, FAILED),
        *(ended(G2, COMPLETED, index) for index in range(count)),
    )
    assert unhandled(view, set()) == expected


@pytest.mark.parametrize("reduce", [G3, GroupId("g4")])
def test_a_reduce_behind_a_flatten_handles_its_parts_if_it_began(reduce: GroupId) -> None:
    assert unhandled(flattened(ended(reduce, COMPLETED)), set()) == []
    view = flattened(ended(reduce, UPSTREAM_FAILED))
    assert unhandled(view, set()) == [("g0", 1), (reduce, 0)]
    assert unhandled(view, {(reduce, 0)}) == []


def test_groups_of_a_flow_are_not_listed() -> None:
    view = folded(added(group(0, kind="flow")), ended(G0, FAILED))
    assert unhandled(view, set()) == []


def test_failures_of_what_was_made_anew_are_those_of_the_last_time() -> None:
    parent, first, second = GroupId("g0"), GroupId("g0.0/1"), GroupId("g0.0/1x2")
    children = [replace(group(number), id=name, parent=parent) for number, name in ((1, first), (2, second))]
    view = folded(added(group(0), *children), ended(first, FAILED), ended(parent, COMPLETED))
    assert unhandled(view, set()) == []
    fold(view, [replace(ended(second, FAILED), seq=9)])
    assert unhandled(view, set()) == [(second, 0)]


def test_ten_thousand_children_of_failed_parents_are_judged_quickly() -> None:
    count = 10_000
    children = [replace(group(1 + index), id=GroupId(f"g0.{index}/1"), parent=G0) for index in range(count)]
    view = folded(
        added(group(0, count), *children, group(count + 1, 1, whole(G0), mapped=False)),
        *(ended(G0, FAILED, index) for index in range(count)),
        *(ended(child.id, FAILED) for child in children),
    )
    begin = time.thread_time()
    assert len(unhandled(view, set())) == 2 * count
    fold(view, [started(GroupId(f"g{count + 1}"), seq=9 * count)])
    assert unhandled(view, set()) == []
    assert time.thread_time() - begin < 2.0


def test_a_hundred_thousand_failures_are_judged_quickly() -> None:
    count = 100_000
    view = folded(
        added(group(0, count), group(1, count, each(G0)), group(2, 1, whole(G1), mapped=False)),
        *(ended(G0, FAILED, index) for index in range(count)),
        *(ended(G1, UPSTREAM_FAILED, index) for index in range(count)),
        ended(G2, COMPLETED),
    )
    begin = time.thread_time()
    assert unhandled(view, set()) == []
    assert time.thread_time() - begin < 2.0
