"""Stalls: nodes that run on a worker that is not heard of. That is no state: they may go on, or be executed again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wfkit.core.events import WorkersSilent
from wfkit.core.states import CODES, TaskState
from wfkit.core.view import GroupView, RunView

_RUNNING: Final = CODES[TaskState.RUNNING]
_WHY: Final = 'It is frozen or cut off, or a task there holds the GIL; use isolate="process" for such a task.'


def note_silence(view: RunView, event: WorkersSilent) -> None:
    """Take in which workers are not heard of; groups with nodes that run may look another way now."""
    if event.seq <= view.silence_seq:
        return
    view.silence_seq = event.seq
    workers = frozenset(event.workers)
    if workers == view.silent:
        return
    view.silent = workers
    view.version += 1
    for group in view.groups.values():
        if group.counts[_RUNNING]:
            group.changed = view.version


def is_stalled(view: RunView, group: GroupView, index: int) -> bool:
    """Whether a node runs on a worker that is not heard of."""
    if not view.silent or group.states[index] != _RUNNING:
        return False
    worker = group.worker_of[index]
    return worker >= 0 and view.workers[worker] in view.silent


def stalled_in(view: RunView, group: GroupView) -> Iterator[int]:
    """The nodes of a group that are stalled; costs nothing where all workers are heard of."""
    index = group.states.find(_RUNNING) if view.silent else -1
    while index >= 0:
        if is_stalled(view, group, index):
            yield index
        index = group.states.find(_RUNNING, index + 1)


def stalled_count(view: RunView) -> int:
    """How many nodes of a run are stalled."""
    return sum(1 for group in view.groups.values() for _ in stalled_in(view, group))


def why_stalled(view: RunView, group: GroupView, index: int) -> str:
    """Why nothing may come of a node, and what may be done; empty where it is not stalled."""
    if not is_stalled(view, group, index):
        return ""
    return f"nothing is heard of its worker {view.workers[group.worker_of[index]]}. {_WHY}"


def stall_reason(view: RunView, group: GroupView, index: int) -> str:
    """The same as the reason of the node: "stalled: nothing is heard of its worker tcp://…"."""
    why = why_stalled(view, group, index)
    return f"stalled: {why}" if why else ""


def reason_now(view: RunView, group: GroupView, index: int) -> str:
    """Why a node is as it is: how it ended, or is to end; else that it is stalled; else what a rerun does with it."""
    return group.reasons.get(index, "") or stall_reason(view, group, index) or group.reason(index)
