"""Losses: news of a cluster that are no events of a task: workers that died, refusals, no workers, confirmations."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from wfkit.authoring.secrets import redacted
from wfkit.core import wire
from wfkit.core.events import (
    AnyEvent,
    LogLines,
    NodeCrashed,
    NodeFinished,
    NodeRetrying,
    RunStateChanged,
    WorkersSilent,
)
from wfkit.core.ids import GroupId
from wfkit.core.states import RUN_ENDS, FailureKind, RunState, TaskState
from wfkit.engine.driver import cancelling
from wfkit.engine.driver.group import Node
from wfkit.engine.worker.side import LAST_WRITES_S

if TYPE_CHECKING:
    from wfkit.engine.driver.run import Run

_MESSAGE_CHARACTERS: Final = 300
_NAMED: Final = 3  #: workers in a line
#: A worker that was closed by somebody's will tells what it still writes for so long after it is gone.
_LAST_NEWS_S: Final = LAST_WRITES_S + 2


def events_of(run: Run, news: list[Any]) -> Iterator[AnyEvent]:
    """The events that follow from news of the scheduler's plugin."""
    match news:
        case ["cancelled", str(request), [*workers]] if request in run.cancel_requests:
            yield from cancelling.confirmed(run, request, workers)
        case ["held", str(request), [*_]]:
            run.held.add(request)
        case ["gone", str(worker)]:
            yield from _gone(run, worker)
        case ["found", str(worker), [*keys]]:
            yield from _never_written(run, worker, [str(key) for key in keys])
        case ["granted", [group, index]]:
            run.sender.granted((GroupId(str(group)), int(index)))
        case ["lost", str(worker), str(cause), [*keys]]:
            for key, crashes, condemned in keys:
                yield from _lost(run, str(key), worker, cause, int(crashes), str(condemned))
        case ["silent", [*workers]]:
            yield from _silent(run, [str(worker) for worker in workers])
        case ["stuck", str(what), seconds, count]:
            yield from _stuck(run, what, float(seconds), int(count))
        case ["crashed", str(key), _, str(text), [*workers]]:
            yield from _crashed(run, key, text, [str(worker) for worker in workers])
        case ["refused", [*keys]]:
            yield from _refused(run, [str(key) for key in keys])
        case _:
            return


def counts_late(event: AnyEvent) -> bool:
    """Whether an event counts though its worker was gone before it told it: Dask has others execute what was open.

    Values do, which it may have come to write only now.
    """
    if isinstance(event, NodeFinished):
        return event.state not in {TaskState.FAILED, TaskState.SKIPPED}
    return isinstance(event, LogLines)


def _lost(run: Run, key: str, worker: str, cause: str, crashes: int, condemned: str) -> Iterator[AnyEvent]:
    """A worker died while it executed a key: its nodes are executed again elsewhere, or condemned."""
    again = (worker, key) in run.losses  # more has become known of it
    run.losses.add((worker, key))
    for group, index in _open(run, key, condemned=bool(condemned)):
        total = run.groups[group].past_of(index).crashes + crashes
        attempt = max(total, _lost_attempt(run, group, index))
        if condemned:
            kind = FailureKind.MEMORY if condemned == FailureKind.MEMORY else FailureKind.WORKER_LOST
            times = f", for the {total}. time" if total > 1 else ""
            yield NodeCrashed(
                group=group,
                index=index,
                attempt=attempt,
                kind=kind,
                reason=f"its worker {worker} was lost while it ran{times}: {cause}",
                worker=worker,
                at_s=time.time(),
            )
        elif not again:
            yield NodeRetrying(
                group=group,
                index=index,
                attempt=attempt,
                delay_s=0.0,
                error=None,
                at_s=time.time(),
                cause=f"its worker {worker} was lost: {cause}",
            )


def _lost_attempt(run: Run, group: GroupId, index: int) -> int:
    """The attempt that was lost; the news of its start may have died with the worker."""
    before, view = run.groups[group].past_of(index).attempts, run.view_model.groups[group]
    if index in run.groups[group].assemblies:  # it belongs to the attempt that returned handles
        return max(before, view.attempts[index])
    failed = [attempt for attempt, (*_, error) in view.retries.get(index, {}).items() if error is not None]
    return max(view.attempts[index], *(attempt + 1 for attempt in (before, *failed)))


def _gone(run: Run, worker: str) -> Iterator[AnyEvent]:
    if run.state is RunState.CANCELLING:
        yield from cancelling.gone(run, worker)
    elif run.unwritten:
        run.engine.call_later(run, _LAST_NEWS_S, lambda: _find(run, worker))


