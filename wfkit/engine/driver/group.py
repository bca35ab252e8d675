"""Group: what the driver keeps of one call, from which its nodes are submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wfkit.authoring.freeze import Frozen, Slot
from wfkit.authoring.handle import Handle
from wfkit.authoring.options import TaskOptions
from wfkit.core.events import GroupSpec
from wfkit.engine.worker.spec import Spec


@dataclass(slots=True, eq=False)
class Group:
    """One call: what all its nodes share, and what each has of its own."""

    spec: GroupSpec
    work: Spec
    options: TaskOptions
    key: str  #: Dask keys are this and "-" and the element
    frozen: Frozen | Sequence[Frozen]  #: one for all nodes, or one each
    slots: tuple[Slot, ...] | Sequence[tuple[Slot, ...]]  #: likewise
    wait_for: tuple[Handle, ...]
    length: int | None  #: None until it is known
    overs: tuple[Handle, ...] = ()  #: the handles whose lengths decide this one's
    #: Place of each node in the depth-first order; grows with `order.places`.
    places: Sequence[int] = field(default_factory=tuple)
    #: Nodes that were submitted again, and how often; a Dask key never stands for two specs.
    generations: dict[int, int] = field(default_factory=dict)

    def key_of(self, index: int) -> str:
        """The Dask key of a node."""
        generation = self.generations.get(index)
        return f"{self.key}-{index}" if generation is None else f"{self.key}-{index}-{generation}"

    def frozen_of(self, index: int) -> Frozen:
        """The arguments of a node."""
        return self.frozen if isinstance(self.frozen, Frozen) else self.frozen[index]

    def slots_of(self, index: int) -> tuple[Slot, ...]:
        """What fills the slots of a node's arguments."""
        if isinstance(self.slots, tuple):
            return self.slots
        return self.slots[index]

    @property
    def all_slots(self) -> Sequence[Slot]:
        """What fills the slots of any node."""
        if isinstance(self.slots, tuple):
            return self.slots
        return [slot for slots in self.slots for slot in slots]
