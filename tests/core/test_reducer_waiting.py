"""The reducer: nodes that wait, go on, are told to stop, or are tried again because they were lost."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.core.histories import G0, added, finished, folded, folded_as_is, group, retrying, started
from wfkit.core import reducer
from wfkit.core.events import AnyEvent, BoundHandle, NodeCrashed, NodeResumed, NodeStopping, NodeWaiting
from wfkit.core.ids import GroupId
from wfkit.core.states import FailureKind, TaskState
from wfkit.core.view import Returned


def test_waiting_keeps_the_children_of_the_last_attempt() -> None:
    second = NodeWaiting(seq=4, group=G0, index=0, attempt=2, children=(GroupId("g0.0/2"),))
    first = NodeWaiting(seq=3, group=G0, index=0, attempt=1, children=(GroupId("g0.0/1"),))
    view = folded_as_is([second, first])
    assert view.groups[G0].state(0) is TaskState.WAITING
    assert view.groups[G0].children == {0: ("g0.0/2",)}


def waiting(seq: int, *children: str, attempt: int = 1) -> NodeWaiting:
    return NodeWaiting(seq=seq, group=G0, index=0, attempt=attempt, children=tuple(map(GroupId, children)))


def test_the_handles_that_a_node_returned_are_those_of_the_last_attempt_that_waits_for_children() -> None:
    made = BoundHandle(name="", group=GroupId("g0.0/1"), index=None, item=None, mapped=True, n_outputs=None)
    returned = replace(waiting(2, "g0.0/1"), handles=(made,))
    for order in itertools.permutations([returned, waiting(3)]):
        assert folded_as_is(order).groups[G0].returned == {0: Returned(1, (made,), is_list=False)}
    for order in itertools.permutations([returned, waiting(4, "g0.0/1", attempt=2)]):
        assert folded_as_is(order).groups[G0].returned == {}


def resumed(seq: int, attempt: int = 1) -> NodeResumed:
    return NodeResumed(seq=seq, group=G0, index=0, attempt=attempt)


def stopping(seq: int, worker: str, attempt: int = 1) -> NodeStopping:
    return NodeStopping(seq=seq, group=G0, index=0, attempt=attempt, worker=worker)


def test_a_node_that_blocks_again_and_again_is_where_the_last_event_says() -> None:
    record: list[AnyEvent] = [started(G0, seq=1), waiting(2), resumed(3), waiting(4), resumed(5)]
    seen = [folded_as_is(record[: end + 1]).groups[G0].state(0) for end in range(len(record))]
    assert seen == ["RUNNING", "WAITING", "RUNNING", "WAITING", "RUNNING"]
    for order in itertools.permutations(record):
        assert folded_as_is(order).groups[G0].state(0) is TaskState.RUNNING


def test_an_attempt_that_blocked_may_fail_and_be_followed_by_another() -> None:
    record: list[AnyEvent] = [waiting(2), retrying(G0, seq=4), resumed(3), waiting(5)]
    assert folded_as_is(record).groups[G0].state(0) is TaskState.RETRYING
    assert folded_as_is([*record, started(G0, attempt=2, seq=6)]).groups[G0].state(0) is TaskState.RUNNING


def test_blocking_keeps_the_children_that_are_known() -> None:
    record: list[AnyEvent] = [waiting(2, "g0.0/1"), waiting(3), waiting(4, attempt=2)]
    for order in itertools.permutations(record):
        view = folded_as_is(order)
        assert view.groups[G0].children == {0: ("g0.0/1",)}
        assert view.groups[G0].state(0) is TaskState.WAITING


def test_a_node_that_was_told_to_stop_says_where_it_still_runs() -> None:
    view = folded(added(group(0)), started(G0))
    reducer.fold(view, [stopping(4, "b"), stopping(3, "a")])
    assert view.groups[G0].state(0) is TaskState.RUNNING
    assert view.groups[G0].reasons == {0: "cancelling, still running on b"}
    reducer.apply(view, stopping(2, "c", attempt=2))
    assert view.groups[G0].reasons == {0: "cancelling, still running on c"}


@pytest.mark.parametrize("reason", ["", "asked to"])
def test_the_reason_of_an_end_takes_the_place_of_where_a_node_still_ran(reason: str) -> None:
    end = replace(finished(G0, TaskState.CANCELLED, seq=4), reason=reason)
    late = replace(finished(G0, seq=9), reason="late")
    record: list[AnyEvent] = [stopping(3, "a"), stopping(5, "b"), end, late]
    for order in itertools.permutations(record):
        assert folded_as_is(order).groups[G0].reasons == ({0: reason} if reason else {})


def test_a_crash_without_a_reason_leaves_none() -> None:
    crash = NodeCrashed(seq=4, group=G0, index=0, attempt=1, kind=FailureKind.WORKER_LOST, reason="")
    assert folded_as_is([stopping(3, "a"), crash]).groups[G0].reasons == {}


def test_why_another_attempt_follows_is_kept_where_there_is_no_error() -> None:
    lost = replace(retrying(G0, seq=2), error=None, cause="its worker was lost")
    view = folded_as_is([lost, retrying(G0, attempt=2, seq=3)])
    assert view.groups[G0].causes == {0: {1: "its worker was lost"}}
    assert list(view.groups[G0].errors[0]) == [2]
    reducer.apply(view, retrying(G0, seq=4))
    assert view.groups[G0].causes == {0: {}}


def test_each_of_several_attempts_keeps_its_start_and_its_failure() -> None:
    record: list[AnyEvent] = [
        started(G0, seq=1, at_s=1.0, worker="a"),
        replace(retrying(G0, seq=2), at_s=2.0),
        started(G0, attempt=2, seq=3, at_s=5.0, worker="b"),
        started(G0, attempt=2, seq=4, at_s=4.0, worker="c"),
    ]
    for order in itertools.permutations(record * 2, len(record)):
        view = folded_as_is([*order, *record])
        starts = view.groups[G0].starts[0]
        assert {attempt: (at_s, view.workers[on]) for attempt, (_, at_s, on) in starts.items()} == {
            1: (1.0, "a"),
            2: (4.0, "c"),
        }
        assert view.groups[G0].failed_s == {0: {1: 2.0}}


def test_one_attempt_that_is_told_twice_has_its_start_in_the_columns_alone() -> None:
    view = folded_as_is([started(G0, seq=3, at_s=6.0), started(G0, seq=1, at_s=5.0)])
    assert view.groups[G0].starts == {}
    assert view.groups[G0].started_s[0] == 5.0


def test_when_a_node_waited_and_went_on_is_kept() -> None:
    record: list[AnyEvent] = [
        replace(waiting(2), at_s=2.0),
        replace(resumed(3), at_s=3.0),
        replace(waiting(4), at_s=4.0),
    ]
    for order in itertools.permutations(record):
        waits = folded_as_is([*order, *record]).groups[G0].waits[0]
        assert [waits[key] for key in sorted(waits)] == [(2.0, True), (3.0, False), (4.0, True)]
