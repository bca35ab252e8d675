"""One node's place in the columns of a view."""

from __future__ import annotations

import math

import pytest

from tests.core.histories import group
from wfkit.core.columns import advance, end_on, enlist, forget_end, move, note_end, show_errors
from wfkit.core.events import ErrorInfo, NodeFinished
from wfkit.core.states import CODES, FailureKind, TaskState
from wfkit.core.view import GroupView, RunView

ERROR = ErrorInfo(type_name="ValueError", message="no", traceback="")
RUNNING, COMPLETED = CODES[TaskState.RUNNING], CODES[TaskState.COMPLETED]


@pytest.fixture
def nodes() -> GroupView:
    return GroupView(group(0, 2))


def test_a_node_that_moves_is_counted_where_it_is(nodes: GroupView) -> None:
    move(nodes, 1, RUNNING)
    assert (nodes.state(0), nodes.state(1)) == (TaskState.PENDING, TaskState.RUNNING)
    assert (nodes.counts[CODES[TaskState.PENDING]], nodes.counts[RUNNING], sum(nodes.counts)) == (1, 1, 2)


def test_what_is_known_to_be_earlier_moves_nothing(nodes: GroupView) -> None:
    assert advance(nodes, 0, 5, RUNNING)
    assert not advance(nodes, 0, 5, CODES[TaskState.RETRYING])
    assert not advance(nodes, 0, 4, CODES[TaskState.RETRYING])
    assert nodes.state(0) is TaskState.RUNNING


def test_a_node_that_has_ended_stays_where_it_is(nodes: GroupView) -> None:
    move(nodes, 0, COMPLETED)
    nodes.end_seqs[0] = 3
    assert advance(nodes, 0, 9, RUNNING)
    assert nodes.state(0) is TaskState.COMPLETED


def test_workers_are_numbered_in_the_order_in_which_they_come() -> None:
    view = RunView()
    assert (enlist(view, "a"), enlist(view, "b")) == (0, 1)
    assert view.workers == ["a", "b"]


def test_an_end_without_a_worker_is_where_the_node_began(nodes: GroupView) -> None:
    view = RunView()
    nodes.start_workers[0] = enlist(view, "a")
    end_on(view, nodes, 0, "")
    assert nodes.worker_of[0] == 0
    end_on(view, nodes, 0, "b")
    assert view.workers[nodes.worker_of[0]] == "b"


def test_all_that_an_end_has_told_can_be_taken_back(nodes: GroupView) -> None:
    told = NodeFinished(
        group=nodes.spec.id,
        index=0,
        attempt=2,
        state=TaskState.FAILED,
        kind=FailureKind.ERROR,
        reason="why",
        error=ERROR,
        preview="[1]",
        length=1,
        inline=b"1",
        stored="r-1/a",
        made_by="code",
    )
    note_end(nodes, told)
    facts = (nodes.kinds, nodes.reasons, nodes.previews, nodes.lengths, nodes.inline, nodes.stored, nodes.made_by)
    assert [list(one.values()) for one in facts] == [
        [FailureKind.ERROR],
        ["why"],
        ["[1]"],
        [1],
        [b"1"],
        ["r-1/a"],
        ["code"],
    ]
    assert nodes.errors == {0: {2: ERROR}}
    forget_end(nodes, 0)
    assert not any(facts)
    assert nodes.errors == {}
    assert math.isnan(nodes.wall_s[0])


def test_errors_of_attempts_and_of_the_end_are_shown_together(nodes: GroupView) -> None:
    nodes.retries[0] = {1: (5, 0.0, ERROR), 2: (6, 0.0, None)}
    nodes.end_errors[0] = (3, ERROR)
    show_errors(nodes, 0)
    assert nodes.errors == {0: {1: ERROR, 3: ERROR}}
