"""Behind: the calls of a record, each behind all that it depends on, not only behind those that were made before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter

from wfkit.core.edges import Node
from wfkit.core.ids import GroupId, spawner
from wfkit.core.view import RunView


def earlier_calls(past: RunView) -> dict[GroupId, set[GroupId]]:
    """Of each call, the one that its body made before it, and the one that has that body."""
    found: dict[GroupId, set[GroupId]] = {}
    last: dict[Node | None, GroupId] = {}
    for group in past.ordered():
        name, body = group.spec.id, spawner(group.spec.id)
        found[name] = {last[body]} if body in last else set()
        if body is not None and body[0] in past.groups:
            found[name].add(body[0])
        last[body] = name
    return found


def behind_inputs(past: RunView, earlier: Mapping[GroupId, set[GroupId]]) -> Iterator[GroupId]:
    """Calls, each behind its inputs and those of `earlier_calls`: a map may go over what a task has called later."""
    sorter = TopologicalSorter[GroupId](earlier)
    for name, group in past.groups.items():
        needed = {edge.group for edge in group.spec.edges} | {source for source, _ in group.spec.looks}
        sorter.add(name, *(needed & past.groups.keys()))
    return iter(sorter.static_order())
