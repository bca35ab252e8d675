"""Assembling: a node that returned handles gets its value here, where all that it is made of is small and plain.

What else there is goes to a worker (`engine.worker.assembly`): no code of the user's runs under the run's lock.
"""

from __future__ import annotations

import io
import pickle
import time
from typing import TYPE_CHECKING, Any

from wfkit.authoring.freeze import Slot
from wfkit.authoring.handle import Handle
from wfkit.authoring.secrets import is_labelled
from wfkit.core.events import How, NodeFinished
from wfkit.core.states import TaskState
from wfkit.engine.worker.outcome import dump_value
from wfkit.engine.worker.preview import length_of, preview
from wfkit.engine.worker.result import INLINE_BYTES

if TYPE_CHECKING:
    from wfkit.core.ids import GroupId
    from wfkit.engine.driver.group import Group
    from wfkit.engine.driver.live import LiveRun


def end_of(run: LiveRun, group: Group, index: int) -> NodeFinished | None:
    """The end of a node that returned handles, all of which have ended; None where a worker has to say.

    Parameters
    ----------
    run : LiveRun
    group, index
        The node; it has an assembly.
    """
    assembly, slots = group.assemblies[index]
    if len(assembly.frozen.payload) > INLINE_BYTES:
        return None
    try:
        value = _Filled(run, assembly.frozen.payload, slots).load()
        payload, _ = dump_value(value)
        shown = preview(value)
    except Exception:  # noqa: BLE001 - a worker tells what is wrong, if anything is
        return None
    if len(payload) > INLINE_BYTES or is_labelled(payload):
        return None
    return NodeFinished(
        group=group.spec.id,
        index=index,
        attempt=group.past_of(index).attempts,
        state=TaskState.COMPLETED,
        wall_s=assembly.wall_s,
        at_s=time.time(),
        result_bytes=len(payload),  # Dask's measuring draws random numbers, and these are the user's here
        length=length_of(value),
        preview=shown,
        inline=payload,
    )


class _Plain(pickle.Unpickler):
    """Reads numbers, texts, and collections of them."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse all else."""
        raise pickle.UnpicklingError(f"{module}.{name} is not plain")


class _Filled(_Plain):
    """Reads a value with those of its children in their places."""

    def __init__(self, run: LiveRun, payload: bytes, slots: tuple[Slot, ...]) -> None:
        super().__init__(io.BytesIO(payload))
        self._run, self._slots = run, slots
        self._read: dict[tuple[GroupId, int], object] = {}
        self._bytes = 0

    def persistent_load(self, number: int) -> object:
        """What stands in a slot."""
        slot = self._slots[number]
        handle = slot.source
        assert isinstance(handle, Handle)
        name = handle._ref.group
        if handle._source is not self._run.answers or name in self._run.flattened:
            raise pickle.UnpicklingError("its values are elsewhere")
        if slot.how is How.ALL:
            elements = self._run.groups[name].final or range(len(self._run.groups[name].status))
            return [self._item(name, each, slot) for each in elements]
        return self._item(name, handle._ref.index or 0, slot)

    def _item(self, name: GroupId, index: int, slot: Slot) -> object:
        """The value of a node, or the item of it that is meant."""
        if (name, index) not in self._read:
            payload = self._run.view_model.groups[name].inline[index]
            self._bytes += len(payload)
            if self._bytes > INLINE_BYTES:
                raise pickle.UnpicklingError("it is not small")
            self._read[name, index] = _Plain(io.BytesIO(payload)).load()
        value: Any = self._read[name, index]
        for item in slot.use.items:
            value = value[item]
        return value
