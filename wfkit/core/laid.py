"""Laid: the records of several layers as one view, to look at what a rerun would do."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from wfkit.core.anew import superseded
from wfkit.core.behind import behind_inputs, earlier_calls
from wfkit.core.edges import Node
from wfkit.core.events import Edge, GroupSpec
from wfkit.core.ids import GroupId, spawner
from wfkit.core.layers import Layers
from wfkit.core.matching import Matching
from wfkit.core.view import RunView


def laid_over(layers: Layers) -> RunView:
    """The newest record, and behind its calls those that only the ones before it have; each layer knows its own.

    Parameters
    ----------
    layers : Layers
        Nothing matched nor decided yet.
    """
    newest = layers.rules[0]
    newest.matching.be_the_same()
    if len(layers.rules) == 1:
        return newest.past
    view = RunView()
    view.groups, view.codes = dict(newest.past.groups), dict(newest.past.codes)
    for depth, rule in enumerate(layers.rules[1:], 1):
        _match(rule.matching, view)
        view.codes = {**rule.past.codes, **view.codes}
        _add_missing(view, rule.matching, depth)
    return view


def _match(matching: Matching, view: RunView) -> None:
    gone = superseded(view.groups)
    for name in behind_inputs(view, earlier_calls(view)):
        spec = view.groups[name].spec
        if name not in gone:
            matching.add(spec, lambda one: view.groups[one].spec.kind)
            if spec.kind == "task":
                matching.find_elements(spec, range(len(view.groups[name])))


def _add_missing(view: RunView, matching: Matching, depth: int) -> None:
    """Add the calls of a record that nothing in the view is."""
    past, gone = matching.past, superseded(matching.past.groups)
    names = {old: new for new, old in matching.groups.items()}
    first = max((group.spec.order for group in view.groups.values()), default=-1) + 1
    missing = [group for group in past.ordered() if group.spec.id not in gone and group.spec.id not in names]
    for group in missing:
        names[group.spec.id] = _named(group.spec.id, names, matching, depth)
    for group in missing:  # one may go over what was called later
        added = copy(group)
        added.spec = _moved(group.spec, names, first)
        view.groups[added.spec.id] = added
        matching.take(added.spec, group.spec.id)


def _named(group: GroupId, names: dict[GroupId, GroupId], matching: Matching, depth: int) -> GroupId:
    """What a call of an earlier record is called beside those of the newer ones."""
    node, call = spawner(group), group.rpartition("/")[2]
    if node is None or node[0] not in names:
        return GroupId(f"{depth}~{group}")
    above = names[node[0]]
    index = matching.new_index(above, node[1])
    return GroupId(f"{above}.{node[1] if index is None else index}/{depth}~{call}")


def _moved(spec: GroupSpec, names: dict[GroupId, GroupId], first: int) -> GroupSpec:
    def there(node: Node) -> Node:
        return names.get(node[0], node[0]), node[1]

    def moved(edges: tuple[Edge, ...]) -> tuple[Edge, ...]:
        return tuple(replace(edge, group=names.get(edge.group, edge.group)) for edge in edges)

    return replace(
        spec,
        id=names[spec.id],
        order=first + spec.order,
        parent=None if spec.parent is None else names.get(spec.parent, spec.parent),
        edges=moved(spec.edges),
        uses=moved(spec.uses),
        spelled=moved(spec.spelled),
        looks=tuple(there(look) for look in spec.looks),
    )
