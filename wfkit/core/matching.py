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
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from wfkit.core.anew import stem, superseded
from wfkit.core.edges import Node
from wfkit.core.events import Edge, GroupSpec, How
from wfkit.core.ids import GroupId, spawner, spawners
from wfkit.core.signatures import FLATTEN, NOWHERE, Keys, Side, Signature, call_signature, token_of
from wfkit.core.view import RunView

#: Where a call was made: in a flow's group, in the body of a node, or (None) in the flow's own body.
Place = GroupId | Node | None


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
        self._equals: dict[tuple[GroupId, GroupId], _Equals] = {}
        self._recorded: defaultdict[tuple[Place, str, str], list[GroupId]] = defaultdict(list)
        #: By what a body calls it: the newest call, where it stands, and its number there.
        self._called: dict[GroupId, tuple[GroupId, tuple[Place, str, str], int]] = {}
        self._counts: defaultdict[tuple[Place, str, str], int] = defaultdict(int)
        self._same_lists: dict[tuple[GroupId, int], bool] = {}  #: by group and length
        self._new = Side(self._old_group, self.old, self._specs.get)
        self._old = Side(_same, _same_node, self._recorded_spec)
        self._listed = 0
        self._gone: set[GroupId] = set()
        #: By place: the newest call that the recorded run has made there, and the newest that was found again.
        self._made: dict[Place, int] = {}
        self._reached: dict[Place, int] = {}

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
        if place == NOWHERE:
            return None
        self._list_recorded()
        where = place, _task(spec), spec.kind
        number = self._number(spec.id, where)
        found = self._find(spec, self._recorded.get(where, []), number)
        if found is not None:
            self.groups[spec.id] = found
            self._reached[place] = max(self._reached.get(place, 0), self.past.groups[found].spec.order)
        return found

    def may_come(self, spec: GroupSpec, kinds: Callable[[GroupId], str]) -> bool:
        """Whether the recorded run, whose body goes on, may yet make a call that has not been added.

        It has made no equal one, and nothing behind all that was found again: that would stand in the call's place.

        Parameters
        ----------
        spec, kinds
            As for `add`.
        """
        place = self._translated_place(spec, kinds)
        if place == NOWHERE:
            return False
        self._list_recorded()
        if self._made.get(place, 0) > self._reached.get(place, 0):
            return False
        recorded = self._recorded.get((place, _task(spec), spec.kind), [])
        return self._find_equal(spec, self._free(spec, recorded)) is None

    def _number(self, group: GroupId, where: tuple[Place, str, str]) -> int:
        """The place of a call among those of its task; one that is made anew takes the place of the one before it."""
        known = self._called.get(stem(group))
        if known is not None and (found := self.groups.get(known[0])) is not None:
            self._owned.discard(found)
            self._lent.discard(found)
            self._taken.pop(found, None)
        if known is not None and known[1] == where:
            number = known[2]
        else:
            number = self._counts[where]
            self._counts[where] += 1
        self._called[stem(group)] = group, where, number
        return number

    def _list_recorded(self) -> None:
        """Take in the recorded calls: of a run that goes on there may be more each time, some of them made anew."""
        more = len(self.past.groups) - self._listed
        if not more:
            return
        fresh = list(islice(reversed(self.past.groups), more))[::-1]
        self._listed += len(fresh)
        if any("x" in name for name in fresh):
            self._gone = superseded(self.past.groups)
            for known in self._recorded.values():
                known[:] = [name for name in known if name not in self._gone]
        if self._gone:
            self._gone |= {name for name in fresh if any(above in self._gone for above, _ in spawners(name))}
        holding = [self.past.groups[name] for name in fresh if name not in self._gone]
        for group in sorted(holding, key=lambda one: (one.spec.order, one.spec.id)):
            place = _place(group.spec, self.past)
            self._recorded[place, _task(group.spec), group.spec.kind].append(group.spec.id)
            self._made[place] = max(self._made.get(place, 0), group.spec.order)

    def _find(self, spec: GroupSpec, recorded: Sequence[GroupId], number: int) -> GroupId | None:
        free = self._free(spec, recorded)
        if (equal := self._find_equal(spec, free)) is not None:
            self._owned.add(equal)
            self._exact.add(spec.id)
            return equal
        free = [one for one in free if one not in self._lent]
        at_place = recorded[number] if number < len(recorded) else None
        found = at_place if at_place in free else next(iter(free), None)
        if found is not None:
            self._lent.add(found)
        return found

    def _free(self, spec: GroupSpec, recorded: Sequence[GroupId]) -> list[GroupId]:
        groups = self.past.groups
        return [one for one in recorded if one not in self._owned and groups[one].spec.mapped == spec.mapped]

    def _find_equal(self, spec: GroupSpec, free: Sequence[GroupId]) -> GroupId | None:
        signature, specs = call_signature(spec, self._new), (self.past.groups[one].spec for one in free)
        return next((one.id for one in specs if call_signature(one, self._old) == signature), None)

    def _translated_place(self, spec: GroupSpec, kinds: Callable[[GroupId], str]) -> Place:
        if spec.parent is not None and kinds(spec.parent) == "flow":
            return self.groups.get(spec.parent, NOWHERE)
        node = spawner(spec.id)
        if node is None:
            return None
        found = self.old(node)
        return NOWHERE if found is None else found

    def _recorded_spec(self, group: GroupId) -> GroupSpec | None:
        known = self.past.groups.get(group)
        return None if known is None else known.spec

    def _old_group(self, group: GroupId) -> GroupId:
        return self.groups.get(group, NOWHERE)

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
        calls = (new for new, old in self.groups.items() if old == recorded)
        found = [new for new in calls if stem(new) not in self._called or self._called[stem(new)][0] == new]
        return next((new for new in found if new in self._exact), next(iter(found), None))

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
        by_place = self._is_spelled_once(spec, recorded)
        keys = Keys(spec, self._new, by_place=by_place)
        known = self._known_elements(spec.id, recorded, by_place=by_place)
        late: list[int] = []
        for index in fresh:
            at = known.take(keys.of(index), taken)
            if at >= 0:
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

    def rest(self) -> None:
        """Let go of what only serves to find more: most of what is kept by element."""
        self._equals.clear()

    def _is_spelled_once(self, spec: GroupSpec, recorded: GroupId) -> bool:
        """Whether only one of both goes over handles that a task returned, the other over the value that they make."""
        old = self.past.groups[recorded]
        same = len(old) == spec.length and bool(spec.parts) == bool(old.spec.parts)
        return same and bool(spec.spelled) != bool(old.spec.spelled)

    def _known_elements(self, new: GroupId, recorded: GroupId, *, by_place: bool) -> _Equals:
        known = self._equals.setdefault((new, recorded), _Equals())
        group = self.past.groups[recorded]
        if len(known) < len(group):
            known.grow(Keys(group.spec, self._old, by_place=by_place), len(group))
        return known

    def _compare_inputs(self, spec: GroupSpec, recorded: GroupId, indices: Iterable[int]) -> None:
        """Elements that were found by their keys may have other inputs than before."""
        by_place = self._is_spelled_once(spec, recorded)
        ours = Keys(spec, self._new, by_key=False, by_place=by_place)
        theirs = Keys(self.past.groups[recorded].spec, self._old, by_key=False, by_place=by_place)
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
        if spec.kind == FLATTEN:
            return all(self._is_same_use(edge) for edge in spec.uses)
        found, old = self._elements.get(group, array("i")), self.past.groups[recorded]
        if len(found) != len(old):
            return False
        known = self._same_lists.get((group, len(found)))
        if known is None:
            ours, theirs = self._new.in_list_order(spec, len(found)), self._old.in_list_order(old.spec, len(old))
            known = all(found[at] == one for at, one in zip(ours, theirs, strict=True))
            self._same_lists[group, len(found)] = known
        return known

    def list_order(self, recorded: GroupSpec) -> Sequence[int]:
        """The elements of a recorded map as they stand in its list."""
        return self._old.in_list_order(recorded, len(self.past.groups[recorded.id]))

    def _is_same_use(self, edge: Edge) -> bool:
        return self.old((edge.group, edge.index)) is not None if edge.how is How.ONE else self.is_same_list(edge.group)

    def changed_inputs(self, node: Node) -> list[str]:
        """Names of the arguments whose plain values differ from those of the recorded node, or are not known."""
        found = self.old(node)
        if found is None:
            return []
        before = {one.name: token_of(one, found[1]) for one in self.past.groups[found[0]].spec.inputs if one.name}
        after = {one.name: token_of(one, node[1]) for one in self._specs[node[0]].inputs if one.name}
        return [name for name in {**before, **after} if before.get(name) != after.get(name)]

    def unknown_inputs(self, node: Node) -> list[str]:
        """Names of the arguments whose plain values cannot be compared."""
        inputs = self._specs[node[0]].inputs
        return [one.name for one in inputs if not any(token_of(one, node[1]))] if inputs else []


class _Equals:
    """The elements of a recorded call by their signature, those with the same one in order."""

    def __init__(self) -> None:
        self._first: dict[Signature, int] = {}
        self._last: dict[Signature, int] = {}  #: where there are several
        self._next = array("i")  #: by element: the following one with its signature; -1: none

    def __len__(self) -> int:
        return len(self._next)

    def grow(self, keys: Keys, length: int) -> None:
        """Have as many elements as the call has now."""
        for index in range(len(self._next), length):
            signature = keys.of(index)
            first = self._first.setdefault(signature, index)
            self._next.append(-1)
            if first != index:
                self._next[self._last.get(signature, first)] = index
                self._last[signature] = index

    def take(self, signature: Signature, taken: bytearray) -> int:
        """Take the first element of a signature that is not taken; -1 where there is none."""
        at = following = self._first.get(signature, -1)
        while following >= 0 and taken[following]:
            at, following = following, self._next[following]
        if at < 0:
            return -1
        self._first[signature] = at if following < 0 else following
        if following >= 0:
            taken[following] = 1
        return following


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
