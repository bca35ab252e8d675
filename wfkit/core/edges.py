"""Edges: which elements at its two ends one edge joins, and edges sorted by their ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from wfkit.core.events import Edge, How
from wfkit.core.ids import GroupId
from wfkit.core.states import TASK_ENDS, WITH_VALUE
from wfkit.core.view import GroupView, RunView

_WITHOUT_VALUE: Final = TASK_ENDS - WITH_VALUE
#: A node: its group and its index there.
Node = tuple[GroupId, int]
#: An edge and the group it leads to.
Use = tuple[GroupView, Edge]


def single(edge: Edge) -> int | None:
    """The one element that an edge uses, or None where it uses several."""
    return edge.index if edge.how is How.ONE else edge.at if edge.how is How.EACH else None


def touches(edge: Edge, index: int) -> bool:
    """Whether an edge uses this element at all."""
    return single(edge) in {None, index}


def known(edge: Edge, failed: AbstractSet[int]) -> AbstractSet[int]:
    """Those of the failed elements that an edge uses."""
    one = single(edge)
    return failed if one is None else failed & {one}


def differs(view: RunView, user: GroupView, edge: Edge) -> bool:
    """Whether an edge that all nodes of a group have leads each of them to another place."""
    return edge.how is How.EACH or _by_part(view, user, edge)


def used(view: RunView, user: GroupView, edge: Edge, index: int) -> Iterable[int]:
    """Elements that node `index` of a group, which has this edge, uses by it; only those that are known yet."""
    source = view.groups.get(edge.group)
    length = 0 if source is None else len(source)
    if edge.how is not How.ALL:
        element = index if edge.how is How.EACH else edge.index
    elif not _by_part(view, user, edge):
        return range(length)
    elif (place := user.parts().place(index)) is not None:
        element = place[0]
    else:
        return ()
    return (element,) if element < length else ()


def users(view: RunView, user: GroupView, edge: Edge, index: int) -> Iterable[int]:
    """Elements of a using group that use element `index`, which this edge touches."""
    if _by_part(view, user, edge):
        return [element for element in user.parts().elements(index) if element < len(user)]
    if edge.at is None and edge.how is not How.EACH:
        return range(len(user))
    element = index if edge.at is None else edge.at
    return (element,) if element < len(user) else ()


def by_user(edges: Mapping[GroupId, Sequence[Edge]]) -> tuple[dict[GroupId, list[Edge]], dict[Node, list[Edge]]]:
    """Sort edges by who has them: all nodes of a group, or a single node."""
    shared: dict[GroupId, list[Edge]] = {}
    own: dict[Node, list[Edge]] = {}
    for group_id, several in edges.items():
        for edge in several:
            if edge.at is None:
                shared.setdefault(group_id, []).append(edge)
            else:
                own.setdefault((group_id, edge.at), []).append(edge)
    return shared, own


def by_source(view: RunView) -> tuple[dict[GroupId, list[Use]], dict[Node, list[Use]]]:
    """Sort edges by what they use: elements of a whole group, or a single node."""
    whole: dict[GroupId, list[Use]] = {}
    alone: dict[Node, list[Use]] = {}
    for user in view.groups.values():
        for edge in user.spec.edges:
            element = single(edge)
            if element is None:
                whole.setdefault(edge.group, []).append((user, edge))
            else:
                alone.setdefault((edge.group, element), []).append((user, edge))
    return whole, alone


def through_flattens(view: RunView) -> dict[GroupId, Sequence[Edge]]:
    """Edges of the groups that have tasks, with those that lead through a flatten to what it lacks.

    A part that failed has no items in a flatten. So who takes such a group whole also takes the sources of the flatten,
    while who takes one element of it knows nothing of the others, but for the one element that stands for the part.
    """
    found: dict[GroupId, Sequence[Edge]] = {}
    lacking: dict[GroupId, dict[Edge, None]] = {}  # edges to what a group may lack elements of, in order, each once
    for group in view.ordered():
        spec, more = group.spec, list[Edge]()
        for edge in spec.edges:
            behind = lacking.get(edge.group, {})
            if spec.kind == "flatten":
                lacking.setdefault(spec.id, {}).update({replace(edge, how=_whole(edge), at=None): None, **behind})
            elif edge.how is How.ALL:
                more += [replace(one, at=edge.at) for one in behind]
            elif behind and edge.how is How.EACH and edge.at is None:
                lacking.setdefault(spec.id, {}).update(behind)
                more += _to_failed_parts(view, view.groups[edge.group])
        if spec.kind != "flatten":
            found[spec.id] = (*spec.edges, *more) if more else spec.edges
    return found


def _to_failed_parts(view: RunView, flatten: GroupView) -> Iterator[Edge]:
    """Edges from the elements of a map over a flatten that stand for parts without a value to these parts."""
    if flatten.spec.kind != "flatten":
        return
    for edge in flatten.spec.edges:
        source = view.groups.get(edge.group)
        start = 0
        for part, count in flatten.spec.parts:
            index = edge.index if edge.how is How.ONE else part
            stands_for_it = count == 1  # it may have returned handles, which are elements of their own
            if stands_for_it and source is not None and index < len(source) and source.state(index) in _WITHOUT_VALUE:
                yield Edge(edge.group, How.ONE, index, at=start)
            start += count


def _whole(edge: Edge) -> How:
    return How.ONE if edge.how is How.ONE else How.ALL


def _by_part(view: RunView, user: GroupView, edge: Edge) -> bool:
    """Whether an edge leads from the elements of a flatten to the elements of a map that they are items of."""
    if user.spec.kind != "flatten" or edge.how is not How.ALL or edge.at is not None:
        return False
    source = view.groups.get(edge.group)
    return source is not None and source.spec.mapped
