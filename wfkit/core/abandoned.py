"""Abandoned: how a run ends whose owner is gone, told by somebody else."""

from __future__ import annotations

from wfkit.core.events import AnyEvent, NodeFinished, RunFinished
from wfkit.core.states import STATES, TASK_ENDS, RunState, TaskState
from wfkit.core.view import RunView


def last_events(view: RunView, last_seq: int, at_s: float, reason: str) -> list[AnyEvent]:
    """The events that end a run INTERRUPTED and its open nodes CANCELLED.

    Parameters
    ----------
    view : RunView
        What is known of the run.
    last_seq : int
        Number of its last known event; those made here follow it.
    at_s : float
        Now, in seconds since the epoch.
    reason : str
    """
    ends: list[AnyEvent] = [
        NodeFinished(
            seq=last_seq + number,
            at_s=at_s,
            group=group,
            index=index,
            attempt=0,
            state=TaskState.CANCELLED,
            reason=reason,
        )
        for number, (group, index) in enumerate(
            (
                (group.spec.id, index)
                for group in view.ordered()
                for index, code in enumerate(group.states)
                if STATES[code] not in TASK_ENDS
            ),
            start=1,
        )
    ]
    seq = last_seq + len(ends) + 1
    return [*ends, RunFinished(seq=seq, at_s=at_s, state=RunState.INTERRUPTED, reason=reason)]
