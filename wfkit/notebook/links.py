"""Links: what a node or a call is made from, argument by argument, and what is made from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wfkit.core.edges import touches, used, users
from wfkit.core.events import Argument, Edge, How
from wfkit.core.ids import GroupId
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.deck import Deck
from wfkit.notebook.places import Place, call_place, node_place
from wfkit.notebook.plain import clean, one_line

_MOST: Final = 20  #: links, or arguments, in one list
_PREVIEW_CHARS: Final = 200
_NAME_CHARS: Final = 100
_OWN_ITEM: Final = -1


def arguments_of(
    view: RunView, deck: Deck, group: GroupView, index: int | None, previews: Sequence[tuple[str, str]] = ()
) -> list[dict[str, object]]:
    """What a node was given, or (None) all nodes of a call: each argument with its value, or where that comes from.

    Parameters
    ----------
    view : RunView
        The run.
    deck : Deck
        What the browser was told.
    group : GroupView
        The call.
    index : int or None
        The node.
    previews : sequence of (name, preview)
        Of what this node alone was given.
    """
    spec, own = group.spec, dict(previews)
    edges = [edge for edge in spec.uses if edge.at is None or edge.at == index]
    known = [*spec.arguments[:_MOST]]
    if sum(one.uses for one in known) != len(edges):  # several calls deep in an argument, or handles of other runs
        known = [
            *(Argument(one.name, one.preview) for one in known),
            *([Argument("", "", len(edges))] if edges else []),
        ]
    told, at = [], 0
    for one in known:
        sources = [_spelled(group, edge, index) for edge in edges[at : at + one.uses]]
        at += one.uses
        places = [place for edge in sources for place in _sources(view, deck, group, edge, index)]
        told.append(
            {
                "name": one_line(one.name, _NAME_CHARS),
                "preview": clean(own.get(one.name, one.preview), _PREVIEW_CHARS),
                "sources": places[:_MOST],
                "more": max(0, len(places) - _MOST),
            }
        )
    return told


def waits_of(view: RunView, deck: Deck, group: GroupView) -> list[Place]:
    """What the nodes of a call only wait for."""
    spec = group.spec
    inputs = {edge.group for edge in (*spec.uses, *spec.spelled)}
    return [
        place for edge in spec.edges if edge.group not in inputs for place in _sources(view, deck, group, edge, None)
    ][:_MOST]


def consumers_of(view: RunView, deck: Deck, group_id: GroupId, index: int | None) -> tuple[list[Place], int]:
    """What uses the value of a node, or (None) those of a call; and how many more there are than are told."""
    found: dict[tuple[object, ...], Place] = {}
    for user in list(view.groups.values()):
        for edge in user.spec.edges:
            if edge.group == group_id and (index is None or touches(edge, index)):
                for place in _users(view, deck, user, edge, index):
                    found.setdefault((place["group"], place["index"], place["name"]), place)
    return list(found.values())[:_MOST], max(0, len(found) - _MOST)


def _spelled(group: GroupView, edge: Edge, index: int | None) -> Edge:
    """The edge of one element, where its place does not say which one it goes over."""
    goes_over = edge.how is How.EACH or edge.items[-1:] == (_OWN_ITEM,)
    if index is None or not goes_over:
        return edge
    return next((one for one in group.spec.spelled if one.at == index), edge)


def _sources(view: RunView, deck: Deck, group: GroupView, edge: Edge, index: int | None) -> Iterator[Place]:
    source = view.groups.get(edge.group)
    if source is None:
        return
    one = index if edge.how is How.EACH else edge.index
    elements: Iterable[int] = [one] if one is not None and edge.how is not How.ALL else []
    if index is not None and edge.how is How.ALL and source.spec.mapped:
        items = list(used(view, group, edge, index))
        elements = items if len(items) == 1 and len(source) > 1 else []
    item = edge.items[0] if edge.items else None
    told = {"item": index if item == _OWN_ITEM else item, "preview": ""}
    places = [
        {**place, **told, "preview": _preview(source, element) if item is None else ""}
        for element in elements
        if (place := node_place(view, deck, edge.group, element)) is not None
    ]
    yield from places or [{**call_place(view, deck, edge.group), **told}]


def _preview(group: GroupView, index: int) -> str:
    return clean(group.previews.get(index, ""), _PREVIEW_CHARS)


def _users(view: RunView, deck: Deck, user: GroupView, edge: Edge, index: int | None) -> Iterator[Place]:
    elements = [] if index is None else list(users(view, user, edge, index))
    if index is None or len(elements) == len(user):
        yield call_place(view, deck, user.spec.id)
        return
    for element in elements[: _MOST + 1]:
        if (place := node_place(view, deck, user.spec.id, element)) is not None:
            yield place
