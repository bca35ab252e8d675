"""The graph: who feeds whom, and which failures nobody handled. Questions to a view, answered from its edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from wfkit.core.events import Edge, How
from wfkit.core.ids import GroupId
from wfkit.core.states import CODES, FINE, TASK_ENDS, FailureKind, TaskState
from wfkit.core.view import GroupView, RunView

#: A node: its group and its index there.
Node = tuple[GroupId, int]
#: An edge and the group it leads to.
_Use = tuple[GroupView, Edge]

_NOT_FINE_CODES: Final = frozenset(CODES[state] for state in TASK_ENDS - FINE)
_UPSTREAM_FAILED_CODE: Final = CODES[TaskState.UPSTREAM_FAILED]
_REUSED_CODE: Final = CODES[TaskState.REUSED]


def upstream(view: RunView, group: GroupId, index: int) -> Iterator[Node]:
    """Nodes whose values this node uses, in the order of its edges; a node used twice comes twice.

    Raises
    ------
    KeyError : no such group
    """
    for edge in view.groups[group].spec.edges:
        for element in _elements(view, edge, index):
            yield edge.group, element


def downstream(view: RunView, group: GroupId, index: int) -> Iterator[Node]:
    """Nodes that use the value of this node.

    Raises
    ------
    KeyError : no such group
    """
    return _users(_uses(view), view.groups[group], index)


def ancestors(view: RunView, group: GroupId, index: int) -> set[Node]:
    """All nodes that this node's value is made from, without itself.

    Raises
    ------
    KeyError : no such group
    """
    spread: set[tuple[GroupId, Edge]] = set()

    def inputs(node: Node) -> Iterator[Node]:
        for edge in view.groups[node[0]].spec.edges:
            if edge.how is not How.EACH:  # the same elements for all nodes of the group: go there once
                if (node[0], edge) in spread:
                    continue
                spread.add((node[0], edge))
            for element in _elements(view, edge, node[1]):
                yield edge.group, element

    return _reach((view.groups[group].spec.id, index), inputs)


def descendants(view: RunView, group: GroupId, index: int) -> set[Node]:
    """All nodes whose values are made from this node, without itself.

    Raises
    ------
    KeyError : no such group
    """
    uses = _uses(view)
    spread: set[tuple[GroupId, Edge]] = set()

    def users(node: Node) -> Iterator[Node]:
        for user, edge in uses.get(node[0], ()):
            if edge.how is not How.EACH and _touches(edge, node[1]):  # every node of the user: go there once
                if (user.spec.id, edge) in spread:
                    continue
                spread.add((user.spec.id, edge))
            for element in _using(user, edge, node[1]):
                yield user.spec.id, element

    return _reach((view.groups[group].spec.id, index), users)


def unhandled(view: RunView, looked_at: AbstractSet[Node]) -> list[Node]:
    """Failures that fail the run: nodes that ended not fine and that nobody handled.

    Parameters
    ----------
    view : RunView
        A run; nodes that have not ended are no failures.
    looked_at : set of (group id, index)
        Nodes whose `.result()` or `.exception()` the flow's body asked for.

    Returns
    -------
    list of (group id, index), in order of creation: FAILED, UPSTREAM_FAILED, CRASHED and CANCELLED nodes of tasks.

    Notes
    -----
    A failure is handled if the body looked at it; if a node that began (or was reused) has it as input; if a node that
    is UPSTREAM_FAILED because of it is handled; or if it made the node that returned it FAILED (kind: child) and that
    node is handled.
    """
    failures = {group.spec.id: _not_fine(group) for group in view.groups.values() if _any_not_fine(group)}
    handled: set[Node] = {node for node in looked_at if node[1] in failures.get(node[0], ())}
    for group in view.groups.values():
        for edge in group.spec.edges:
            if edge.group in failures:
                handled.update((edge.group, index) for index in _met(group, edge, failures[edge.group]))
    _pass_on(view, failures, handled)
    return [
        (group.spec.id, index)
        for group in view.ordered()
        if group.spec.kind == "task"
        for index in sorted(failures.get(group.spec.id, ()))
        if (group.spec.id, index) not in handled
    ]


def _pass_on(view: RunView, failures: Mapping[GroupId, AbstractSet[int]], handled: set[Node]) -> None:
    """Grow `handled` from nodes that only carry a failure to the failures they carry."""
    waiting = list(handled)
    spread: set[tuple[GroupId, Edge]] = set()
    while waiting:
        group_id, index = waiting.pop()
        group = view.groups[group_id]
        carried: list[Node] = []
        if group.states[index] == _UPSTREAM_FAILED_CODE:
            for edge in group.spec.edges:
                known = failures.get(edge.group, frozenset())
                if edge.how is How.EACH:
                    carried += [(edge.group, index)] if index in known else []
                elif (group_id, edge) not in spread:
                    spread.add((group_id, edge))
                    carried += [(edge.group, element) for element in known if _touches(edge, element)]
        elif group.kinds.get(index) is FailureKind.CHILD:
            for child in group.children.get(index, ()):
                carried += [(child, element) for element in failures.get(child, ())]
        for node in carried:
            if node not in handled:
                handled.add(node)
                waiting.append(node)


def _any_not_fine(group: GroupView) -> bool:
    return any(group.counts[code] for code in _NOT_FINE_CODES)


def _not_fine(group: GroupView) -> frozenset[int]:
    return frozenset(index for index, code in enumerate(group.states) if code in _NOT_FINE_CODES)


def _began(group: GroupView, index: int) -> bool:
    """Whether the node's body has met its inputs, in this run or in the one it is reused from."""
    code = group.states[index]
    return code == _REUSED_CODE or (group.attempts[index] > 0 and code != _UPSTREAM_FAILED_CODE)


def _met(group: GroupView, edge: Edge, failed: AbstractSet[int]) -> Iterable[int]:
    """Those of the failed elements at the other end of an edge that a node of the group has begun with."""
    if edge.how is How.EACH:
        return [index for index in failed if index < len(group) and _began(group, index)]
    touched = [index for index in failed if _touches(edge, index)]
    if touched and any(_began(group, index) for index in range(len(group))):
        return touched
    return ()


def _touches(edge: Edge, index: int) -> bool:
    return edge.how is not How.ONE or edge.index == index


def _elements(view: RunView, edge: Edge, index: int) -> Iterable[int]:
    """Elements at the other end of an edge that node `index` uses; only those that are known yet."""
    source = view.groups.get(edge.group)
    length = 0 if source is None else len(source)
    if edge.how is How.ALL:
        return range(length)
    element = index if edge.how is How.EACH else edge.index
    return (element,) if element < length else ()


def _using(user: GroupView, edge: Edge, index: int) -> Iterable[int]:
    """Elements of a using group that use element `index` by this edge."""
    if edge.how is How.EACH:
        return (index,) if index < len(user) else ()
    return range(len(user)) if _touches(edge, index) else ()


def _uses(view: RunView) -> dict[GroupId, list[_Use]]:
    """Edges by the group they start from."""
    uses: dict[GroupId, list[_Use]] = {}
    for group in view.ordered():
        for edge in group.spec.edges:
            uses.setdefault(edge.group, []).append((group, edge))
    return uses


def _users(uses: Mapping[GroupId, list[_Use]], group: GroupView, index: int) -> Iterator[Node]:
    for user, edge in uses.get(group.spec.id, ()):
        for element in _using(user, edge, index):
            yield user.spec.id, element


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
