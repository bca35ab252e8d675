"""Group: what the driver keeps of one call, from which its nodes are sent."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from wfkit.authoring.freeze import Frozen, Slot
from wfkit.authoring.handle import Handle
from wfkit.authoring.options import TaskOptions
from wfkit.core.events import GroupSpec, How
from wfkit.core.ids import GroupId
from wfkit.engine.worker.assembly import Assembly
from wfkit.engine.worker.past import Past
from wfkit.engine.worker.spec import Spec

#: Where a node stands for the driver.
UNSENT: Final = 0
SENT: Final = 1  #: Dask has it
ENDED: Final = 2

#: A node: its group and its element there.
Node = tuple[GroupId, int]
_NO_PAST: Final = Past()


@dataclass(slots=True, eq=False)
class Group:
    """One call: what all its nodes share, and what each has of its own."""

    spec: GroupSpec
    work: Spec
    options: TaskOptions
    key: str  #: Dask keys begin with it
    frozen: Frozen | Sequence[Frozen]  #: the arguments; one for all nodes, or one each
    slots: tuple[Slot, ...] | list[tuple[Slot, ...]]  #: likewise
    wait_for: tuple[Handle, ...] = ()
    length: int | None = 1  #: None until it is known; while a map grows, too
    overs: tuple[Handle, ...] = ()  #: the handles whose lengths decide this one's
    chunk: int | None = 1  #: elements in one Dask task; None: as it suits
    max_concurrency: int | None = None
    priority: int = 0  #: at least that of its inputs, so that what has begun is finished
    #: The flatten along which a map grows, until it is complete; and its arguments before any element's.
    root: GroupId | None = None
    pattern: tuple[Frozen | Sequence[Frozen], tuple[Slot, ...] | list[tuple[Slot, ...]]] | None = None
    #: Number of each node in the depth-first order (`order`).
    numbers: Sequence[int] = ()
    status: bytearray = field(default_factory=bytearray)
    #: Nodes that stand outside the order in which the others are sent: they wait for something of their own.
    aside: set[int] = field(default_factory=set)
    #: Nodes that were sent again, and how often; a Dask key never stands for two specs.
    generations: dict[int, int] = field(default_factory=dict)
    #: What nodes have behind them that were executed before: attempts and failures before the execution that goes on
    #: or comes next, crashes before its sending.
    pasts: dict[int, Past] = field(default_factory=dict)
    #: Nodes that were asked for: they are executed, whatever the cache has.
    forced: set[int] = field(default_factory=set)
    #: Nodes that returned handles: what is left to do.
    assemblies: dict[int, tuple[Assembly, tuple[Slot, ...]]] = field(default_factory=dict)
    #: Which carrier a node travels in, and at which place; -1: it travels alone.
    carrier_of: array[int] = field(default_factory=lambda: array("i"))
    offset_of: array[int] = field(default_factory=lambda: array("i"))
    carriers: list[Sequence[int]] = field(default_factory=list)  #: their elements
    #: Where the values of nodes are that were not executed in this run: a Dask key, and a place in a carrier or -1.
    elsewhere: dict[int, tuple[str, int]] = field(default_factory=dict)
    #: Of a map over a flatten: the order of its elements in its list, once all are known; None: as they stand.
    final: Sequence[int] | None = None

    def grow(self, length: int) -> range:
        """Have at least `length` nodes; gives the new ones."""
        before = len(self.status)
        more = max(0, length - before)
        self.status.extend(bytes(more))
        self.carrier_of.extend(array("i", [-1]) * more)
        self.offset_of.extend(array("i", [-1]) * more)
        return range(before, before + more)

    def key_of(self, index: int) -> str:
        """The Dask key of a node that travels alone."""
        generation = self.generations.get(index)
        return f"{self.key}-{index}" if generation is None else f"{self.key}-{index}-{generation}"

    def where(self, index: int) -> tuple[str, int]:
        """The Dask key that gives a node's outcome, and its place in a carrier's; -1 where it travels alone."""
        if index in self.elsewhere:
            return self.elsewhere[index]
        carrier = self.carrier_of[index]
        return (self.key_of(index), -1) if carrier < 0 else (self.carrier_key(carrier), self.offset_of[index])

    def carrier_key(self, carrier: int) -> str:
        """The Dask key of a carrier."""
        return f"{self.key}-c{carrier}"

    def put_in_carrier(self, indices: Sequence[int]) -> str:
        """Have elements travel together; gives the carrier's key."""
        carrier = len(self.carriers)
        self.carriers.append(indices)
        for offset, index in enumerate(indices):
            self.carrier_of[index] = carrier
            self.offset_of[index] = offset
        return self.carrier_key(carrier)

    def elements_of_key(self, rest: str) -> Sequence[int]:
        """The nodes for which the end of a Dask key, behind this group's own, stands now."""
        if rest.startswith("c"):
            carrier = int(rest[1:])
            return [index for index in self.carriers[carrier] if self.carrier_of[index] == carrier]
        index, _, generation = rest.partition("-")
        same = self.generations.get(int(index), 0) == int(generation or 0) and self.carrier_of[int(index)] < 0
        return (int(index),) if same else ()

    def renew(self, index: int) -> None:
        """Have the next sending of a node use a new key; it travels alone."""
        self.generations[index] = self.generations.get(index, 0) + 1
        self.carrier_of[index] = -1

    def past_of(self, index: int) -> Past:
        """What a node has behind it."""
        return self.pasts.get(index, _NO_PAST)

    def frozen_of(self, index: int) -> Frozen | Assembly:
        """The arguments of a node, or what is left to do for it."""
        if index in self.assemblies:
            return self.assemblies[index][0]
        return self.frozen if isinstance(self.frozen, Frozen) else self.frozen[index]

    def slots_of(self, index: int) -> tuple[Slot, ...]:
        """What fills the slots of a node's arguments."""
        if index in self.assemblies:
            return self.assemblies[index][1]
        return self.slots if isinstance(self.slots, tuple) else self.slots[index]

    @property
    def all_slots(self) -> Sequence[Slot]:
        """What fills the slots of any node."""
        if isinstance(self.slots, tuple):
            return self.slots
        return [slot for slots in self.slots for slot in slots]

    def handles(self) -> list[Handle]:
        """All handles that its nodes depend on."""
        return [*(slot.source for slot in self.all_slots if isinstance(slot.source, Handle)), *self.wait_for]

    @property
    def has_inputs(self) -> bool:
        """Whether any node waits for another one."""
        return bool(self.wait_for or self.slots or self.assemblies)

    def inputs_of(self, index: int) -> Iterator[tuple[Handle, How]]:
        """The handles that a node depends on, and how."""
        for slot in self.slots_of(index):
            if isinstance(slot.source, Handle):
                yield slot.source, slot.how
        if index not in self.assemblies:
            for handle in self.wait_for:
                yield handle, How.ALL if handle._mapped else How.ONE
