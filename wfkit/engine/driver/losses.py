"""Losses: news of a cluster that are no events of a task: workers that died, refusals, no workers, confirmations."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from wfkit.authoring.secrets import redacted
from wfkit.core.events import AnyEvent, NodeCrashed, NodeFinished, NodeRetrying, RunStateChanged
from wfkit.core.ids import GroupId
from wfkit.core.states import FailureKind, RunState, TaskState
from wfkit.engine.driver import cancelling
from wfkit.engine.driver.group import Node

if TYPE_CHECKING:
    from wfkit.engine.driver.run import Run

_MESSAGE_CHARACTERS: Final = 300


def events_of(run: Run, news: list[Any]) -> Iterator[AnyEvent]:
    """The events that follow from news of the scheduler's plugin."""
    match news:
        case ["cancelled", str(request), [*workers]] if request in run.cancel_requests:
            yield from cancelling.confirmed(run, request, workers)
        case ["held", str(request), [*_]]:
            run.held.add(request)
        case ["gone", str(worker)] if run.state is RunState.CANCELLING:
            yield from cancelling.gone(run, worker)
        case ["granted", [group, index]]:
            run.sender.granted((GroupId(str(group)), int(index)))
        case ["lost", str(worker), str(cause), [*keys]]:
            for key, crashes, condemned in keys:
                yield from _lost(run, str(key), worker, cause, int(crashes), str(condemned))
        case ["stuck", str(what), seconds, count]:
            yield from _stuck(run, what, float(seconds), int(count))
        case ["crashed", str(key), _, str(text), [*workers]]:
            yield from _crashed(run, key, text, [str(worker) for worker in workers])
        case ["refused", [*keys]]:
            yield from _refused(run, [str(key) for key in keys])
        case _:
            return


def _lost(run: Run, key: str, worker: str, cause: str, crashes: int, condemned: str) -> Iterator[AnyEvent]:
    """A worker died while it executed a key: its nodes are executed again elsewhere, or condemned."""
    again = (worker, key) in run.losses  # more has become known of it
    run.losses.add((worker, key))
    for group, index in _open(run, key):
        attempt = max(1, run.view_model.groups[group].attempts[index])
        if condemned:
            kind = FailureKind.MEMORY if condemned == FailureKind.MEMORY else FailureKind.WORKER_LOST
            times = f", for the {crashes}. time" if crashes > 1 else ""
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


def _open(run: Run, key: str) -> list[Node]:
    """The nodes of a Dask key that had begun and have not ended."""
    begun = {TaskState.RUNNING, TaskState.RETRYING, TaskState.PENDING}
    nodes = [node for node in run.nodes_of_key(key) if run.is_open(node)]
    if len(nodes) > 1:
        begun.discard(TaskState.PENDING)  # of a carrier only the element that ran
    return [(group, index) for group, index in nodes if run.view_model.groups[group].state(index) in begun]


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
