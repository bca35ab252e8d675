"""Moves: the states that a node went through, one after the other, as far as it is known when."""

from __future__ import annotations

from math import isnan
from typing import NamedTuple

from wfkit.core.ids import spawner
from wfkit.core.phases import Phase, phases
from wfkit.core.states import NO_WORK, TASK_ENDS, TaskState
from wfkit.core.view import GroupView, RunView


class Move(NamedTuple):
    """A node came into a state."""

    state: TaskState
    at_s: float | None  #: when; None where that is not known
    attempt: int = 0  #: that began, or failed
    worker: str = ""
    delay_s: float | None = None  #: before the next attempt


def moves_of(view: RunView, group: GroupView, index: int) -> list[Move]:
    """The states of one node, oldest first; the last one is its state now."""
    made_s = view.started_s if spawner(group.spec.id) is None else None  # nobody keeps when a call was made
    told = phases(group, index)
    begun = {phase.attempt for phase in told}
    failed_s = group.failed_s.get(index, {})
    lost = [  # a worker that dies may take along that an attempt began
        Phase(TaskState.RETRYING, at_s, at_s, attempt, -1) for attempt, at_s in failed_s.items() if attempt not in begun
    ]
    moves = [Move(TaskState.PENDING, made_s)]
    for phase in sorted([*lost, *told], key=lambda phase: phase.start_s):
        state = phase.state if phase.state in NO_WORK else TaskState.RUNNING
        delay_s = group.delays_s.get(index, {}).get(phase.attempt) if state is TaskState.RETRYING else None
        moves.append(Move(state, phase.start_s, phase.attempt, worker_of(view, phase.worker), delay_s))
    now = group.state(index)
    if now is not moves[-1].state:
        ended_s = group.ended_s[index]
        moves.append(Move(now, None if isnan(ended_s) or now not in TASK_ENDS else ended_s, group.attempts[index]))
    return moves


class Begun(NamedTuple):
    """An attempt that is known to have begun."""

    start_s: float
    end_s: float  #: nan: it goes on
    worker: str


def attempts_of(view: RunView, group: GroupView, index: int) -> dict[int, Begun]:
    """The attempts of a node by their numbers."""
    found: dict[int, Begun] = {}
    for phase in phases(group, index):
        if phase.state is not TaskState.RETRYING:
            start_s = found[phase.attempt].start_s if phase.attempt in found else phase.start_s
            found[phase.attempt] = Begun(start_s, phase.end_s, worker_of(view, phase.worker))
    return found


def worker_of(view: RunView, number: int) -> str:
    """The name of a worker; empty for none."""
    return view.workers[number] if number >= 0 else ""
