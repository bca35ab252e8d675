"""Expanding: calls whose length is not known yet wait here, and are laid out when it is."""

from __future__ import annotations

import time
from dataclasses import replace

from wfkit.authoring.handle import Handle
from wfkit.authoring.mapping import refuse_different_lengths
from wfkit.core.events import ErrorInfo, NodeFinished, NodesAdded
from wfkit.core.states import TASK_ENDS, WITH_VALUE, FailureKind, TaskState
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.live import LiveRun
from wfkit.errors import NotMappable, UnknownLength, WfkitError


def waits_for_length(run: LiveRun, group: Group) -> bool:
    """Whether a call cannot be laid out yet: its own length is not known, or that of something it stands behind.

    Raises
    ------
    UnknownLength : the length is that of a handle of another run, from which no news comes
    """
    for handle in _inputs(group):
        if handle._source is not run.answers and _is_open(handle, over=handle in group.overs):
            raise UnknownLength(
                f"The length of `{handle.name}`, of another run, is not known yet.", "Wait for it first."
            )
    return group.length is None or any(not over._mapped for over in group.overs) or _stands_behind(run, group)


def _inputs(group: Group) -> list[Handle]:
    return [*(slot.source for slot in group.all_slots if isinstance(slot.source, Handle)), *group.wait_for]


def _is_open(handle: Handle, *, over: bool) -> bool:
    if handle._mapped:
        return handle._known_length() is None
    return over and handle.state not in TASK_ENDS


def _stands_behind(run: LiveRun, group: Group) -> bool:
    """Whether an input of a call has not been laid out itself."""
    waiting = {other.spec.id for other in run.deferred if other is not group}
    return any(handle._source is run.answers and handle._ref.group in waiting for handle in _inputs(group))


def expand(run: LiveRun) -> None:
    """Lay out the calls whose lengths have become known, and those behind them."""
    if run.expanding:
        return
    run.expanding = True
    try:
        while sum(_lay_out(run, group) for group in list(run.deferred)):
            pass
    finally:
        run.expanding = False
    # Nothing joins what news have made ready: it goes at once, with whatever else waits.
    run.flush()


def _lay_out(run: LiveRun, group: Group) -> bool:
    """Hand a call on if all lengths are known; False if it has to wait."""
    if _stands_behind(run, group) or (group.overs and not _settle_length(run, group)):
        return False
    run.deferred.remove(group)
    if group.spec.id not in run.failed_expansions:
        run.ready(group)
    return True


def _settle_length(run: LiveRun, group: Group) -> bool:
    """Find out the length of a map; False while an input has not ended."""
    try:
        lengths = {over.name: _length_of(over) for over in group.overs}
        if any(length is None for length in lengths.values()):
            return False
        known = {name: length for name, length in lengths.items() if length is not None and length >= 0}
        if group.length is not None:
            known["the other arguments"] = group.length
        refuse_different_lengths(group.spec.task, known)
        # Where no input has a value, one element stands for the map, and its trigger decides.
        _set_length(run, group, next(iter(known.values()), 1))
    except WfkitError as error:
        _set_length(run, group, group.length or 1)
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
    nodes = [(group.spec.id, index) for index in range(group.length or 0)]
    run.without_key.update(nodes)
    info = ErrorInfo(type_name=type(error).__name__, message=str(error), traceback=f"{type(error).__name__}: {error}\n")
    run.record_events(
        NodeFinished(
            group=identity,
            index=index,
            attempt=0,
            state=TaskState.FAILED,
            kind=FailureKind.ERROR,
            reason=f"{type(error).__name__}: {error}",
            error=info,
            at_s=time.time(),
        )
        for identity, index in nodes
    )
