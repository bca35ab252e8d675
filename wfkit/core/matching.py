"""Matching: finds the calls and elements of a recorded run again among those of a run that repeats it.

Within a parent (the flow's body, a flow inside it, or the node that spawned them) calls of one task are matched by
equal inputs first: plain values by their digests, handles by the node that they were matched to, repeats in order. A
call with other inputs takes the place in the order of calls that nobody else has. Elements of a map likewise, or by
their keys.

Calls come one by one, as the body makes them, so what is matched by place may be wanted by equal inputs later: places
are lent, equal inputs are owned.
"""

from __future__ import annotations

from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from wfkit.core.edges import Node
from wfkit.core.events import TOKEN_BYTES, Edge, GroupSpec, How, Input
from wfkit.core.ids import GroupId, spawner
from wfkit.core.parts import Parts
from wfkit.core.view import RunView

#: Where a call was made: in a flow's group, in the body of a node, or (None) in the flow's own body.
Place = GroupId | Node | None
#: What makes a call, or an element of a map, equal to another one.
Signature = tuple[object, ...]
#: Stands for a place that the recorded run does not have.
_NOWHERE: Final = GroupId("?")
_OWN_ITEM: Final = -1


class Matching:
    """Which recorded call each call is, and which recorded element each element.

    Parameters
    ----------
    past : RunView
        The recorded run; not changed.
    """

    def __init__(self, past: RunView) -> None:
        self.past = past
        self.groups: dict[GroupId, GroupId] = {}  #: call -> recorded call
        self._specs: dict[GroupId, GroupSpec] = {}
        self._elements: dict[GroupId, array[int]] = {}
        self._equal: dict[GroupId, bytearray] = {}
        self._owned: set[GroupId] = set()
        self._exact: set[GroupId] = set()
        self._lent: set[GroupId] = set()
        self._taken: dict[GroupId, bytearray] = {}
        self._by_key: dict[tuple[GroupId, GroupId], dict[Signature, deque[int]]] = {}
        self._listed: dict[tuple[GroupId, GroupId], int] = {}  #: how many elements `_by_key` has
        self._recorded: defaultdict[tuple[Place, str, str], list[GroupId]] = defaultdict(list)
        self._counts: defaultdict[tuple[Place, str, str], int] = defaultdict(int)
        for group in past.ordered():
            self._recorded[_place(group.spec, past), _task(group.spec), group.spec.kind].append(group.spec.id)

    # Calls

    def add(self, spec: GroupSpec, kinds: Callable[[GroupId], str]) -> GroupId | None:
        """Find a call again.

        Parameters
        ----------
        spec : GroupSpec
            As it stands at the call.
        kinds : callable
            Tells the kind of a group of the repeating run.

        Returns
        -------
        GroupId or None : the recorded call; None for a new one
        """
        self._specs[spec.id] = spec
        place = self._translated_place(spec, kinds)
        if place == _NOWHERE:
            return None
        where = place, _task(spec), spec.kind
        number = self._counts[where]
        self._counts[where] += 1
        found = self._find(spec, self._recorded.get(where, []), number)
        if found is not None:
            self.groups[spec.id] = found
        return found

    def _find(self, spec: GroupSpec, recorded: Sequence[GroupId], number: int) -> GroupId | None:
        signature = self._call_signature(spec, self._old_group, self.old)
        free = [one for one in recorded if one not in self._owned and self._fits(one, spec)]
        for one in free:
            if self._call_signature(self.past.groups[one].spec, _same, _same_node) == signature:
                self._owned.add(one)
                self._exact.add(spec.id)
                return one
        free = [one for one in free if one not in self._lent]
        at_place = recorded[number] if number < len(recorded) else None
        found = at_place if at_place in free else next(iter(free), None)
        if found is not None:
            self._lent.add(found)
        return found

    def _fits(self, recorded: GroupId, spec: GroupSpec) -> bool:
        return self.past.groups[recorded].spec.mapped == spec.mapped

    def _translated_place(self, spec: GroupSpec, kinds: Callable[[GroupId], str]) -> Place:
        if spec.parent is not None and kinds(spec.parent) == "flow":
            return self.groups.get(spec.parent, _NOWHERE)
        node = spawner(spec.id)
        if node is None:
            return None
        found = self.old(node)
        return _NOWHERE if found is None else found

    def _call_signature(
        self, spec: GroupSpec, group: Callable[[GroupId], GroupId], node: Callable[[Node], Node | None]
    ) -> Signature:
        uses = tuple((edge.at, *_use(edge, group, node)) for edge in spec.uses)
        return (*((one.name, one.tokens) for one in spec.inputs), uses)

    def _old_group(self, group: GroupId) -> GroupId:
        return self.groups.get(group, _NOWHERE)

    # Elements

    def old(self, node: Node) -> Node | None:
        """The recorded node that a node is; None for a new one, or one that has not been looked for."""
        elements = self._elements.get(node[0])
        if elements is None or node[1] >= len(elements) or elements[node[1]] < 0:
            return None
        return self.groups[node[0]], elements[node[1]]

    def be_the_same(self) -> None:
        """Every call and element is the recorded one: for a look at what a rerun would do."""
        for group in self.past.groups.values():
            self.take(group.spec, group.spec.id)

    def take(self, spec: GroupSpec, recorded: GroupId) -> None:
        """A call is this recorded one, element by element."""
        length = len(self.past.groups[recorded])
        self.groups[spec.id] = recorded
        self._specs[spec.id] = spec
        self._elements[spec.id] = array("i", range(length))
        self._equal[spec.id] = bytearray(b"\1" * length)

    def new_of(self, recorded: GroupId) -> GroupId | None:
        """The call that a recorded call is now; one with equal inputs before one that only has its place."""
        found = [new for new, old in self.groups.items() if old == recorded]
        return next((new for new in found if new in self._exact), found[0] if found else None)

    def new_index(self, group: GroupId, recorded: int) -> int | None:
        """The element of a call that a recorded element is now; None where none is, or not yet."""
        elements = self._elements.get(group)
        if elements is None:
            return None
        if recorded < len(elements) and elements[recorded] == recorded:
            return recorded
        return elements.index(recorded) if recorded in elements else None

    def is_equal(self, node: Node) -> bool:
        """Whether a node has the very inputs of the recorded one."""
        return bool(self._equal[node[0]][node[1]])

    def find_elements(self, spec: GroupSpec, indices: Iterable[int]) -> None:
        """Find elements of a call again, the inputs of which have been found.

        Parameters
        ----------
        spec : GroupSpec
            The call, as it stands now.
        indices : iterable of int
            In order, each once; those before have been looked for.
        """
        self._specs[spec.id] = spec
        elements = self._elements.setdefault(spec.id, array("i"))
        equal = self._equal.setdefault(spec.id, bytearray())
        recorded = self.groups.get(spec.id)
        fresh = [index for index in indices if index >= len(elements)]
        if recorded is None:
            elements.extend([-1] * len(fresh))
            equal.extend(bytes(len(fresh)))
            return
        taken = self._taken.setdefault(recorded, bytearray())
        taken.extend(bytes(len(self.past.groups[recorded]) - len(taken)))  # a run that goes on may have more by now
        keys = _Keys(spec, self._old_group, self.old)
        known = self._known_elements(spec.id, recorded)
        late: list[int] = []
        for index in fresh:
            places = known.get(keys.of(index))
            while places and taken[places[0]]:
                places.popleft()
            if places:
                at = places.popleft()
                taken[at] = 1
                elements.append(at)
                equal.append(1)
            else:
                elements.append(-1)
                equal.append(0)
                late.append(index)
        for index in late:  # by place, where nobody with equal inputs is
            if index < len(taken) and not taken[index]:
                elements[index] = index
        if any(one.name == "" for one in spec.inputs):
            self._compare_inputs(spec, recorded, fresh)

    def _known_elements(self, new: GroupId, recorded: GroupId) -> dict[Signature, deque[int]]:
        known = self._by_key.setdefault((new, recorded), {})
        group, listed = self.past.groups[recorded], self._listed.get((new, recorded), 0)
        if listed < len(group):
            keys = _Keys(group.spec, _same, _same_node)
            for index in range(listed, len(group)):
                known.setdefault(keys.of(index), deque()).append(index)
            self._listed[new, recorded] = len(group)
        return known

    def _compare_inputs(self, spec: GroupSpec, recorded: GroupId, indices: Iterable[int]) -> None:
        """Elements that were found by their keys may have other inputs than before."""
        ours = _Keys(spec, self._old_group, self.old, by_key=False)
        theirs = _Keys(self.past.groups[recorded].spec, _same, _same_node, by_key=False)
        for index in indices:
            at = self._elements[spec.id][index]
            if self._equal[spec.id][index] and ours.of(index) != theirs.of(at):
                self._equal[spec.id][index] = 0

    def is_same_list(self, group: GroupId) -> bool:
        """Whether the list of a call's results has the same elements as before, in the same order."""
        recorded = self.groups.get(group)
        if recorded is None:
            return False
        spec = self._specs[group]
        if spec.kind == "flatten":
            return all(self._is_same_use(edge) for edge in spec.uses)
        found = self._elements.get(group, array("i"))
        # Elements of a growing map stand in the order of their arrival; that of the list is that of the parts.
        in_order = sorted(found) if spec.parts else found
        return len(found) == len(self.past.groups[recorded]) and all(at == one for at, one in enumerate(in_order))

    def _is_same_use(self, edge: Edge) -> bool:
        return self.old((edge.group, edge.index)) is not None if edge.how is How.ONE else self.is_same_list(edge.group)

    def changed_inputs(self, node: Node) -> list[str]:
        """Names of the arguments whose plain values differ from those of the recorded node, or are not known."""
        found = self.old(node)
        if found is None:
            return []
        before = {one.name: _token(one, found[1]) for one in self.past.groups[found[0]].spec.inputs if one.name}
        after = {one.name: _token(one, node[1]) for one in self._specs[node[0]].inputs if one.name}
        return [name for name in {**before, **after} if before.get(name) != after.get(name)]

    def unknown_inputs(self, node: Node) -> list[str]:
        """Names of the arguments whose plain values cannot be compared."""
        return [one.name for one in self._specs[node[0]].inputs if not any(_token(one, node[1]))]


