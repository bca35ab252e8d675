"""Cancelling and pausing: what has not begun never will, or not before `resume()`; what runs is told to stop."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wfkit.authoring.handle import Ref
from wfkit.core.events import AnyEvent, NodeCrashed, NodeFinished, NodesAdded, RunStateChanged
from wfkit.core.ids import GroupId
from wfkit.core.states import FINE, RUN_ENDS, TASK_ENDS, RunState, TaskState
from wfkit.engine.driver.group import UNSENT, Group, Node

if TYPE_CHECKING:
    from wfkit.engine.driver.growing import GrowingRun
    from wfkit.engine.driver.run import Run

#: What a cancelled run, and a node that was cancelled with it, say where nobody gave a reason.
_NO_REASON: Final = "cancelled"
_WITH_ITS_RUN: Final = "the run was cancelled"
#: Workers confirm that they hold a run within this time, or `pause()` returns without.
_CONFIRM_S: Final = 5.0


def cancel_run(run: Run, reason: str) -> None:
    """Cancel a run: what has not started never will, what runs is stopped where Python can be, and waited for."""
    if run.state in RUN_ENDS or run.state is RunState.CANCELLING:
        return
    run.record_events([RunStateChanged(state=RunState.CANCELLING, reason=reason or _NO_REASON, at_s=time.time())])
    drop_unsent(run, reason or _WITH_ITS_RUN)
    _ask(run, None)


def cancel_nodes(run: GrowingRun, ref: Ref) -> None:
    """Cancel a node, all nodes of a group, or all that a flow's group holds; and what they have spawned."""
    with run.lock:
        if run.state not in RUN_ENDS:
            _cancel(run, *_meant(run, ref))
    run.engine.flush_soon(run.id)  # what stood behind them has its inputs now


def cancel_children(run: GrowingRun, ends: Iterable[NodeFinished | NodeCrashed]) -> None:
    """Cancel what parents have spawned that ended without a value, where they do not say otherwise."""
    names: set[GroupId] = set()
    for event in ends:
        if isinstance(event, NodeFinished) and event.state in FINE:
            continue
        if run.groups[event.group].options.on_parent_failure == "cancel":
            children = run.children.get((event.group, event.index), ())
            names.update(name for name in children if run.groups[name].options.on_parent_failure == "cancel")
    if names:
        _cancel(run, names, (), "its parent has failed or was cancelled")


def cancel_new(run: GrowingRun, nodes: Collection[Node]) -> None:
    """Cancel nodes that were cancelled before they came to be."""
    _cancel(run, (), nodes)


def _cancel(run: GrowingRun, names: Collection[GroupId], nodes: Collection[Node], reason: str = _NO_REASON) -> None:
    """Cancel whole groups, and single nodes of others."""
    for group in [one for one in run.deferred if one.spec.id in names]:
        if group.root is not None:
            run.cut_short.add((group.spec.id, None))
        else:
            run.deferred.remove(group)
            _give_length(run, group)
    meant = {*nodes, *_nodes(run, names)}
    unknown = {(name, index) for name, index in meant if index >= len(run.groups[name].status)}
    run.cut_short |= unknown
    opened = [node for node in meant - unknown if run.is_open(node)]
    unsent = [node for node in opened if run.groups[node[0]].status[node[1]] == UNSENT]
    run.without_key.update(unsent)
    run.record_events(_cancelled(unsent, reason))
    if sent := frozenset(node for node in opened if run.is_open(node)):
        _ask(run, sent)


def _meant(run: GrowingRun, ref: Ref) -> tuple[set[GroupId], list[Node]]:
    """The groups and the nodes behind a handle, with all that descend from them."""
    names: set[GroupId] = set()
    nodes: list[Node] = []
    if ref.group not in run.groups or ref.group in run.flattened:
        names.update(run.members(ref.group))
    elif ref.index is None:
        names.add(ref.group)
    else:
        nodes.append((ref.group, ref.index))
    parents = [*nodes, *_nodes(run, names)]
    while parents:
        children = [name for node in parents for name in run.children.get(node, ())]
        names.update(children)
        parents = _nodes(run, children)
    return names, nodes


def _nodes(run: GrowingRun, names: Iterable[GroupId]) -> list[Node]:
    return [(name, index) for name in names for index in range(len(run.groups[name].status))]


def _ask(run: GrowingRun, nodes: frozenset[Node] | None) -> None:
    """Have all workers refuse to start the nodes, and stop those that run; the answer comes as news."""
    request = secrets.token_hex(8)
    run.cancel_requests[request] = nodes
    run.engine.attend(run.id)
    listed = None if nodes is None else [[group, index] for group, index in sorted(nodes)]
    run.engine.cluster.tell("cancel", run=run.id, request=request, nodes=listed)


