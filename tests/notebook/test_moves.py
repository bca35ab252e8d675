"""The states that nodes went through, with times."""

from __future__ import annotations

from tests.notebook.stories import BAD_MONTH, monthly
from tests.notebook.telling import BEGIN_S, WORKERS, StoryRun, began, ended, retrying, run_started, spec, started, waits
from wfkit.core.events import NodeResumed, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.states import TaskState
from wfkit.notebook.moves import moves_of


def moves(run: StoryRun, group: str = "g0", index: int = 0) -> list[tuple[str, float | None, int]]:
    return [
        (move.state.value, None if move.at_s is None else round(move.at_s - BEGIN_S, 3), move.attempt)
        for move in moves_of(run.view_model, run.view_model.groups[GroupId(group)], index)
    ]


def single() -> StoryRun:
    return StoryRun(run_started(), NodesAdded(groups=(spec(0, "clean"),)))


def test_a_node_that_was_tried_twice_tells_when_and_where() -> None:
    assert moves(monthly(), "g1", BAD_MONTH) == [
        ("PENDING", 0.0, 0),
        ("RUNNING", 3.65, 1),
        ("RETRYING", 3.8, 1),
        ("RUNNING", 7.0, 2),
        ("FAILED", 7.6, 2),
    ]
    run = monthly()
    told = moves_of(run.view_model, run.view_model.groups[GroupId("g1")], BAD_MONTH)
    assert told[1].worker == WORKERS[0]
    assert told[2].delay_s == 2.0


def test_the_last_move_is_the_state_now() -> None:
    run = single()
    assert moves(run) == [("PENDING", 0.0, 0)]
    run.tell(started(0))
    assert moves(run)[1:] == [("RUNNING", 0.5, 1)]
    run.tell(retrying(0))
    assert moves(run)[2:] == [("RETRYING", 0.8, 1)]
    run.tell(ended(0, state=TaskState.CANCELLED, after_s=2))
    assert moves(run)[3:] == [("CANCELLED", 2.0, 1)]


def test_waits_stand_within_their_attempt() -> None:
    run = single()
    run.tell(began("g0"), waits("g0", after_s=1.5))
    assert moves(run)[1:] == [("RUNNING", 1.0, 1), ("WAITING", 1.5, 1)]
    run.tell(NodeResumed(at_s=BEGIN_S + 1.8, group=GroupId("g0"), index=0, attempt=1), ended(0, after_s=2.0))
    assert moves(run)[3:] == [("RUNNING", 1.8, 1), ("COMPLETED", 2.0, 1)]


def test_of_an_attempt_whose_start_nobody_told_the_end_is_told() -> None:
    run = single()
    run.tell(retrying(0, after_s=0.8), started(0, attempt=2, after_s=3.0))
    assert moves(run)[1:] == [("RETRYING", 0.8, 1), ("RUNNING", 3.0, 2)]


def test_what_was_never_tried_goes_straight_to_its_end() -> None:
    assert moves(monthly(), "g6") == [("PENDING", 0.0, 0), ("UPSTREAM_FAILED", 7.7, 0)]
