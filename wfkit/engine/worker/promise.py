"""Promise: a node's value when its body returned handles: the driver is told what it is made of, and nothing waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from wfkit.authoring.freeze import Frozen, Slot, freeze_value
from wfkit.authoring.handle import Handle
from wfkit.core import wire
from wfkit.core.events import BoundHandle, NodeWaiting
from wfkit.core.ids import GroupId
from wfkit.core.wire import Packable
from wfkit.engine.worker.calls import pack

if TYPE_CHECKING:
    from wfkit.engine.worker.node import Node


class Promise(NamedTuple):
    """What a node's value is made of."""

    frozen: Frozen
    slots: tuple[Slot, ...]
    #: The value itself, where it is one handle, or a list of nothing but handles: maps over it follow them.
    handles: Handle | tuple[Handle, ...] | None
    wall_s: float  #: that the body took


def promised(node: Node, value: object) -> tuple[list[Packable], list[Packable]]:
    """What the driver is told of a node whose value is that of its children.

    Raises
    ------
    WfkitError : the rest of the value cannot travel
    """
    frozen, slots = freeze_value(value)
    handles = _handles(value)
    promise = Promise(frozen, slots, handles, time.time() - node.started_s)
    groups = dict.fromkeys(slot.source._ref.group for slot in slots if isinstance(slot.source, Handle))
    waiting = NodeWaiting(
        group=GroupId(node.spec.group),
        index=node.index,
        attempt=node.attempt,
        children=tuple(groups),
        handles=tuple(map(bound, (handles,) if isinstance(handles, Handle) else handles or ())),
        is_list=isinstance(handles, tuple),
        at_s=time.time(),
    )
    told: list[Packable] = ["promise", node.spec.group, node.index, [*node.past], pack(promise)]
    return ["event", wire.encode(waiting)], told


def _handles(value: object) -> Handle | tuple[Handle, ...] | None:
    if isinstance(value, Handle):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, Handle) for item in value):
        return tuple(value)
    return None


def bound(handle: Handle, name: str = "") -> BoundHandle:
    """A handle, for the record."""
    return BoundHandle(
        name=name,
        group=handle._ref.group,
        index=handle._ref.index,
        item=handle._ref.item,
        mapped=handle._mapped,
        n_outputs=handle._n_outputs,
    )
