"""States of tasks and runs, and the tables of the moves between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class TaskState(StrEnum):
    """Where a node stands. The position in this list is the state's code in the columns of a view."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    REUSED = "REUSED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    CRASHED = "CRASHED"
    CANCELLED = "CANCELLED"

    __hash__ = str.__hash__  # Enum's own is made in Python code, each time


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    INTERRUPTED = "INTERRUPTED"

    __hash__ = str.__hash__


class FailureKind(StrEnum):
    """What made a node FAILED or CRASHED."""

    ERROR = "error"
    TIMEOUT = "timeout"
    CHILD = "child"
    WORKER_LOST = "worker lost"
    MEMORY = "memory"


#: States by code, and codes by state.
STATES: Final[tuple[TaskState, ...]] = tuple(TaskState)
CODES: Final[Mapping[TaskState, int]] = {state: code for code, state in enumerate(STATES)}

TASK_ENDS: Final = frozenset(
    {
        TaskState.COMPLETED,
        TaskState.REUSED,
        TaskState.SKIPPED,
        TaskState.FAILED,
        TaskState.UPSTREAM_FAILED,
        TaskState.CRASHED,
        TaskState.CANCELLED,
    }
)
#: Ends that need no handling: they never fail a run.
FINE: Final = frozenset({TaskState.COMPLETED, TaskState.REUSED, TaskState.SKIPPED})
#: Ends that are not.
BAD: Final = TASK_ENDS - FINE
#: Ends of what went wrong itself, and not only because of something else.
OWN_FAILURES: Final = (TaskState.FAILED, TaskState.CRASHED)
END_CODES: Final = frozenset(CODES[state] for state in TASK_ENDS)
#: What takes no slot of a worker: waits for children, and delays before another attempt.
NO_WORK: Final = frozenset({TaskState.WAITING, TaskState.RETRYING})
#: Ends that leave a value behind.
WITH_VALUE: Final = frozenset({TaskState.COMPLETED, TaskState.REUSED})
RUN_ENDS: Final = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.INTERRUPTED})

_P, _R, _Y, _W = TaskState.PENDING, TaskState.RUNNING, TaskState.RETRYING, TaskState.WAITING

#: (from, to) -> the fact that moves a node. What is not listed cannot happen; no row starts at an end state.
TASK_MOVES: Final[Mapping[tuple[TaskState, TaskState], str]] = {
    (_P, _R): "node-started",
    (_R, _Y): "node-retrying",
    (_Y, _R): "node-started",
    (_R, _W): "node-waiting",
    (_W, _R): "node-resumed",
    (_P, _Y): "node-retrying",
    (_W, _Y): "node-retrying",
    (_R, TaskState.COMPLETED): "node-finished",
    (_R, TaskState.REUSED): "node-finished",
    (_R, TaskState.FAILED): "node-finished",
    (_R, TaskState.SKIPPED): "node-finished",
    (_R, TaskState.CANCELLED): "node-finished",
    (_R, TaskState.CRASHED): "node-crashed",
    (_P, TaskState.REUSED): "node-finished",
    (_P, TaskState.SKIPPED): "node-finished",
    (_P, TaskState.FAILED): "node-finished",
    (_P, TaskState.UPSTREAM_FAILED): "node-finished",
    (_P, TaskState.CANCELLED): "node-finished",
    (_P, TaskState.CRASHED): "node-crashed",
    (_Y, TaskState.FAILED): "node-finished",
    (_Y, TaskState.SKIPPED): "node-finished",
    (_Y, TaskState.CANCELLED): "node-finished",
    (_Y, TaskState.CRASHED): "node-crashed",
    (_W, TaskState.COMPLETED): "node-finished",
    (_W, TaskState.FAILED): "node-finished",
    (_W, TaskState.SKIPPED): "node-finished",
    (_W, TaskState.CANCELLED): "node-finished",
    (_W, TaskState.CRASHED): "node-crashed",
}

#: (from, to) -> the fact that moves a run.
RUN_MOVES: Final[Mapping[tuple[RunState, RunState], str]] = {
    (RunState.PENDING, RunState.RUNNING): "run-started",
    (RunState.RUNNING, RunState.PAUSED): "run-state-changed",
    (RunState.PAUSED, RunState.RUNNING): "run-state-changed",
    (RunState.RUNNING, RunState.CANCELLING): "run-state-changed",
    (RunState.PAUSED, RunState.CANCELLING): "run-state-changed",
    (RunState.RUNNING, RunState.COMPLETED): "run-finished",
    (RunState.RUNNING, RunState.FAILED): "run-finished",
    (RunState.RUNNING, RunState.INTERRUPTED): "run-finished",
    (RunState.PAUSED, RunState.INTERRUPTED): "run-finished",
    (RunState.CANCELLING, RunState.CANCELLED): "run-finished",
    (RunState.CANCELLING, RunState.FAILED): "run-finished",
    (RunState.CANCELLING, RunState.INTERRUPTED): "run-finished",
}
