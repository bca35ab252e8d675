"""How a run ends, told from its view."""

from __future__ import annotations

from wfkit.core.events import Edge, GroupSpec, How, NodeFinished, NodesAdded, NodeStarted
from wfkit.core.ids import GroupId
from wfkit.core.reducer import fold
from wfkit.core.states import RunState, TaskState
from wfkit.core.view import RunView
from wfkit.engine.driver.ending import outcome_of

A, B = GroupId("g1"), GroupId("g2")


def _view(ends: list[TaskState], reduce_ran: bool) -> RunView:
    view = RunView()
    groups = (
        GroupSpec(id=A, order=1, name="a", task="a", kind="task", mapped=True, length=len(ends)),
        GroupSpec(id=B, order=2, name="b", task="b", kind="task", mapped=False, length=1, edges=(Edge(A, How.ALL),)),
    )
    events = [NodesAdded(groups=groups, seq=1)]
    fold(view, events)
    fold(view, [NodeFinished(group=A, index=i, attempt=1, state=end, seq=2 + i) for i, end in enumerate(ends)])
    if reduce_ran:
        fold(view, [NodeStarted(group=B, index=0, attempt=1, worker="w", seq=100)])
    state = TaskState.COMPLETED if reduce_ran else TaskState.UPSTREAM_FAILED
    fold(view, [NodeFinished(group=B, index=0, attempt=int(reduce_ran), state=state, seq=101)])
    return view


def test_fine_nodes_complete_a_run() -> None:
    view = _view([TaskState.COMPLETED, TaskState.SKIPPED], reduce_ran=True)
    assert outcome_of(view, set()) == (RunState.COMPLETED, "")


def test_a_failure_that_a_node_ran_with_completes_a_run() -> None:
    assert outcome_of(_view([TaskState.FAILED], reduce_ran=True), set())[0] is RunState.COMPLETED


def test_unhandled_failures_are_named_roots_first_and_counted() -> None:
    state, reason = outcome_of(_view([TaskState.FAILED] * 5, reduce_ran=False), set())
    assert state is RunState.FAILED
    assert reason == "`a[0]` FAILED, `a[1]` FAILED, `a[2]` FAILED and 2 more"


def test_a_look_of_the_body_handles_what_it_looked_at() -> None:
    view = _view([TaskState.FAILED], reduce_ran=False)
    assert outcome_of(view, {(A, 0)})[0] is RunState.FAILED, "b is UPSTREAM_FAILED, and nobody looked at it"
    assert outcome_of(view, {(B, 0)})[0] is RunState.COMPLETED
