"""Submitting: a batch of groups goes to Dask as one compact map, ordered depth-first, with a lease on its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dask._task_spec import Alias

from wfkit.authoring.freeze import Constant, Frozen, Slot
from wfkit.authoring.handle import Handle
from wfkit.core.events import How
from wfkit.engine.driver.group import Group
from wfkit.engine.worker.envelope import run_node
from wfkit.engine.worker.inputs import hold_constant
from wfkit.engine.worker.outcome import Outcome
from wfkit.engine.worker.spec import Spec

if TYPE_CHECKING:
    from distributed import Future

    from wfkit.engine.driver.cluster import Cluster

#: Finds what stands for a node in a Dask graph: its key, or its outcome where it has no key.
Locate = Callable[[Handle, int], "str | Outcome"]


@dataclass(slots=True)
class Batch:
    """The columns of one submission: one row per node."""

    keys: list[str] = field(default_factory=list)
    specs: list[Spec] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    frozen: list[Frozen] = field(default_factory=list)
    deps: list[list[object]] = field(default_factory=list)
    constants: dict[str, Frozen] = field(default_factory=dict)


def batch_of(nodes: Sequence[tuple[Group, Iterable[int]]], locate: Locate) -> Batch:
    """Lay out nodes in depth-first order.

    Parameters
    ----------
    nodes : sequence of (group, elements)
        Groups in order of creation; all of known length.
    locate : callable
        Gives the Dask key of an element of a handle, or its outcome.
    """
    batch = Batch()
    groups = [group for group, _ in nodes]
    rows = sorted(
        (group.places[index] * len(groups) + rank, index)
        for rank, (group, indices) in enumerate(nodes)
        for index in indices
    )
    shared = [_shared_deps(group, locate, batch.constants) for group in groups]
    for mark, index in rows:
        rank = mark % len(groups)
        group = groups[rank]
        batch.keys.append(group.key_of(index))
        batch.specs.append(group.work)
        batch.indices.append(index)
        batch.frozen.append(group.frozen_of(index))
        batch.deps.append(_deps(group, index, shared[rank], locate, batch.constants))
    return batch


def _shared_deps(group: Group, locate: Locate, constants: dict[str, Frozen]) -> Mapping[int, object]:
    """What all nodes of a group depend on, laid out once: by slot, and below 0 what is waited for."""
    slots = group.slots if isinstance(group.slots, tuple) else ()
    shared = {at: _dep(slot, 0, locate, constants) for at, slot in enumerate(slots) if slot.how is not How.EACH}
    for at, handle in enumerate(group.wait_for):
        shared[-1 - at] = _handle_dep(handle, How.ALL if handle._mapped else How.ONE, 0, locate)
    return shared


def _deps(
    group: Group, index: int, shared: Mapping[int, object], locate: Locate, constants: dict[str, Frozen]
) -> list[object]:
    deps: list[object] = []
    for at, slot in enumerate(group.slots_of(index)):
        deps.append(shared[at] if at in shared else _dep(slot, index, locate, constants))
    deps.extend(shared[-1 - at] for at in range(len(group.wait_for)))
    return deps


def _dep(slot: Slot, index: int, locate: Locate, constants: dict[str, Frozen]) -> object:
    if isinstance(slot.source, Constant):
        constants[slot.source.key] = slot.source.frozen
        return Alias(slot.source.key)
    return _handle_dep(slot.source, slot.how, index, locate)


def _handle_dep(handle: Handle, how: How, index: int, locate: Locate) -> object:
    if how is How.EACH:
        return _alias(locate(handle, index))
    if how is How.ONE:
        return _alias(locate(handle, handle._ref.index or 0))
    return [_alias(locate(handle, element)) for element in range(len(handle))]


def _alias(found: str | Outcome) -> object:
    return Alias(found) if isinstance(found, str) else found


def send(cluster: Cluster, run_id: str, batch: Batch, options: Mapping[str, Any]) -> list[Future[Any]]:
    """Submit a batch and lease its keys for the run.

    Returns
    -------
    list of Future : to be kept as long as the driver wants to hear of the keys
    """
    futures: list[Future[Any]] = []
    if batch.constants:
        futures += cluster.map(hold_constant, list(batch.constants.values()), keys=list(batch.constants))
    futures += cluster.map(run_node, batch.specs, batch.indices, batch.frozen, batch.deps, keys=batch.keys, **options)
    cluster.tell("lease", run=run_id, keys=[*batch.constants, *batch.keys])
    return futures


def dask_options(group: Group) -> dict[str, Any]:
    """Those options of a task that Dask itself acts on."""
    options: dict[str, Any] = {}
    if group.options.resources:
        options["resources"] = dict(group.options.resources)
    if group.options.priority:
        options["priority"] = group.options.priority
    if group.options.workers:
        options["workers"] = list(group.options.workers)
    return options
