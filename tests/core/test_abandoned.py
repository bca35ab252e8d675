"""Abandoned runs: they end, and so do all their nodes."""

from __future__ import annotations

from hypothesis import given

from tests.core.histories import G0, added, finished, folded, folded_as_is, group, histories, started
from wfkit.core.abandoned import last_events
from wfkit.core.events import AnyEvent, RunFinished
from wfkit.core.reducer import fold
from wfkit.core.states import TASK_ENDS, RunState, TaskState


def test_open_nodes_are_cancelled_and_the_run_is_interrupted() -> None:
    view = folded(added(group(0, 3)), started(G0, 0), finished(G0, index=1))
    ends = last_events(view, 3, 50.0, "the kernel is gone")
    assert [event.seq for event in ends] == [4, 5, 6]
    assert ends[-1] == RunFinished(seq=6, at_s=50.0, state=RunState.INTERRUPTED, reason="the kernel is gone")
    fold(view, ends)
    assert [view.groups[G0].state(index) for index in range(3)] == [
        TaskState.CANCELLED,
        TaskState.COMPLETED,
        TaskState.CANCELLED,
    ]


@given(histories())
def test_whatever_had_happened_nothing_is_open_afterwards(record: list[AnyEvent]) -> None:
    view = folded_as_is(record)
    before = {(name, at): one.state(at) for name, one in view.groups.items() for at in range(len(one))}
    fold(view, last_events(view, len(record), 50.0, "gone"))
    assert view.state is RunState.INTERRUPTED
    for (name, at), state in before.items():
        after = view.groups[name].state(at)
        assert after is (state if state in TASK_ENDS else TaskState.CANCELLED)
