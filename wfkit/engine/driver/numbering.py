"""Numbering: gives the nodes of a call their numbers in the depth-first order, from what they depend on."""

from __future__ import annotations

from collections.abc import Sequence

from wfkit.authoring.freeze import Slot, Use
from wfkit.authoring.handle import Handle
from wfkit.core.events import How
from wfkit.core.ids import GroupId, spawner
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.order import FIRST, PLACE, deeper, item_of, latest, numbers


class Numbering:
    """Numbers the nodes of one run, group by group."""

    def __init__(self, groups: dict[GroupId, Group], source: object) -> None:
        self._groups = groups
        self._source = source
        self._fresh_calls = 0
        #: Where the branches of a `Flow.map` start, by their flow group.
        self._branches: dict[GroupId, int] = {}

    def branch(self, group: GroupId, number: int, parent: GroupId | None) -> None:
        """A branch is a place of its own, unless it is made within another place."""
        outer = self._start(group, parent)
        self._branches[group] = FIRST + number * PLACE if outer is None else item_of(outer, number)

    def inside(self, group: GroupId, parent: GroupId | None) -> None:
        """A flow's group is where its calls are: in the branch around it, if there is one."""
        if parent in self._branches:
            self._branches[group] = self._branches[parent]

    def number(self, group: Group, length: int) -> None:
        """Number the nodes of a group up to `length`."""
        before = len(group.numbers)
        if isinstance(group.slots, tuple):
            every = [one for one in map(self._shared, [*group.slots, *_waits(group)]) if one is not None]
            start = self._start(group.spec.id, group.spec.parent)
            if start is None and not every and not group.spec.mapped:
                start = FIRST + self._fresh_calls * PLACE
                self._fresh_calls += 1
            if start is not None and not every and not group.spec.mapped:
                start = item_of(start, _calls_before(group.spec.id))
            group.numbers = numbers(length, mapped=group.spec.mapped, start=start, inputs=every)
        else:
            group.numbers = [*group.numbers, *(self._single(group, index) for index in range(before, length))]
        group.priority = max(
            [group.options.priority, *(self._groups[handle._ref.group].priority for handle in self._own(group))]
        )

    def _own(self, group: Group) -> list[Handle]:
        return [handle for handle in group.handles() if handle._source is self._source]

    def _start(self, group: GroupId, parent: GroupId | None) -> int | None:
        """Where calls without inputs start in the body of a task, or in a branch."""
        if (node := spawner(group)) is not None:
            return deeper(self._groups[node[0]].numbers[node[1]])
        return self._branches.get(parent) if parent is not None else None

    def _shared(self, slot: Slot) -> Sequence[int] | int | None:
        handle = slot.source
        if not isinstance(handle, Handle) or handle._source is not self._source:
            return None
        known = self._groups[handle._ref.group].numbers
        if not known:
            return None
        if slot.how is How.EACH:
            return known
        return known[handle._ref.index or 0] if slot.how is How.ONE else latest(known)

    def _single(self, group: Group, index: int) -> int:
        found = []
        for slot in group.slots_of(index):
            handle = slot.source
            if isinstance(handle, Handle) and handle._source is self._source:
                known = self._groups[handle._ref.group].numbers
                at = index if slot.how is How.EACH else handle._ref.index or 0
                if not known:
                    continue  # a flatten has no nodes of its own
                number = latest(known) if slot.how is How.ALL else known[at]
                found.append(item_of(number, slot.use.items[-1]) if slot.use.items else number)
        if found:
            return deeper(latest(found))
        start = self._start(group.spec.id, group.spec.parent)
        return FIRST + index * PLACE if start is None else item_of(start, index)


def _waits(group: Group) -> list[Slot]:
    return [Slot(handle, How.ALL if handle._mapped else How.ONE, Use()) for handle in group.wait_for]


def _calls_before(group: GroupId) -> int:
    """How many calls the body of a task had made before this one; 0 in a flow's body."""
    number = group.rpartition("/")[2].partition("x")[0]
    return int(number) - 1 if number.isdecimal() else 0
