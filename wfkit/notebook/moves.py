"""Moves: the states that a node went through, one after the other, as far as it is known when."""

from __future__ import annotations

from itertools import pairwise
from math import isnan, nan
from typing import Final, NamedTuple

from wfkit.core.ids import spawner
from wfkit.core.states import TASK_ENDS, TaskState
from wfkit.core.view import GroupView, RunView, Start

_UNKNOWN: Final[Start] = (0, nan, -1)


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
    moves = [Move(TaskState.PENDING, made_s)]
    waits = sorted(group.waits.get(index, {}).values())
    attempts = attempts_of(view, group, index)
    for begun, following in pairwise([*attempts, Move(TaskState.PENDING, None)]):
        moves.append(begun)
        moves += [
            Move(TaskState.WAITING if begins else TaskState.RUNNING, at_s, begun.attempt, begun.worker)
            for at_s, begins in waits
            if (begun.at_s or 0) <= at_s and (following.at_s is None or at_s < following.at_s)
        ]
        if (failed_s := group.failed_s.get(index, {}).get(begun.attempt)) is not None:
            delay_s = group.delays_s.get(index, {}).get(begun.attempt)
            moves.append(Move(TaskState.RETRYING, failed_s, begun.attempt, delay_s=delay_s))
    now = group.state(index)
    if now is not moves[-1].state:
        moves.append(Move(now, _known(group.ended_s[index]) if now in TASK_ENDS else None, group.attempts[index]))
    return moves


def attempts_of(view: RunView, group: GroupView, index: int) -> list[Move]:
    """When each attempt of a node began, and on which worker."""
    starts = group.starts.get(index, {})
    started_s, on = group.started_s[index], group.worker_of[index]
    # A dying worker may not tell of its start. One that is known is that of the first attempt that had not failed yet.
    only = 1 + sum(at_s < started_s for at_s in group.failed_s.get(index, {}).values())
    found = []
    for attempt in range(1, group.attempts[index] + 1):
        at_s, worker = (started_s, on) if not starts and attempt == only else starts.get(attempt, _UNKNOWN)[1:]
        found.append(Move(TaskState.RUNNING, _known(at_s), attempt, view.workers[worker] if worker >= 0 else ""))
    return found


def _known(value: float) -> float | None:
    return None if isnan(value) else value
