"""Expanding: calls whose length is not known yet wait here, and are laid out when it is."""

from __future__ import annotations

import time
from dataclasses import replace

from wfkit.authoring.handle import Handle
from wfkit.core.events import ErrorInfo, NodeFinished, NodesAdded
from wfkit.core.states import TASK_ENDS, WITH_VALUE, FailureKind, TaskState
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.live import LiveRun
from wfkit.errors import MapLengthMismatch, NotMappable, UnknownLength, WfkitError


def waits_for_length(run: LiveRun, group: Group) -> bool:
    """Whether a call cannot be laid out yet: its own length or that of a mapped input is not known.

    Raises
    ------
    UnknownLength : the length is that of a handle of another run, from which no news comes
    """
    handles = [slot.source for slot in group.all_slots if isinstance(slot.source, Handle)]
    unknown = [handle for handle in (*handles, *group.wait_for) if handle._mapped and handle._known_length() is None]
    for handle in [*unknown, *(group.overs if group.length is None else ())]:
        if handle._source is not run.answers and not _has_length(handle):
            raise UnknownLength(
                f"The length of `{handle.name}`, of another run, is not known yet.", "Wait for it first."
            )
    return group.length is None or bool(unknown)


def _has_length(handle: Handle) -> bool:
    return handle._known_length() is not None or handle.state in WITH_VALUE


def expand(run: LiveRun) -> None:
    """Lay out the calls whose lengths have become known, and those behind them."""
    progress = True
    while progress:
        progress = False
        for group in list(run.deferred):
            if group.length is None and not _settle_length(run, group):
                continue
            if waits_for_length(run, group):
                continue
            run.deferred.remove(group)
            if group.spec.id not in run.failed_expansions:
                run.ready(group)
            progress = True
    if run.buffer:
        run.engine.flush_soon(run.id)


def _settle_length(run: LiveRun, group: Group) -> bool:
    """Find out the length of a map; False while an input has not ended."""
    try:
        lengths = {over.name: _length_of(over) for over in group.overs}
        if any(length is None for length in lengths.values()):
            return False
        known = {name: length for name, length in lengths.items() if length is not None and length >= 0}
        if len(set(known.values())) > 1:
            listed = ", ".join(f"`{name}` has {length}" for name, length in known.items())
            raise MapLengthMismatch(f"`{group.spec.task}.map()` needs inputs of one length: {listed}.")
        # Inputs without a value: one element stands for the map, and its trigger decides.
        _set_length(run, group, next(iter(known.values())) if len(known) == len(lengths) else 1)
    except WfkitError as error:
        _set_length(run, group, 1)
        _fail(run, group, error)
    return True


def _length_of(over: Handle) -> int | None:
    """Length of what a map goes over; None while it is not known, -1 where there is no value."""
    if over._mapped:
        return over._known_length()
    state = over.state
    if state not in TASK_ENDS:
        return None
    if state not in WITH_VALUE:
        return -1
    ref = over._ref
    assert ref.index is not None
    view = over._source.run.view_model.groups[ref.group]  # type: ignore[attr-defined]  # runs are the only sources
    if ref.item is None:
        length = view.lengths.get(ref.index)
    else:
        value = over.result()
        length = len(value) if hasattr(value, "__len__") and not isinstance(value, str | bytes | dict) else None
    if length is None:
        raise NotMappable(
            f"`{over.name}` cannot be mapped over: its value is {view.previews.get(ref.index, 'no sequence')}.",
            "Return a list from it.",
        )
    return int(length)


def _set_length(run: LiveRun, group: Group, length: int) -> None:
    group.length = length
    group.spec = replace(group.spec, length=length)
    run.record_events([NodesAdded(groups=(group.spec,), at_s=time.time())])


def _fail(run: LiveRun, group: Group, error: WfkitError) -> None:
    run.failed_expansions.add(group.spec.id)
    run.without_key.add((group.spec.id, 0))
    info = ErrorInfo(type_name=type(error).__name__, message=str(error), traceback=f"{type(error).__name__}: {error}\n")
    finished = NodeFinished(
        group=group.spec.id,
        index=0,
        attempt=0,
        state=TaskState.FAILED,
        kind=FailureKind.ERROR,
        reason=f"{type(error).__name__}: {error}",
        error=info,
        at_s=time.time(),
    )
    run.record_events([finished])