def _find(run: Run, worker: str) -> None:
    """Ask which of the values that a lost worker was writing others have; the rest is made again, and told then."""
    with run.lock:
        keys = {run.groups[group].where(index)[0]: None for group, index in _unwritten(run, worker)}
    if keys:
        run.engine.cluster.tell("find", run=run.id, worker=worker, keys=list(keys))


def _unwritten(run: Run, worker: str) -> dict[Node, NodeFinished]:
    """The ends that a worker has not told, because it did not come to write the values."""
    told = {node: cast("NodeFinished", wire.decode(end)) for node, end in run.unwritten.items()}
    return {node: end for node, end in told.items() if end.worker == worker and run.is_open(node)}


def _never_written(run: Run, worker: str, keys: list[str]) -> Iterator[AnyEvent]:
    """Other workers have values that a lost one did not come to write: the nodes are done all the same."""
    there = {node for key in keys for node in run.nodes_of_key(key)}
    reason = f"in cluster memory only: its worker {worker} was lost while it wrote the result"
    yield from (replace(end, reason=reason) for node, end in _unwritten(run, worker).items() if node in there)


def _open(run: Run, key: str, *, condemned: bool) -> list[Node]:
    """The nodes of a Dask key that had begun and have not ended."""
    begun = {TaskState.RUNNING, TaskState.RETRYING, TaskState.PENDING}
    if condemned:
        begun.add(TaskState.WAITING)  # the news that it went on died with its worker, or it is an assembly
    nodes = [node for node in run.nodes_of_key(key) if run.is_open(node)]
    if len(nodes) > 1:
        begun.discard(TaskState.PENDING)  # of a carrier only the element that ran
    return [(group, index) for group, index in nodes if run.view_model.groups[group].state(index) in begun]


def _silent(run: Run, workers: list[str]) -> Iterator[AnyEvent]:
    """Workers that execute nodes of the run are not heard of; none: all are, again."""
    if run.state in RUN_ENDS:
        return
    yield WorkersSilent(workers=tuple(workers), at_s=time.time())
    if run.state is RunState.RUNNING and not run.stuck:
        named = f"{', '.join(workers[:_NAMED])}{f' and {len(workers) - _NAMED} more' if len(workers) > _NAMED else ''}"
        reason = f"stalled: nothing is heard of {named}, where tasks run" if workers else ""
        yield RunStateChanged(state=RunState.RUNNING, reason=reason, at_s=time.time())


def _stuck(run: Run, what: str, seconds: float, count: int) -> Iterator[AnyEvent]:
    if run.state is not RunState.RUNNING:
        return
    run.stuck = what
    left_s = run.engine.no_workers_timeout_s - seconds
    if not what:
        yield RunStateChanged(state=RunState.RUNNING, at_s=time.time())
    elif left_s <= 0:
        run.lose_cluster(f"{what} for {seconds:.0f} s")
    else:
        if math.isfinite(left_s):
            run.engine.call_later(run, left_s, lambda: _give_up(run, what))
        waiting = f"{count} task{'s wait' if count > 1 else ' waits'}"
        yield RunStateChanged(state=RunState.RUNNING, reason=f"{what} for {seconds:.0f} s, {waiting}", at_s=time.time())


def _give_up(run: Run, what: str) -> None:
    if run.stuck == what and run.state is RunState.RUNNING:
        run.lose_cluster(f"{what} for {run.engine.no_workers_timeout_s:.0f} s")


def _crashed(run: Run, key: str, text: str, workers: list[str]) -> Iterator[AnyEvent]:
    """Dask itself gave a key up."""
    where = f" ({', '.join(workers)})" if workers else ""
    first = redacted(text).strip().partition("\n")[0][:_MESSAGE_CHARACTERS]
    for group, index in [node for node in run.nodes_of_key(key) if run.is_open(node)]:
        run.without_key.add((group, index))
        yield NodeCrashed(
            group=group,
            index=index,
            attempt=run.view_model.groups[group].attempts[index],
            kind=FailureKind.WORKER_LOST,
            reason=f"Dask gave it up{where}: {first}",
            worker=workers[-1] if workers else "",
            at_s=time.time(),
        )


def _refused(run: Run, keys: list[str]) -> Iterator[AnyEvent]:
    for key in keys:
        for group, index in [node for node in run.nodes_of_key(key) if run.is_open(node)]:
            run.without_key.add((group, index))
            yield NodeFinished(
                group=group,
                index=index,
                attempt=0,
                state=TaskState.FAILED,
                kind=FailureKind.ERROR,
                reason="the Dask scheduler did not accept the task: an input is lost, or it cannot read the graph",
                at_s=time.time(),
            )
