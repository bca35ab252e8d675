"""Wiring: which nodes a node waits for, and which wait for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from wfkit.authoring.freeze import Slot
from wfkit.authoring.handle import Handle
from wfkit.core.events import How
from wfkit.core.ids import GroupId
from wfkit.engine.driver.group import SENT, UNSENT, Group, Node

if TYPE_CHECKING:
    from wfkit.engine.driver.live import LiveRun

_OPEN: Final = bytes([UNSENT, SENT])


def run_of(handle: Handle) -> LiveRun:
    """The run of a handle."""
    return cast("LiveRun", handle._source.run)


class Wiring:
    """The edges of one run between nodes, from input to user."""

    def __init__(self, groups: Mapping[GroupId, Group], source: object) -> None:
        self._groups = groups
        self._source = source  #: of the run's own handles; others' are no edges
        #: By input group: the groups all of whose nodes use it, and how.
        self._shared: dict[GroupId, list[tuple[Group, How, int | None]]] = {}
        #: By input node, or group (None): single nodes that use it.
        self._single: dict[tuple[GroupId, int | None], list[tuple[Group, int]]] = {}

    def connect(self, group: Group) -> None:
        """Note what all nodes of a group use."""
        self.connect_waits(group)
        for slot in group.slots:
            assert isinstance(slot, Slot)  # all nodes have the same
            if isinstance(slot.source, Handle):
                self._share(group, slot.source, slot.how)

    def connect_waits(self, group: Group) -> None:
        """Note what all nodes of a group only wait for."""
        for handle in group.wait_for:
            self._share(group, handle, How.ALL if handle._mapped else How.ONE)

    def connect_node(self, group: Group, index: int) -> None:
        """Note what one node uses."""
        for slot in group.slots_of(index):
            handle = slot.source
            if isinstance(handle, Handle) and handle._source is self._source:
                ref = handle._ref
                at = None if slot.how is How.ALL else index if slot.how is How.EACH else ref.index or 0
                self._single.setdefault((ref.group, at), []).append((group, index))

    def _share(self, group: Group, handle: Handle, how: How) -> None:
        if handle._source is self._source:
            self._shared.setdefault(handle._ref.group, []).append((group, how, handle._ref.index))

    def users(self, node: Node) -> Iterator[tuple[Group, int]]:
        """The nodes that use a node's value, or wait for it."""
        name, index = node
        for group, how, at in self._shared.get(name, ()):
            if how is How.EACH:
                if index < len(group.status):
                    yield group, index
            elif how is How.ALL or at == index:
                yield from ((group, each) for each in range(len(group.status)))
        yield from self._single.get((name, index), ())
        yield from self._single.get((name, None), ())

    def first_open(self, group: Group, index: int, least: int) -> Node | None:
        """The first input of a node that has not come as far as `least`: SENT, or ENDED."""
        for handle, how in group.inputs_of(index):
            found = self._open_input(handle, how, index, least)
            if found is not None:
                return found
        return None

    def _open_input(self, handle: Handle, how: How, index: int, least: int) -> Node | None:
        ref = handle._ref
        if handle._source is not self._source:
            return None
        source = self._groups[ref.group]
        if source.spec.kind == "flatten":
            # Whoever takes it whole was laid out when all its parts were there, but children may not have been sent.
            parts = (part for part, items in run_of(handle).flattened[ref.group].elements if not items)
            found = (self._open_input(part, How.ALL if part._mapped else How.ONE, index, least) for part in parts)
            return next((one for one in found if one is not None), None)
        if how is How.ALL:
            at = _first_below(source.status, least)
            return None if at is None else (ref.group, at)
        at = index if how is How.EACH else ref.index or 0
        return (ref.group, at) if source.status[at] < least else None

    def foreign(self, group: Group, index: int) -> list[Handle]:
        """The handles of other runs that a node uses and that have not ended."""
        return [
            handle
            for handle, _ in group.inputs_of(index)
            if handle._source is not self._source and not run_of(handle).answers.has_ended(handle._ref)
        ]


def _first_below(status: Sequence[int], least: int) -> int | None:
    assert isinstance(status, bytearray)
    found = [at for at in (status.find(code) for code in _OPEN[:least]) if at >= 0]
    return min(found, default=None)
