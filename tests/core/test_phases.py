"""Phases of nodes: attempts, waits and delays, each from when to when."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import pytest

from tests.core.histories import G0, added, finished, folded, group, retrying, started
from wfkit.core.events import AnyEvent, NodeResumed, NodeWaiting
from wfkit.core.phases import is_plain, phases
from wfkit.core.states import TaskState

Told = list[tuple[str, float, float | None, int, str]]


def told(*events: AnyEvent) -> Told:
    """The phases of the only node after some events, with workers by name; None: it goes on."""
    view = folded(added(group(0)), *events)
    return [
        (
            phase.state.value,
            phase.start_s,
            None if isnan(phase.end_s) else phase.end_s,
            phase.attempt,
            view.workers[phase.worker],
        )
        for phase in phases(view.groups[G0], 0)
    ]


def begins(at_s: float, attempt: int = 1, worker: str = "a") -> AnyEvent:
    return started(G0, attempt=attempt, at_s=at_s, worker=worker)


def fails(at_s: float, attempt: int = 1) -> AnyEvent:
    return replace(retrying(G0, attempt=attempt), at_s=at_s)


def lost(at_s: float, attempt: int = 1) -> AnyEvent:
    return replace(retrying(G0, attempt=attempt), at_s=at_s, error=None, cause="worker lost")


def ends(at_s: float, attempt: int = 1, state: TaskState = TaskState.COMPLETED, worker: str = "a") -> AnyEvent:
    return finished(G0, state, attempt=attempt, at_s=at_s, worker=worker)


def waits(at_s: float, attempt: int = 1) -> AnyEvent:
    return NodeWaiting(at_s=at_s, group=G0, index=0, attempt=attempt, children=())


def resumes(at_s: float, attempt: int = 1) -> AnyEvent:
    return NodeResumed(at_s=at_s, group=G0, index=0, attempt=attempt)


def test_a_node_that_never_began_has_no_phase() -> None:
    assert told() == []
    assert told(ends(3.0, attempt=0, state=TaskState.CANCELLED)) == []


def test_one_attempt_is_one_phase_that_goes_on_until_it_ends() -> None:
    assert told(begins(1.0)) == [("RUNNING", 1.0, None, 1, "a")]
    assert told(begins(1.0), ends(3.0)) == [("COMPLETED", 1.0, 3.0, 1, "a")]


def test_a_retried_node_has_each_attempt_on_its_worker_and_the_delay_between() -> None:
    first: Told = [("FAILED", 1.0, 2.0, 1, "a")]
    assert told(begins(1.0), fails(2.0)) == [*first, ("RETRYING", 2.0, None, 1, "a")]
    record = [begins(1.0), fails(2.0), begins(5.0, 2, "b")]
    second: Told = [*first, ("RETRYING", 2.0, 5.0, 1, "a")]
    assert told(*record) == [*second, ("RUNNING", 5.0, None, 2, "b")]
    assert told(*record, ends(6.0, 2, worker="b")) == [*second, ("COMPLETED", 5.0, 6.0, 2, "b")]


def test_an_attempt_that_was_lost_with_its_worker_is_told_from_one_that_raised() -> None:
    assert [state for state, *_ in told(begins(1.0), lost(2.0), begins(3.0, 2))] == ["CRASHED", "RETRYING", "RUNNING"]
    assert told(begins(1.0), begins(3.0, 2))[0] == ("CRASHED", 1.0, 3.0, 1, "a")


def test_a_node_that_is_cancelled_in_a_delay_waits_until_then() -> None:
    events = [begins(1.0), fails(2.0), ends(3.0, 1, TaskState.CANCELLED)]
    assert told(*events) == [("FAILED", 1.0, 2.0, 1, "a"), ("RETRYING", 2.0, 3.0, 1, "a")]


def test_waits_cut_an_attempt() -> None:
    record = [begins(1.0), waits(2.0), resumes(4.0), waits(5.0)]
    assert told(*record) == [
        ("RUNNING", 1.0, 2.0, 1, "a"),
        ("WAITING", 2.0, 4.0, 1, "a"),
        ("RUNNING", 4.0, 5.0, 1, "a"),
        ("WAITING", 5.0, None, 1, "a"),
    ]
    assert [state for state, *_ in told(*record, ends(6.0))] == ["COMPLETED", "WAITING", "COMPLETED", "WAITING"]


@pytest.mark.parametrize("index", [0, 1])
def test_nodes_without_several_attempts_or_waits_are_plain(index: int) -> None:
    view = folded(added(group(0, 2)), started(G0, 0), finished(G0), retrying(G0, 1))
    assert is_plain(view.groups[G0], index) is (index == 0)
