"""Expanding: calls whose length is not known yet wait here, and are laid out when it is, or part by part."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wfkit.authoring.freeze import OWN_INDEX, Frozen, Slot, Use
from wfkit.authoring.handle import Handle
from wfkit.authoring.mapping import refuse_different_lengths
from wfkit.authoring.secrets import redacted
from wfkit.core.events import Edge, ErrorInfo, How, NodeFinished, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.parts import Parts
from wfkit.core.states import TASK_ENDS, FailureKind, TaskState
from wfkit.engine.driver.flattening import Element, Flattened, elements_of, items_meant, whole_map
from wfkit.engine.driver.group import Group, Node
from wfkit.engine.driver.recording import edges_of
from wfkit.engine.driver.wiring import run_of
from wfkit.errors import TooManyTasks, UnknownLength, WfkitError

if TYPE_CHECKING:
    from wfkit.engine.driver.growing import GrowingRun


def waits_for_length(run: GrowingRun, group: Group) -> bool:
    """Whether a call cannot be laid out as it is: a length is not known, or it is not element by element of a map.

    Raises
    ------
    UnknownLength : the length is that of a handle of another run, from which no news comes
    """
    for handle in group.handles():
        if handle._source is not run.answers and _is_open(handle, over=handle in group.overs):
            raise UnknownLength(
                f"The length of `{handle.name}`, of another run, is not known yet.", "Wait for it first."
            )
    own = [not over._mapped or _is_special(over) for over in group.overs]
    flawed = _flaw(run, group.handles()) is not None
    return group.length is None or any(own) or flawed or _stands_behind(run, group)


def _flaw(run: GrowingRun, handles: Iterable[Handle]) -> WfkitError | None:
    """Why something that handles stand for is no list, though it should be."""
    if not run.flattened:
        return None
    flattens = (run_of(handle).flattened.get(handle._ref.group) for handle in handles)
    return next((one.error for one in flattens if one is not None and one.error is not None), None)


def _is_open(handle: Handle, *, over: bool) -> bool:
    if handle._mapped:
        return handle._known_length() is None
    return over and handle.state not in TASK_ENDS


def _stands_behind(run: GrowingRun, group: Group) -> bool:
    """Whether an input of a call has not been laid out itself, or not to its end."""
    return _are_open(run, group.handles(), but=group)


def _are_open(run: GrowingRun, handles: Iterable[Handle], but: Group | None = None) -> bool:
    """Whether something that handles stand for has not been laid out, or not to its end."""
    waiting = {other.spec.id for other in run.deferred if other is not but}
    waiting |= {name for name, flattened in run.flattened.items() if not flattened.complete}
    return any(handle._source is run.answers and handle._ref.group in waiting for handle in handles)


def expand(run: GrowingRun) -> None:
    """Lay out the calls whose lengths have become known, and those behind them."""
    if run.expanding:
        return
    run.expanding = True
    try:
        while _grow(run) or sum(_lay_out(run, group) for group in list(run.deferred)):
            pass
        for node in list(run.unassembled):
            _assemble(run, node)
    finally:
        run.expanding = False
    # Nothing joins what has become ready: it goes at once, with whatever else waits.
    run.flush()


def _lay_out(run: GrowingRun, group: Group) -> bool:
    """Hand a call on if all lengths are known; False if it has to wait."""
    if group.root is not None:
        return False
    if (error := _flaw(run, group.handles())) is not None:
        run.deferred.remove(group)
        fail(run, group, error)
        return True
    if _stands_behind(run, group) or (group.overs and not _settle_length(run, group)):
        return False
    run.deferred.remove(group)
    if group.spec.id not in run.failed_expansions:
        run.ready(group)
    return True


def _assemble(run: GrowingRun, node: Node) -> None:
    """Send what is left to do for a node that returned handles, if all that they stand for has been laid out."""
    group = run.groups[node[0]]
    if _are_open(run, (handle for handle, _ in group.inputs_of(node[1]))):
        return
    run.unassembled.remove(node)
    if (error := _flaw(run, (handle for handle, _ in group.inputs_of(node[1])))) is not None:
        fail_nodes(run, [node], error)
    elif run.is_open(node):
        run.sender.wiring.connect_node(group, node[1])
        run.sender.again(node)


def _settle_length(run: GrowingRun, group: Group) -> bool:
    """Find out the length of a map, and what its elements are; False while an input has not ended."""
    try:
        found = {over: _elements(over) for over in group.overs}
        if any(elements is None for elements in found.values()):
            return False
        lengths = {over.name: len(found[over] or ()) for over in group.overs if not _without_value(over)}
        if group.length is not None:
            lengths["the other arguments"] = group.length
        refuse_different_lengths(group.spec.task, lengths)
        # Where no input has a value, one element stands for the map, and its trigger decides.
        length = next(iter(lengths.values()), 1)
        _refuse_too_many(run, length)
        if special := {over: found[over] or [] for over in group.overs if _is_special(over)}:
            if any(over._ref.group in run_of(over).flattened for over in group.overs):
                group.pattern = group.frozen, group.slots
            group.frozen, group.slots = _spelled(group, range(length), special)
            group.spec = replace(group.spec, spelled=_spelled_edges(run, range(length), special))
        group.spec = replace(group.spec, parts=parts_in(run, group, length))
        _set_length(run, group, length)
    except WfkitError as error:
        _set_length(run, group, group.length or 1)
        fail(run, group, error)
    return True


def _refuse_too_many(run: GrowingRun, more: int) -> None:
    if more > run.room:
        raise TooManyTasks(
            f"A map of {more} elements would take the run beyond the {run.bounds.max_tasks} nodes that it may have.",
            "Raise `max_tasks_per_run` in the section [engine] of wfkit.toml, or give larger items to each task.",
        )


def _elements(over: Handle) -> Sequence[Element] | None:
    return whole_map(over) if over._mapped else elements_of(over)


def _without_value(over: Handle) -> bool:
    """Whether a map goes over a node that ended without a value, and returned no handles that it could go over."""
    run = run_of(over)
    if over._mapped or _is_special(over):
        return False
    return run.has_ended((over._ref.group, over._ref.index or 0)) and not run.has_value(over)


def _is_special(over: Handle) -> bool:
    """Whether element i of a map is not simply element i of a group, or item i of a value."""
    run = run_of(over)
    if over._mapped:
        return over._ref.group in run.flattened or run.groups[over._ref.group].final is not None
    promise = run.promises.get((over._ref.group, over._ref.index or 0))
    return promise is not None and promise.handles is not None and over._ref.item is None


def _spelled(
    group: Group, indices: range, special: Mapping[Handle, Sequence[Element]]
) -> tuple[list[Frozen], list[tuple[Slot, ...]]]:
    """Arguments and slots of nodes, where what a map goes over does not say by itself which element is which."""
    frozen, slots = group.pattern or (group.frozen, group.slots)
    all_slots: list[tuple[Slot, ...]] = []
    all_frozen: list[Frozen] = []
    for index in indices:
        before = slots if isinstance(slots, tuple) else slots[index]
        after = tuple(
            _element_slot(slot, special[slot.source][index])
            if isinstance(slot.source, Handle) and _goes_over(slot, slot.source, special)
            else slot
            for slot in before
        )
        payload = frozen.payload if isinstance(frozen, Frozen) else frozen[index].payload
        all_slots.append(after)
        all_frozen.append(Frozen(payload, tuple(slot.use for slot in after)))
    return all_frozen, all_slots


def parts_in(run: GrowingRun, group: Group, length: int) -> tuple[tuple[int, int], ...]:
    """Where the elements of a map are in the parts of the flatten that all it goes over comes from, in list order."""
    found = {_parts_of(run, over) for over in group.overs}
    parts = found.pop() if len(found) == 1 else ()
    return parts if sum(count for _, count in parts) == length else ()


def _parts_of(run: GrowingRun, over: Handle) -> tuple[tuple[int, int], ...]:
    if over._source is not run.answers or not over._mapped:
        return ()
    if (flattened := run.flattened.get(over._ref.group)) is not None:
        return flattened.parts_in_order
    group = run.groups[over._ref.group]
    if group.final is None:
        return group.spec.parts
    counts, places = dict(group.spec.parts), Parts(group.spec.parts)
    order = dict.fromkeys(place[0] for at in group.final if (place := places.place(at)) is not None)
    return tuple((part, counts[part]) for part in order)


def _spelled_edges(run: GrowingRun, indices: range, special: Mapping[Handle, Sequence[Element]]) -> tuple[Edge, ...]:
    """For the record: what each element goes over."""
    return tuple(
        Edge(
            handle._ref.group,
            How.ALL if handle._mapped else How.ONE,
            handle._ref.index or 0,
            at=index,
            items=items_meant((handle, items)),
        )
        for elements in special.values()
        for index, (handle, items) in zip(indices, elements, strict=True)
        if handle._source is run.answers
    )


def _goes_over(slot: Slot, source: Handle, special: Mapping[Handle, Sequence[Element]]) -> bool:
    own = slot.how is How.EACH or slot.use.items[-1:] == (OWN_INDEX,)
    return own and source in special


def _element_slot(slot: Slot, element: Element) -> Slot:
    handle, _ = element
    how = How.ALL if handle._mapped else How.ONE
    return Slot(handle, how, Use(items_meant(element), slot.use.failure_allowed))


# Maps over a flatten grow


def _grow(run: GrowingRun) -> bool:
    """Take in parts of flattens that have become known, and let what goes over them grow along."""
    grown = False
    for name, flattened in list(run.flattened.items()):
        more = flattened.grow()
        length = len(flattened.elements)
        if more:
            group = run.groups[name]
            if flattened.complete and flattened.error is None:
                group.length = length
            _announce(run, group, flattened, length)
        for follower in [one for one in run.deferred if one.root == name and (more or len(one.status) < length)]:
            if flattened.error is not None:
                run.deferred.remove(follower)
                fail(run, follower, flattened.error)
            else:
                _grow_along(run, follower, flattened)
            more = True
        grown = grown or more
    return grown


def root_of(run: GrowingRun, group: Group) -> GroupId | None:
    """The flatten along which a map can grow: all that it goes over does, and nothing else keeps it waiting."""
    if group.length is not None or not group.overs:
        return None
    roots = {_root(run, over) for over in group.overs}
    whole = [
        slot.source for slot in group.all_slots if slot.how is not How.EACH and slot.use.items[-1:] != (OWN_INDEX,)
    ]
    others = [handle for handle in (*whole, *group.wait_for) if isinstance(handle, Handle)]
    waiting = {other.spec.id for other in run.deferred} | set(run.flattened)
    if len(roots) != 1 or any(other._ref.group in waiting for other in others):
        return None
    return roots.pop()


def _root(run: GrowingRun, over: Handle) -> GroupId | None:
    name = over._ref.group
    if over._source is not run.answers or not over._mapped:
        return None
    if name in run.flattened:
        return None if run.flattened[name].complete else name
    return run.groups[name].root


def _grow_along(run: GrowingRun, group: Group, flattened: Flattened) -> None:
    before = len(group.status)
    new = range(before, len(flattened.elements))
    try:
        _refuse_too_many(run, len(new))
    except TooManyTasks as error:
        run.deferred.remove(group)
        fail(run, group, error)
        return
    if direct := {over: flattened.elements for over in group.overs if over._ref.group == group.root}:
        group.pattern = group.pattern or (group.frozen, group.slots)
        frozen, slots = _spelled(group, new, direct)
        group.frozen = [*(group.frozen if before and not isinstance(group.frozen, Frozen) else ()), *frozen]
        group.slots = [*(group.slots if before else ()), *slots]
    group.spec = replace(group.spec, parts=tuple(flattened.parts))
    run.grow(group, len(flattened.elements))
    if flattened.complete:
        run.deferred.remove(group)
        group.final, group.root = flattened.final, None
        group.length = len(flattened.elements)
    _announce(run, group, flattened, len(flattened.elements))


def _announce(run: GrowingRun, group: Group, flattened: Flattened, length: int) -> None:
    group.spec = replace(
        group.spec,
        length=None if flattened.error is not None else length if flattened.complete or length else None,
        parts=tuple(flattened.parts),
        edges=edges_of(group, run.answers) or group.spec.edges,
    )
    run.record_events([NodesAdded(groups=(group.spec,), at_s=time.time())])


def _set_length(run: GrowingRun, group: Group, length: int) -> None:
    group.length = length
    group.spec = replace(group.spec, length=length, edges=edges_of(group, run.answers))
    run.record_events([NodesAdded(groups=(group.spec,), at_s=time.time())])


def fail(run: GrowingRun, group: Group, error: WfkitError) -> None:
    """End all nodes of a call that cannot be laid out."""
    run.failed_expansions.add(group.spec.id)
    group.length = group.length or max(1, len(group.status))
    run.sender.open += len(group.grow(group.length))
    fail_nodes(run, [(group.spec.id, index) for index in range(group.length)], error)


def fail_nodes(run: GrowingRun, nodes: Iterable[Node], error: Exception) -> None:
    """End those of some nodes that have not ended: they cannot be laid out."""
    failed = [node for node in nodes if run.is_open(node)]
    run.without_key.update(failed)
    reason, info = error_in_words(error)
    run.record_events(
        NodeFinished(
            group=group,
            index=index,
            attempt=0,
            state=TaskState.FAILED,
            kind=FailureKind.ERROR,
            reason=reason,
            error=info,
            at_s=time.time(),
        )
        for group, index in failed
    )


def error_in_words(error: Exception) -> tuple[str, ErrorInfo]:
    """An error, as a rule of ours, as a node's reason, and as its error."""
    message = redacted(str(error))
    reason = f"{type(error).__name__}: {message}"
    return reason, ErrorInfo(type_name=type(error).__name__, message=message, traceback=f"{reason}\n")