def confirmed(run: Run, request: str, workers: Collection[object]) -> list[AnyEvent]:
    """All workers refuse to start nodes: those that have not begun are cancelled now."""
    nodes = run.cancel_requests.pop(request)
    stopped = open_nodes(run, [TaskState.PENDING]) + begun_where(run, lambda worker: worker not in workers)
    stopped += [node for node in open_nodes(run, [TaskState.WAITING, TaskState.RETRYING]) if is_ours(run, node)]
    chosen = list(dict.fromkeys(stopped if nodes is None else [node for node in stopped if node in nodes]))
    drop(run, chosen if nodes is None else [node for node in chosen if node in run.promises])
    why = run.view_model.reason or _NO_REASON
    return _cancelled(chosen, _WITH_ITS_RUN if nodes is None and why == _NO_REASON else why)


def is_ours(run: GrowingRun, node: Node) -> bool:
    """Whether no worker executes the body of a node that has begun: it waits here, or for its children."""
    group = run.groups[node[0]]
    return node in run.promises or group.status[node[1]] == UNSENT


def drop_unsent(run: GrowingRun, reason: str) -> None:
    """Cancel the calls that the cluster does not have."""
    for group in run.deferred:
        _give_length(run, group)
    run.deferred.clear()
    for flattened in run.flattened.values():
        flattened.complete = True
    nodes = run.sender.drop()
    run.without_key.update(nodes)
    run.record_events(_cancelled(nodes, reason))


def _give_length(run: GrowingRun, group: Group) -> None:
    """A call that will not be laid out, or not to its end, shows one cancelled element in place of those unknown."""
    group.length = group.length or len(group.status) + 1
    group.root = None
    run.sender.open += len(group.grow(group.length))
    group.spec = replace(group.spec, length=group.length)
    run.record_events([NodesAdded(groups=(group.spec,), at_s=time.time())])


def open_nodes(run: GrowingRun, states: Iterable[TaskState]) -> list[Node]:
    """The nodes that stand in one of these states."""
    wanted = frozenset(states)
    return [
        (group.spec.id, index)
        for group in run.view_model.ordered()
        if group.spec.kind == "task"
        for index in range(len(group))
        if group.state(index) in wanted
    ]


def give_up(run: Run, reason: str) -> None:
    """Cancel everything that has not ended, without asking the cluster."""
    drop_unsent(run, reason)
    run.record_events(_cancelled(open_nodes(run, frozenset(TaskState) - TASK_ENDS), reason))


def gone(run: Run, worker: str) -> list[AnyEvent]:
    """A worker went away while the run cancels: what it ran is over."""
    lost = begun_where(run, lambda one: one == worker)
    drop(run, lost)
    return _cancelled(lost, f"its worker {worker} went away")


def _cancelled(nodes: Iterable[Node], reason: str) -> list[AnyEvent]:
    now_s = time.time()
    return [
        NodeFinished(group=group, index=index, attempt=0, state=TaskState.CANCELLED, reason=reason, at_s=now_s)
        for group, index in nodes
    ]


def drop(run: GrowingRun, nodes: Collection[Node]) -> None:
    """Have the cluster forget cancelled nodes; a carrier goes with its last element."""
    run.without_key.update(nodes)
    chosen = set(nodes)
    keys: dict[str, None] = {}
    for name, index in nodes:
        group = run.groups[name]
        carrier = group.carrier_of[index]
        if carrier < 0 or all((name, other) in chosen for other in group.carriers[carrier]):
            keys[group.where(index)[0]] = None
    if keys:
        run.engine.cluster.tell("drop", run=run.id, keys=list(keys))


def begun_where(run: GrowingRun, is_meant: Callable[[str], bool]) -> list[Node]:
    """The nodes that have begun on certain workers and have not ended."""
    view = run.view_model
    return [
        (group, index)
        for group, index in open_nodes(run, [TaskState.RUNNING, TaskState.RETRYING, TaskState.WAITING])
        if (at := view.groups[group].worker_of[index]) >= 0 and is_meant(view.workers[at])
    ]


# Pausing


def pause(run: Run) -> None:
    """Start nothing more. What the workers would begin comes back, and waits here."""
    with run.lock:
        if run.state is not RunState.RUNNING:
            return
        run.record_events([RunStateChanged(state=RunState.PAUSED, reason="paused", at_s=time.time())])
        request = _tell_hold(run, paused=True)
    run.until(lambda: request in run.held, _CONFIRM_S)


def resume(run: Run) -> None:
    """Go on."""
    with run.lock:
        if run.state is not RunState.PAUSED:
            return
        _tell_hold(run, paused=False)
        run.record_events([RunStateChanged(state=RunState.RUNNING, at_s=time.time())])
        run.flush()


def _tell_hold(run: Run, *, paused: bool) -> str:
    request = secrets.token_hex(8)
    run.engine.attend(run.id)
    run.engine.cluster.tell("hold", run=run.id, request=request, paused=paused)
    return request
