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
        if edge.at is None or edge.at == index:
            for element in _used(view, edge, index):
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
            if edge.group == source and _touches(edge, index):
                for element in _users(user, edge, index):
                    yield user.spec.id, element


def ancestors(view: RunView, group: GroupId, index: int) -> set[Node]:
    """All nodes that this node's value is made from, without itself.

    Raises
    ------
    KeyError : no such group
    """
    shared, own = _by_user(view)

    def inputs(node: Node) -> Iterator[Node]:
        edges = shared.get(node[0], [])
        for edge in (*edges, *own.get(node, ())):
            for element in _used(view, edge, node[1]):
                yield edge.group, element
        edges[:] = [edge for edge in edges if edge.how is How.EACH]  # the others lead all nodes to the same place

    return _reach((view.groups[group].spec.id, index), inputs)


def descendants(view: RunView, group: GroupId, index: int) -> set[Node]:
    """All nodes whose values are made from this node, without itself.

    Raises
    ------
    KeyError : no such group
    """
    whole, single = _by_source(view)

    def users(node: Node) -> Iterator[Node]:
        uses = whole.get(node[0], [])
        for user, edge in (*uses, *single.get(node, ())):
            for element in _users(user, edge, node[1]):
                yield user.spec.id, element
        uses[:] = [use for use in uses if use[1].how is How.EACH]  # the others lead all nodes to the same place

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
        edges = [edge for edge in group.spec.edges if edge.group in failures]
        some_began = bool(edges) and any(_began(group, index) for index in range(len(group)))
        for edge in edges if some_began else ():
            handled.update((edge.group, index) for index in _met(group, edge, failures[edge.group]))
    _pass_on(view, failures, handled)
    return [
        (group.spec.id, index)
        for group in view.ordered()
        if group.spec.kind == "task"
        for index in sorted(failures.get(group.spec.id, ()))
        if (group.spec.id, index) not in handled
    ]


def _met(group: GroupView, edge: Edge, failed: AbstractSet[int]) -> Iterable[int]:
    """Those of the failed elements at the other end of an edge that a node has begun with; some node has begun."""
    if edge.at is not None and not (edge.at < len(group) and _began(group, edge.at)):
        return ()
    known = _known(edge, failed)
    if edge.how is How.EACH and edge.at is None:
        return [index for index in known if index < len(group) and _began(group, index)]
    return known


def _pass_on(view: RunView, failures: Mapping[GroupId, AbstractSet[int]], handled: set[Node]) -> None:
    """Grow `handled` from nodes that only carry a failure to the failures they carry."""
    shared, own = _by_user(view)
    nothing: frozenset[int] = frozenset()
    waiting = list(handled)
    while waiting:
        node = waiting.pop()
        group = view.groups[node[0]]
        carried: list[Node] = []
        if group.states[node[1]] == _UPSTREAM_FAILED_CODE:
            edges = shared.get(node[0], [])
            for edge in (*edges, *own.get(node, ())):
                known = failures.get(edge.group, nothing)
                if edge.how is How.EACH:
                    known = known & {node[1]}
                carried += [(edge.group, element) for element in _known(edge, known)]
            edges[:] = [edge for edge in edges if edge.how is How.EACH]
        elif group.kinds.get(node[1]) is FailureKind.CHILD:
            for child in group.children.get(node[1], ()):
                carried += [(child, element) for element in failures.get(child, ())]
        waiting += set(carried) - handled
        handled.update(carried)


def _any_not_fine(group: GroupView) -> bool:
    return any(group.counts[code] for code in _NOT_FINE_CODES)


def _not_fine(group: GroupView) -> frozenset[int]:
    return frozenset(index for index, code in enumerate(group.states) if code in _NOT_FINE_CODES)


def _began(group: GroupView, index: int) -> bool:
    """Whether the node's body has met its inputs, in this run or in the one it is reused from."""
    code = group.states[index]
    return code == _REUSED_CODE or (group.attempts[index] > 0 and code != _UPSTREAM_FAILED_CODE)


def _single(edge: Edge) -> int | None:
    """The one element that an edge uses, or None where it uses several."""
    return edge.index if edge.how is How.ONE else edge.at if edge.how is How.EACH else None


def _touches(edge: Edge, index: int) -> bool:
    return _single(edge) in {None, index}


def _known(edge: Edge, failed: AbstractSet[int]) -> AbstractSet[int]:
    """Those of the failed elements that an edge uses."""
    single = _single(edge)
    return failed if single is None else failed & {single}


def _used(view: RunView, edge: Edge, index: int) -> Iterable[int]:
    """Elements that node `index`, which has this edge, uses by it; only those that are known yet."""
    source = view.groups.get(edge.group)
    length = 0 if source is None else len(source)
    if edge.how is How.ALL:
        return range(length)
    element = index if edge.how is How.EACH else edge.index
    return (element,) if element < length else ()


def _users(user: GroupView, edge: Edge, index: int) -> Iterable[int]:
    """Elements of a using group that use element `index`, which this edge touches."""
    if edge.at is None and edge.how is not How.EACH:
        return range(len(user))
    element = index if edge.at is None else edge.at
    return (element,) if element < len(user) else ()


def _by_user(view: RunView) -> tuple[dict[GroupId, list[Edge]], dict[Node, list[Edge]]]:
    """Sort edges by who has them: all nodes of a group, or a single node."""
    shared: dict[GroupId, list[Edge]] = {}
    own: dict[Node, list[Edge]] = {}
    for group_id, group in view.groups.items():
        for edge in group.spec.edges:
            if edge.at is None:
                shared.setdefault(group_id, []).append(edge)
            else:
                own.setdefault((group_id, edge.at), []).append(edge)
    return shared, own


def _by_source(view: RunView) -> tuple[dict[GroupId, list[_Use]], dict[Node, list[_Use]]]:
    """Sort edges by what they use: elements of a whole group, or a single node."""
    whole: dict[GroupId, list[_Use]] = {}
    single: dict[Node, list[_Use]] = {}
    for user in view.groups.values():
        for edge in user.spec.edges:
            element = _single(edge)
            if element is None:
                whole.setdefault(edge.group, []).append((user, edge))
            else:
                single.setdefault((edge.group, element), []).append((user, edge))
    return whole, single


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
