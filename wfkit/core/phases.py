"""Phases: what a node did from when to when: its attempts, the waits within them, and the delays between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import inf, isnan, nan
from typing import NamedTuple

from wfkit.core.columns import ATTEMPT_SHIFT
from wfkit.core.states import TaskState
from wfkit.core.view import GroupView


class Phase(NamedTuple):
    """A stretch of an attempt, or of the delay behind one that failed."""

    state: TaskState  #: how the attempt ended, or RUNNING; WAITING and RETRYING of what is no work
    start_s: float
    end_s: float  #: nan = it goes on
    attempt: int
    worker: int  #: index into `RunView.workers`; -1 = none


def is_plain(group: GroupView, index: int) -> bool:
    """Whether the columns tell it all: nothing but one attempt, if any, without a wait."""
    return not (index in group.starts or index in group.failed_s or index in group.waits)


def phases(group: GroupView, index: int) -> list[Phase]:
    """What one node did, in order of time; nothing if it never began."""
    if is_plain(group, index):
        start_s = group.started_s[index]
        state = group.state(index)
        return [] if isnan(start_s) else [Phase(state, start_s, group.ended_s[index], 1, group.worker_of[index])]
    starts = _starts(group, index)
    now = TaskState.RUNNING if isnan(group.ended_s[index]) else group.state(index)
    failed_s, errors = group.failed_s.get(index, {}), group.errors.get(index, {})
    told: list[Phase] = []
    for (attempt, start_s, worker), (_, next_s, _) in pairwise([*starts, (0, group.ended_s[index], -1)]):
        fails_s = failed_s.get(attempt)
        if fails_s is not None:
            state, end_s = (TaskState.FAILED if attempt in errors else TaskState.CRASHED), fails_s
        elif attempt == starts[-1][0]:
            state, end_s = now, next_s
        else:
            state, end_s = TaskState.CRASHED, next_s  # its end was never told
        told += _stretches(_waits(group, index, attempt), Phase(state, start_s, end_s, attempt, worker))
        if fails_s is not None:
            told.append(Phase(TaskState.RETRYING, fails_s, next_s, attempt, worker))
    return [phase for phase in told if not phase.end_s <= phase.start_s]


def _starts(group: GroupView, index: int) -> list[tuple[int, float, int]]:
    """Attempt, start and worker of each attempt that is known to have begun."""
    if (starts := group.starts.get(index)) is not None:
        return [(attempt, start_s, worker) for attempt, (_, start_s, worker) in sorted(starts.items())]
    start_s = group.started_s[index]
    attempt = group.start_keys[index] >> ATTEMPT_SHIFT
    return [] if isnan(start_s) else [(attempt, start_s, group.worker_of[index])]


def _waits(group: GroupView, index: int, attempt: int) -> list[tuple[float, bool]]:
    """When an attempt began to wait, or went on."""
    return [wait for key, wait in sorted(group.waits.get(index, {}).items()) if key >> ATTEMPT_SHIFT == attempt]


def _stretches(waits: list[tuple[float, bool]], whole: Phase) -> Iterator[Phase]:
    """Cut an attempt where it begins to wait and where it goes on."""
    ends_s = inf if isnan(whole.end_s) else whole.end_s
    at_s, waiting = whole.start_s, False
    for cut_s, waits_then in [*waits, (ends_s, False)]:
        until_s = min(max(cut_s, at_s), ends_s)
        state = TaskState.WAITING if waiting else whole.state
        yield whole._replace(state=state, start_s=at_s, end_s=nan if until_s == inf else until_s)
        at_s, waiting = until_s, waits_then