class _Keys:
    """Gives the signature of each element of a call, in terms of the recorded run."""

    def __init__(
        self,
        spec: GroupSpec,
        group: Callable[[GroupId], GroupId],
        node: Callable[[Node], Node | None],
        *,
        by_key: bool = True,
    ) -> None:
        self._group, self._node = group, node
        keys = [one for one in spec.inputs if one.name == ""]
        self._inputs: Sequence[Input] = keys if keys and by_key else [one for one in spec.inputs if one.name]
        self._uses = [] if keys and by_key else [edge for edge in spec.uses if edge.at is None]
        self._parts = Parts(spec.parts) if spec.parts else None
        self._own: dict[int | None, list[Edge]] = {}
        if not (keys and by_key):
            for edge in (*(one for one in spec.uses if one.at is not None), *spec.spelled):
                self._own.setdefault(edge.at, []).append(edge)
        self._spelled = bool(spec.spelled)

    def of(self, index: int) -> Signature:
        """The signature of one element."""
        return (
            *(_token(one, index) for one in self._inputs),
            *(self._used(edge, index) for edge in self._uses),
            *(_use(edge, self._group, self._node) for edge in self._own.get(index, ())),
        )

    def _used(self, edge: Edge, index: int) -> object:
        goes_over = edge.how is How.EACH or edge.items[-1:] == (_OWN_ITEM,)
        if not goes_over:
            return _use(edge, self._group, self._node)
        if self._spelled:
            return None
        if self._parts is not None and (place := self._parts.place(index)) is not None:
            return (self._group(edge.group), *place)
        if edge.how is How.EACH:
            return self._node((edge.group, index)) or (_NOWHERE, index)
        return (_use(edge, self._group, self._node), index)


