"""Cancelling, and the other news of a cluster that are not events of a task: crashes, refusals, workers gone."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from wfkit.authoring.handle import Ref
from wfkit.core.events import AnyEvent, NodeCrashed, NodeFinished, NodesAdded, RunStateChanged
from wfkit.core.ids import GroupId
from wfkit.core.states import RUN_ENDS, TASK_ENDS, FailureKind, RunState, TaskState
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.live import LiveRun

Node = tuple[GroupId, int]
_MESSAGE_CHARACTERS = 300


def cancel_run(run: LiveRun, reason: str) -> None:
    """Cancel a run: what has not started never will, what runs is waited for."""
    if run.state in RUN_ENDS or run.state is RunState.CANCELLING:
        return
    run.record_events([RunStateChanged(state=RunState.CANCELLING, reason=reason or "cancelled", at_s=time.time())])
    drop_unsubmitted(run, reason or "the run was cancelled")
    _ask(run, None)


def cancel_nodes(run: LiveRun, ref: Ref) -> None:
    """Cancel a node or all nodes of a group; what has started is waited for."""
    if run.state in RUN_ENDS:
        return
    length = run.groups[ref.group].length or 0
    _ask(run, frozenset((ref.group, index) for index in (range(length) if ref.index is None else (ref.index,))))


def _ask(run: LiveRun, nodes: frozenset[Node] | None) -> None:
    """Have all workers refuse to start the nodes; the answer comes as news."""
    run.flush()
    request = secrets.token_hex(8)
    run.cancel_requests[request] = nodes
    run.engine.attend(run.id)
    listed = None if nodes is None else [[group, index] for group, index in sorted(nodes)]
    run.engine.cluster.tell("cancel", run=run.id, request=request, nodes=listed)


def drop_unsubmitted(run: LiveRun, reason: str) -> None:
    """Cancel the calls that were never submitted."""
    waiting = [*run.buffer, *run.deferred]
    run.buffer.clear()
    run.deferred.clear()
    for group in waiting:
        _give_length(run, group)
    nodes = [(group.spec.id, index) for group in waiting for index in range(group.length or 0)]
    run.without_key.update(nodes)
    run.record_events(_cancelled(nodes, reason))


def _give_length(run: LiveRun, group: Group) -> None:
    """A map that will never know its length shows one cancelled element."""
    if group.length is None:
        group.length = 1
        group.spec = replace(group.spec, length=1)
        run.record_events([NodesAdded(groups=(group.spec,), at_s=time.time())])


def open_nodes(run: LiveRun, states: Iterable[TaskState]) -> list[Node]:
    """The nodes that stand in one of these states."""
    wanted = frozenset(states)
    return [
        (group.spec.id, index)
        for group in run.view_model.ordered()
        if group.spec.kind == "task"
        for index in range(len(group))
        if group.state(index) in wanted
    ]


def give_up(run: LiveRun, reason: str) -> None:
    """Cancel everything that has not ended, without asking the cluster."""
    drop_unsubmitted(run, reason)
    run.record_events(_cancelled(open_nodes(run, frozenset(TaskState) - TASK_ENDS), reason))


def events_of(run: LiveRun, news: list[object]) -> Iterator[AnyEvent]:
    """The events that follow from news of the scheduler's plugin."""
    match news:
        case ["cancelled", str(request), [*workers]] if request in run.cancel_requests:
            nodes = run.cancel_requests.pop(request)
            stopped = open_nodes(run, [TaskState.PENDING]) + _begun_where(run, lambda worker: worker not in workers)
            chosen = stopped if nodes is None else [node for node in stopped if node in nodes]
            if nodes is None:
                _drop(run, chosen)
            yield from _cancelled(chosen, run.view_model.reason or "cancelled")
        case ["gone", str(gone)] if run.state is RunState.CANCELLING:
            lost = _begun_where(run, lambda worker: worker == gone)
            _drop(run, lost)
            yield from _cancelled(lost, f"its worker {gone} went away")
        case ["crashed", str(key), str(blamed), str(text), [*workers]]:
            yield from _crashed(run, key, blamed, text, [str(worker) for worker in workers])
        case ["refused", [*keys]]:
            yield from _refused(run, [str(key) for key in keys])
        case _:
            return


def _cancelled(nodes: Iterable[Node], reason: str) -> list[AnyEvent]:
    now_s = time.time()
    return [
        NodeFinished(group=group, index=index, attempt=0, state=TaskState.CANCELLED, reason=reason, at_s=now_s)
        for group, index in nodes
    ]


def _drop(run: LiveRun, nodes: list[Node]) -> None:
    """Have the cluster forget cancelled nodes; what runs there is kept, and its result."""
    run.without_key.update(nodes)
    run.engine.cluster.tell("drop", run=run.id, keys=[run.groups[group].key_of(index) for group, index in nodes])


def _begun_where(run: LiveRun, is_meant: Callable[[str], bool]) -> list[Node]:
    """The nodes that have begun on certain workers and have not ended."""
    view = run.view_model
    return [
        (group, index)
        for group, index in open_nodes(run, [TaskState.RUNNING, TaskState.RETRYING, TaskState.WAITING])
        if (at := view.groups[group].worker_of[index]) >= 0 and is_meant(view.workers[at])
    ]


def _crashed(run: LiveRun, key: str, blamed: str, text: str, workers: list[str]) -> Iterator[AnyEvent]:
    node = run.node_of_key(key)
    if node is None:
        return
    if key != blamed and run.node_of_key(blamed) is not None:
        run.resubmit(node)
        return
    run.without_key.add(node)
    where = f" ({', '.join(workers)})" if workers else ""
    first = text.strip().partition("\n")[0][:_MESSAGE_CHARACTERS]
    yield NodeCrashed(
        group=node[0],
        index=node[1],
        attempt=run.view_model.groups[node[0]].attempts[node[1]],
        kind=FailureKind.WORKER_LOST,
        reason=f"the worker died while it ran{where}: {first}",
        worker=workers[-1] if workers else "",
        at_s=time.time(),
    )


def _refused(run: LiveRun, keys: list[str]) -> Iterator[AnyEvent]:
    for key in keys:
        node = run.node_of_key(key)
        if node is not None:
            run.without_key.add(node)
            yield NodeFinished(
                group=node[0],
                index=node[1],
                attempt=0,
                state=TaskState.FAILED,
                kind=FailureKind.ERROR,
                reason="the Dask scheduler did not accept the task: an input is lost, or it cannot read the graph",
                at_s=time.time(),
            )
