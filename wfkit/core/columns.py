"""Columns: how one node's place in the columns of a view is changed; which event holds is the reducer's to say."""

from __future__ import annotations

from math import nan
from typing import Final

from wfkit.core.events import NodeFinished, NodeStarted
from wfkit.core.view import GroupView, RunView

ATTEMPT_SHIFT: Final = 42  #: of the attempt in the keys by which events are weighed
MAX_ATTEMPT: Final = 2**16 - 1  #: that the columns can hold


def enlist(view: RunView, worker: str) -> int:
    """Give a worker a number."""
    number = view.worker_index[worker] = len(view.workers)
    view.workers.append(worker)
    return number


def advance(group: GroupView, index: int, key: int, code: int) -> bool:
    """Move a node on, if nothing later is known of it."""
    if key <= group.progress[index]:
        return False
    group.progress[index] = key
    if group.end_seqs[index] < 0:
        move(group, index, code)
    return True


def move(group: GroupView, index: int, code: int) -> None:
    """Put a node into a state, and count it there."""
    counts = group.counts
    counts[group.states[index]] -= 1
    counts[code] += 1
    group.states[index] = code


def note_start(view: RunView, group: GroupView, event: NodeStarted, known_attempt: int, known_seq: int) -> bool:
    """Keep the start of one of several attempts; what the columns say until now is the start of the attempt before."""
    index = event.index
    starts = group.starts.get(index)
    if starts is None:
        starts = group.starts[index] = {
            known_attempt: (known_seq, group.started_s[index], group.start_workers[index]),
        }
    worker = view.worker_index.get(event.worker)
    if worker is None:
        worker = enlist(view, event.worker)
    attempt = min(event.attempt, MAX_ATTEMPT)
    known = starts.get(attempt)
    if known is None:
        starts[attempt] = (event.seq, event.at_s, worker)
    else:
        seq, at_s, on = known
        starts[attempt] = (
            max(seq, event.seq),
            min(at_s, event.at_s),
            worker if event.seq > seq else on,
        )
    return starts[attempt] != known


def note_wait(group: GroupView, index: int, key: int, at_s: float, *, begins: bool) -> bool:
    """Keep when a node began to wait, or went on."""
    waits = group.waits.setdefault(index, {})
    if key in waits:
        return False
    waits[key] = (at_s, begins)
    return True


def end_on(view: RunView, group: GroupView, index: int, worker_name: str) -> None:
    """Note the worker that an end names; without one it is where the node began."""
    worker = view.worker_index.get(worker_name)
    if worker is None:
        worker = enlist(view, worker_name)
    group.end_workers[index] = worker
    group.worker_of[index] = worker if worker >= 0 else group.start_workers[index]


def note_end(group: GroupView, event: NodeFinished) -> None:
    """Keep what an end brings that most ends do not."""
    index = event.index
    if event.kind is not None:
        group.kinds[index] = event.kind
    if event.reason:
        group.reasons[index] = event.reason
    if event.preview:
        group.previews[index] = event.preview
    if event.length is not None:
        group.lengths[index] = event.length
    if event.inline is not None:
        group.inline[index] = event.inline
    if event.stored:
        group.stored[index] = event.stored
    if event.made_by:
        group.made_by[index] = event.made_by
    if event.memory_bytes:
        group.memory_bytes[index] = event.memory_bytes
    if event.error is not None:
        group.end_errors[index] = (event.attempt, event.error)
        show_errors(group, index)


def forget_end(group: GroupView, index: int) -> None:
    """Take back what a later end has told, because an earlier one has come in."""
    group.wall_s[index] = nan
    group.result_bytes[index] = 0
    facts: dict[int, object]
    for facts in (  # type: ignore[assignment]  # only taken from
        group.kinds,
        group.reasons,
        group.previews,
        group.lengths,
        group.inline,
        group.stored,
        group.made_by,
        group.memory_bytes,
    ):
        facts.pop(index, None)
    if group.end_errors.pop(index, None) is not None:
        show_errors(group, index)


def show_errors(group: GroupView, index: int) -> None:
    """Join the errors of failed attempts with the error of the end, which knows the last attempt best."""
    retries = group.retries.get(index, {})
    errors = {attempt: error for attempt, (_, _, error) in retries.items() if error is not None}
    if (end := group.end_errors.get(index)) is not None:
        errors[end[0]] = end[1]
    if errors:
        group.errors[index] = errors
    else:
        group.errors.pop(index, None)