def _use(edge: Edge, group: Callable[[GroupId], GroupId], node: Callable[[Node], Node | None]) -> Signature:
    if edge.how is How.ONE:
        return (node((edge.group, edge.index)) or (_NOWHERE, edge.index), edge.items)
    return (group(edge.group), edge.how, edge.items)


def _token(one: Input, index: int) -> bytes:
    if len(one.tokens) == TOKEN_BYTES:
        return one.tokens
    return one.tokens[index * TOKEN_BYTES : (index + 1) * TOKEN_BYTES]


def _same(group: GroupId) -> GroupId:
    return group


def _same_node(node: Node) -> Node:
    return node


def _place(spec: GroupSpec, view: RunView) -> Place:
    if spec.parent is not None and (parent := view.groups.get(spec.parent)) is not None and parent.spec.kind == "flow":
        return spec.parent
    return spawner(spec.id)


def _task(spec: GroupSpec) -> str:
    """The task or flow of a call; branches of one `Flow.map` are calls of one flow."""
    return spec.task.partition("[")[0] if spec.kind == "flow" else spec.task


def stretches(indices: Iterable[int]) -> tuple[int, ...]:
    """Stretches of whole numbers in rising order: the first and the last + 1 of each."""
    return tuple(_stretches(indices))


def _stretches(indices: Iterable[int]) -> Iterator[int]:
    first = end = None
    for index in indices:
        if index != end:
            if first is not None and end is not None:
                yield from (first, end)
            first = index
        end = index + 1
    if first is not None and end is not None:
        yield from (first, end)
