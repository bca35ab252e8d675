"""The graph: who feeds whom, and which failures nobody handled. Questions to a view, answered from its edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from wfkit.core import edges as joins
from wfkit.core.anew import superseded
from wfkit.core.edges import Node
from wfkit.core.events import Edge, How
from wfkit.core.ids import GroupId, spawner, spawners
from wfkit.core.states import CODES, FINE, TASK_ENDS, FailureKind, TaskState
from wfkit.core.view import GroupView, RunView

_NOT_FINE_CODES: Final = frozenset(CODES[state] for state in TASK_ENDS - FINE)
_UPSTREAM_FAILED_CODE: Final = CODES[TaskState.UPSTREAM_FAILED]
_CANCELLED_CODE: Final = CODES[TaskState.CANCELLED]
_REUSED_CODE: Final = CODES[TaskState.REUSED]


def upstream(view: RunView, group: GroupId, index: int) -> Iterator[Node]:
    """Nodes whose values this node uses, in the order of its edges; a node used twice comes twice.

    Raises
    ------
    KeyError : no such group
    """
    user = view.groups[group]
    for edge in user.spec.edges:
        if edge.at is None or edge.at == index:
            for element in joins.used(view, user, edge, index):
                yield edge.group, element


def downstream(view: RunView, group: GroupId, index: int) -> Iterator[Node]:
    """Nodes that use the value of this node, in order of creation.

    Raises
    ------
    KeyError : no such group
    """
    source = view.groups[group].spec.id
    for user in view.ordered():
        for edge in user.spec.edges:
            if edge.group == source and joins.touches(edge, index):
                for element in joins.users(view, user, edge, index):
                    yield user.spec.id, element


def ancestors(view: RunView, group: GroupId, index: int) -> set[Node]:
    """All nodes that this node's value is made from, without itself.

    Raises
    ------
    KeyError : no such group
    """
    start = view.groups[group].spec.id, index
    shared, own = joins.by_user({group_id: one.spec.edges for group_id, one in view.groups.items()})

    def inputs(node: Node) -> Iterator[Node]:
        edges = shared.get(node[0], [])
        if not edges and node not in own:
            return
        user = view.groups[node[0]]
        for edge in (*edges, *own.get(node, ())):
            for element in joins.used(view, user, edge, node[1]):
                yield edge.group, element
        edges[:] = [edge for edge in edges if joins.differs(view, user, edge)]  # once is enough for the others

    return _reach(start, inputs)


def descendants(view: RunView, group: GroupId, index: int) -> set[Node]:
    """All nodes whose values are made from this node, without itself.

    Raises
    ------
    KeyError : no such group
    """
    whole, alone = joins.by_source(view)

    def users(node: Node) -> Iterator[Node]:
        uses = whole.get(node[0], [])
        for user, edge in (*uses, *alone.get(node, ())):
            for element in joins.users(view, user, edge, node[1]):
                yield user.spec.id, element
        uses[:] = [(user, edge) for user, edge in uses if joins.differs(view, user, edge)]

    return _reach((view.groups[group].spec.id, index), users)


def unhandled(view: RunView, looked_at: AbstractSet[Node]) -> list[Node]:
    """Failures that fail the run: nodes that ended not fine and that nobody handled.

    Parameters
    ----------
    view : RunView
        A run; nodes that have not ended are no failures.
    looked_at : set of (group id, index)
        Nodes whose `.result()` or `.exception()` a body asked for: the flow's, or that of the task that spawned them.

    Returns
    -------
    list of (group id, index), in order of creation: FAILED, UPSTREAM_FAILED, CRASHED and CANCELLED nodes of tasks.

    Notes
    -----
    A failure is handled if a body looked at it; if a node that began (or was reused) has it as input; if a node that is
    UPSTREAM_FAILED because of it is handled; if it made the node that returned it FAILED (kind: child) and that node
    is handled; or if the node whose body spawned it is not fine either, and is handled. A failed part of a flatten is
    an input of those who take the flatten, or a map over it, whole. What was cancelled with a node that it descends
    from is not listed: the failure of that node stands for it. Nor is what a body made in an earlier attempt and made
    anew in a later one.
    """
    failures = {group.spec.id: _not_fine(group) for group in view.groups.values() if _any_not_fine(group)}
    if failures:
        for group_id in superseded(view.groups):
            failures.pop(group_id, None)
    if not failures:
        return []
    inputs = {
        group_id: found
        for group_id, edges in joins.through_flattens(view).items()
        if (found := [edge for edge in edges if edge.group in failures])
    }
    handled: set[Node] = {node for node in looked_at if node[1] in failures.get(node[0], ())}
    for group_id, edges in inputs.items():
        group = view.groups[group_id]
        if any(_began(group, index) for index in range(len(group))):
            for edge in edges:
                handled.update((edge.group, index) for index in _met(group, edge, failures[edge.group]))
    _pass_on(view, failures, inputs, handled)
    return [
        (group.spec.id, index)
        for group in view.ordered()
        if group.spec.kind == "task"
        for index in _counting(view, group, failures.get(group.spec.id, frozenset()))
        if (group.spec.id, index) not in handled
    ]


def _counting(view: RunView, group: GroupView, failed: AbstractSet[int]) -> list[int]:
    """Those of the failed elements that count by themselves, in order."""
    if not group.counts[_CANCELLED_CODE] or not any(_is_not_fine(view, node) for node in spawners(group.spec.id)):
        return sorted(failed)
    return [index for index in sorted(failed) if group.states[index] != _CANCELLED_CODE]


def _met(group: GroupView, edge: Edge, failed: AbstractSet[int]) -> Iterable[int]:
    """Those of the failed elements at the other end of an edge that a node has begun with; some node has begun."""
    if edge.at is not None and not (edge.at < len(group) and _began(group, edge.at)):
        return ()
    known = joins.known(edge, failed)
    if edge.how is How.EACH and edge.at is None:
        return [index for index in known if index < len(group) and _began(group, index)]
    return known


def _pass_on(
    view: RunView,
    failures: Mapping[GroupId, AbstractSet[int]],
    inputs: Mapping[GroupId, list[Edge]],
    handled: set[Node],
) -> None:
    """Grow `handled` from nodes that only carry a failure to the failures they carry."""
    shared, own = joins.by_user(inputs)
    spawned: dict[Node, list[GroupId]] = {}
    for group_id in failures:
        if (parent := spawner(group_id)) is not None:
            spawned.setdefault(parent, []).append(group_id)
    waiting = list(handled)
    while waiting:
        node = waiting.pop()
        group = view.groups[node[0]]
        children = spawned.get(node, [])
        carried: list[Node] = []
        if group.states[node[1]] == _UPSTREAM_FAILED_CODE:
            edges = shared.get(node[0], [])
            for edge in (*edges, *own.get(node, ())):
                known = failures[edge.group]
                if edge.how is How.EACH:
                    known = known & {node[1]}
                carried += [(edge.group, element) for element in joins.known(edge, known)]
            edges[:] = [edge for edge in edges if edge.how is How.EACH]
        elif group.kinds.get(node[1]) is FailureKind.CHILD:
            children = [*children, *group.children.get(node[1], ())]
        carried += [(child, element) for child in children for element in failures.get(child, ())]
        waiting += set(carried) - handled
        handled.update(carried)


def _is_not_fine(view: RunView, node: Node) -> bool:
    group = view.groups.get(node[0])
    return group is not None and node[1] < len(group) and group.states[node[1]] in _NOT_FINE_CODES


def _any_not_fine(group: GroupView) -> bool:
    return any(group.counts[code] for code in _NOT_FINE_CODES)


def _not_fine(group: GroupView) -> frozenset[int]:
    return frozenset(index for index, code in enumerate(group.states) if code in _NOT_FINE_CODES)


def _began(group: GroupView, index: int) -> bool:
    """Whether the node's body has met its inputs, in this run or in the one it is reused from."""
    code = group.states[index]
    return code == _REUSED_CODE or (group.attempts[index] > 0 and code != _UPSTREAM_FAILED_CODE)


def _reach(start: Node, step: Callable[[Node], Iterable[Node]]) -> set[Node]:
    found: set[Node] = set()
    waiting = [start]
    while waiting:
        for node in step(waiting.pop()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    found.discard(start)
    return found
