"""Submitting: nodes and carriers go to Dask as one compact map, with their numbers, and a lease on their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dask._task_spec import Alias

from wfkit.authoring.freeze import Constant, Frozen, Slot, Use
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.events import How
from wfkit.engine.driver.group import Group
from wfkit.engine.worker.assembly import Assembly
from wfkit.engine.worker.envelope import More, run_node
from wfkit.engine.worker.inputs import hold_constant
from wfkit.engine.worker.layout import Column, Each, Layout, Pick
from wfkit.engine.worker.outcome import Outcome
from wfkit.engine.worker.spec import Spec
from wfkit.engine.worker.stored import Store, load_stored

if TYPE_CHECKING:
    from wfkit.engine.driver.live import LiveRun

#: Crashes that a node may have, where it does not say otherwise; the scheduler's plugin knows the same number.
_CRASH_RETRIES: Final = 2
_NO_USE: Final = Use()
_NOTHING_MORE: Final = More()


#: Where an outcome is: a Dask key and its place in a carrier's (-1: none); or itself, where the cluster has none.
Located = tuple[str, int] | Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """One Dask task: a node, or a carrier of several."""

    group: Group
    index: int | Sequence[int]
    key: str

    @property
    def first(self) -> int:
        """Its first element."""
        return self.index if isinstance(self.index, int) else self.index[0]


@dataclass(slots=True)
class Batch:
    """The columns of one submission: one row per Dask task."""

    keys: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    specs: list[Spec] = field(default_factory=list)
    indices: list[int | Sequence[int]] = field(default_factory=list)
    frozen: list[Frozen | Assembly | Sequence[Frozen]] = field(default_factory=list)
    deps: list[Sequence[object]] = field(default_factory=list)
    more: list[More] = field(default_factory=list)
    constants: dict[str, Frozen] = field(default_factory=dict)
    crash_retries: dict[str, int] = field(default_factory=dict)


class _Deps:
    """Collects what one row depends on: each key once."""

    def __init__(self) -> None:
        self.deps: list[object] = []
        self._known: dict[str, int] = {}

    def pick(self, found: Located, items: tuple[int, ...] = ()) -> Pick:
        """Where an outcome is found among the dependencies."""
        if not isinstance(found, tuple):
            self.deps.append(found)
            return Pick(len(self.deps) - 1, items=items)
        key, offset = found
        if key not in self._known:
            self._known[key] = len(self.deps)
            self.deps.append(Alias(key))
        return Pick(self._known[key], offset, items)


def batch_of(run: LiveRun, rows: Sequence[Row]) -> Batch:
    """Lay out rows."""
    batch = Batch()
    shared: dict[tuple[int, Ref], list[object]] = {}
    for row in rows:
        group = row.group
        batch.keys.append(row.key)
        batch.numbers.append(group.numbers[row.first])
        batch.specs.append(group.work)
        batch.indices.append(row.index)
        past = group.past_of(row.first)
        if (left := group.options.crash_retries - past.crashes) != _CRASH_RETRIES:
            batch.crash_retries[row.key] = left
        if isinstance(row.index, int):
            batch.frozen.append(group.frozen_of(row.index))
            deps, layout = _single(run, group, row.index, batch.constants, shared)
            batch.more.append(More(layout, past, row.index in group.forced))
        else:
            frozen = group.frozen
            batch.frozen.append(frozen if isinstance(frozen, Frozen) else [frozen[index] for index in row.index])
            deps, layout = _carrier(run, group, row.index, batch.constants)
            batch.more.append(More(layout))
        batch.deps.append(deps or ())
    return batch


def _single(
    run: LiveRun, group: Group, index: int, constants: dict[str, Frozen], shared: dict[tuple[int, Ref], list[object]]
) -> tuple[list[object], Layout | None]:
    slots = _with_waits(group, group.slots_of(index), index)
    plain = [_plain(run, slot, index, constants, shared) for slot in slots]
    if None not in plain:
        return plain, None
    deps = _Deps()
    return deps.deps, tuple(_place(run, slot, index, deps) for slot in slots)


def _plain(
    run: LiveRun, slot: Slot, index: int, constants: dict[str, Frozen], shared: dict[tuple[int, Ref], list[object]]
) -> object:
    """What fills a slot, where Dask itself can tell; None where it takes a layout, because carriers are among it."""
    if isinstance(slot.source, Constant):
        constants[slot.source.key] = slot.source.frozen
        return Alias(slot.source.key)
    if slot.how is not How.ALL:
        return _alias(run.locate(slot.source, _at(slot, index)))
    which = (id(slot.source._source), slot.source._ref)
    known = shared.get(which)
    if known is None:
        found = [None if items else _alias(one) for one, items in run.locate_all(slot.source)]
        if None in found:
            return None
        known = shared[which] = found
    return known


def _alias(found: Located) -> object:
    if not isinstance(found, tuple):
        return found
    return Alias(found[0]) if found[1] < 0 else None


def _place(run: LiveRun, slot: Slot, index: int, deps: _Deps) -> Pick | tuple[Pick, ...]:
    if isinstance(slot.source, Constant):
        return deps.pick((slot.source.key, -1))
    if slot.how is How.ALL:
        return tuple(deps.pick(one, items) for one, items in run.locate_all(slot.source))
    return deps.pick(run.locate(slot.source, _at(slot, index)))


def _with_waits(group: Group, slots: tuple[Slot, ...], index: int) -> list[Slot]:
    if index in group.assemblies:
        return list(slots)
    waits = [Slot(handle, How.ALL if handle._mapped else How.ONE, _NO_USE) for handle in group.wait_for]
    return [*slots, *waits]


def _at(slot: Slot, index: int) -> int:
    assert isinstance(slot.source, Handle)
    return index if slot.how is How.EACH else slot.source._ref.index or 0


def _carrier(
    run: LiveRun, group: Group, indices: Sequence[int], constants: dict[str, Frozen]
) -> tuple[list[object], Layout | None]:
    slots = _with_waits(group, group.slots_of(indices[0]), indices[0])
    if not slots:
        return [], None
    deps = _Deps()
    layout: list[Pick | tuple[Pick, ...] | Each | Column] = []
    for place, slot in enumerate(slots):
        if isinstance(slot.source, Constant):
            constants[slot.source.key] = slot.source.frozen
        each = slot.how is How.EACH or (place < len(group.slots_of(indices[0])) and not isinstance(group.slots, tuple))
        if each and not isinstance(slot.source, Constant):
            layout.append(_elementwise(run, group, place, indices, deps))
        else:
            layout.append(_place(run, slot, indices[0], deps))
    return deps.deps, tuple(layout)


def _elementwise(run: LiveRun, group: Group, place: int, indices: Sequence[int], deps: _Deps) -> Each | Column:
    picks: list[Pick | tuple[Pick, ...]] = []
    for index in indices:
        slot = group.slots_of(index)[place]
        assert isinstance(slot.source, Handle)
        picks.append(_place(run, slot, index, deps))
    first = picks[0]
    aligned = (
        isinstance(first, Pick)
        and first.offset >= 0
        and all(
            isinstance(pick, Pick) and pick.dep == first.dep and pick.offset == first.offset + element
            for element, pick in enumerate(picks)
        )
    )
    return Each(first.dep, first.offset) if isinstance(first, Pick) and aligned else Column(tuple(picks))


def submit(run: LiveRun, rows: Sequence[Row], options: Mapping[str, Any]) -> None:
    """Submit rows and lease their keys for the run."""
    batch = batch_of(run, rows)
    cluster = run.engine.cluster
    run.engine.attend(run.id)
    if batch.constants:
        cluster.submit_all(
            hold_constant, [list(batch.constants.values())], list(batch.constants), [0] * len(batch.constants)
        )
    brought = _bring(run)
    columns: list[Sequence[object]] = [batch.specs, batch.indices, batch.frozen, batch.deps]
    if any(more != _NOTHING_MORE for more in batch.more):
        columns.append(batch.more)
    cluster.submit_all(run_node, columns, batch.keys, batch.numbers, **options)
    keys = [*batch.constants, *brought, *batch.keys, *run.external_keys()]
    cluster.lease(run.id, keys, batch.crash_retries)


def _bring(run: LiveRun) -> list[str]:
    """Have the cluster load stored values, and take those that were given by hand; gives their keys."""
    brought = run.bringing()
    stored = {key: what for key, what in brought.items() if isinstance(what, str)}
    given = {key: what for key, what in brought.items() if isinstance(what, Frozen)}
    cluster = run.engine.cluster
    if stored:
        stores = [_store_of(run, reference) for reference in stored.values()]
        cluster.submit_all(load_stored, [list(stored.values()), stores], list(stored), [0] * len(stored))
    if given:
        cluster.submit_all(hold_constant, [list(given.values())], list(given), [0] * len(given))
    return list(brought)


def _store_of(run: LiveRun, reference: str) -> Store:
    assert run.engine.results is not None  # it is what said that the result can be had
    return run.engine.results.for_run(reference.partition("/")[0])


def dask_options(group: Group) -> dict[str, Any]:
    """Those options of a task that Dask itself acts on."""
    options: dict[str, Any] = {}
    if group.options.resources:
        options["resources"] = dict(group.options.resources)
    if group.priority:
        options["priority"] = group.priority
    if group.options.workers:
        options["workers"] = list(group.options.workers)
    return options
