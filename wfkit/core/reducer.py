"""The reducer: folds events into a view, whatever their order and however often they come.

Each fact has one rule for which event holds, and the rule looks at the events alone, never at their arrival:

- A node's end is the end event with the lowest seq. It brings its time, size, reason, error and so on; those of later
  ends are dropped. Nothing leaves an end state.
- Before an end the highest (attempt, rank, seq) holds, ranks being started < waiting or resumed < retrying.
- Until a node ends, the `NodeStopping` with the highest (attempt, seq) is its reason.
- Where several attempts of a node began, each began when its earliest `NodeStarted` says, where its last one says.
- A node's children are those of the `NodeWaiting` with the highest (attempt, seq) among those that name some.
- Of several verdicts on a node the one with the highest seq holds.
- Of several descriptions of a group the one with the highest seq holds; its length is the longest ever told.
- A run's end is the `RunFinished` with the lowest seq; before it the `RunStateChanged` with the highest.
- The workers that are not heard of are those of the `WorkersSilent` with the highest seq.
- A repeat of an event weighs the same as the event, so it changes nothing.

So any interleaving, duplication and reordering of the same numbered events gives an equal view. Unnumbered events
(seq 0) fold too, but among equals the first to arrive holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import nan
from typing import Final, cast

from wfkit.core.columns import (
    ATTEMPT_SHIFT,
    MAX_ATTEMPT,
    advance,
    end_on,
    enlist,
    forget_end,
    move,
    note_end,
    note_start,
    note_wait,
    show_errors,
)
from wfkit.core.events import (
    USES_STALE,
    AnyEvent,
    BodyEnded,
    BodyLogged,
    CodesAdded,
    Event,
    GroupSpec,
    LogLines,
    NodeCrashed,
    NodeFinished,
    NodeResumed,
    NodeRetrying,
    NodesAdded,
    NodesDecided,
    NodeStarted,
    NodeStopping,
    NodeWaiting,
    RunFinished,
    RunStarted,
    RunStateChanged,
    Verdict,
    WorkersSilent,
)
from wfkit.core.ids import GroupId
from wfkit.core.stalls import note_silence
from wfkit.core.states import CODES, TASK_ENDS, RunState, TaskState
from wfkit.core.view import UNDESCRIBED, GroupView, Returned, RunView

#: A key packs (attempt, rank, seq) into one integer that fits a column: 16, 2 and 40 bits.
_SEQ_BITS: Final = 40
_RANK_BITS: Final = ATTEMPT_SHIFT - _SEQ_BITS
_SEQ_MASK: Final = (1 << _SEQ_BITS) - 1
_STARTED, _BLOCKING, _RETRYING = 1, 2, 3

_RUNNING_CODE: Final = CODES[TaskState.RUNNING]
_WAITING_CODE: Final = CODES[TaskState.WAITING]
_RETRYING_CODE: Final = CODES[TaskState.RETRYING]
_CRASHED_CODE: Final = CODES[TaskState.CRASHED]
_END_CODES: Final[Mapping[TaskState, int]] = {state: CODES[state] for state in TASK_ENDS}


def fold(view: RunView, events: Iterable[AnyEvent]) -> None:
    """Apply events to a view, in place.

    Raises
    ------
    KeyError : an object that is no event, or a `NodeFinished` whose state is no end
    """
    handlers = _HANDLERS
    for event in events:
        handlers[type(event)](view, event)


def apply(view: RunView, event: AnyEvent) -> None:
    """Apply one event to a view, in place."""
    _HANDLERS[type(event)](view, event)


def _run_started(view: RunView, event: RunStarted) -> None:
    if 0 <= view.start_seq <= event.seq:
        return
    view.start_seq = event.seq
    view.run_id, view.flow_name, view.parent_id = event.run_id, event.flow_name, event.parent_id
    view.parameters, view.started_s = event.parameters, event.at_s
    if view.change_seq < 0 and view.end_seq < 0:
        view.state = RunState.RUNNING
    view.version += 1


def _run_state_changed(view: RunView, event: RunStateChanged) -> None:
    if event.seq <= view.change_seq:
        return
    view.change_seq = event.seq
    if view.end_seq < 0:
        view.state, view.reason = event.state, event.reason
    view.version += 1


def _run_finished(view: RunView, event: RunFinished) -> None:
    if 0 <= view.end_seq <= event.seq:
        return
    view.end_seq = event.seq
    view.state, view.reason, view.ended_s = event.state, event.reason, event.at_s
    view.version += 1


def _nodes_added(view: RunView, event: NodesAdded) -> None:
    for spec in event.groups:
        group = view.groups.get(spec.id)
        if group is None:
            group = view.groups[spec.id] = GroupView(spec)
            view.names.setdefault(spec.name, spec.id)
        else:
            newer = event.seq > group.spec_seq
            length = _longest(spec.length, group.spec.length)
            if not newer and length == group.spec.length:
                continue
            if newer:
                _rename(view, group.spec, spec)
            group.spec = replace(spec if newer else group.spec, length=length)
            group.grow(length or 0)
        group.spec_seq = max(group.spec_seq, event.seq)
        view.version += 1
        group.changed = view.version


def _rename(view: RunView, before: GroupSpec, after: GroupSpec) -> None:
    """Find a group by its new name. One that was known from its nodes alone had none."""
    if after.name != before.name and view.names.get(before.name) == after.id:
        del view.names[before.name]
    view.names.setdefault(after.name, after.id)


def _longest(one: int | None, other: int | None) -> int | None:
    return max((length for length in (one, other) if length is not None), default=None)


def _codes_added(view: RunView, event: CodesAdded) -> None:
    for code in event.codes:
        if code.id not in view.codes:
            view.codes[code.id] = code
            view.version += 1


def _body_ended(view: RunView, event: BodyEnded) -> None:
    if event.seq <= view.body_seq:
        return
    view.body_seq = event.seq
    view.handles, view.value, view.body_cut_short = event.handles, event.value, event.cut_short
    view.version += 1


def _body_logged(view: RunView, event: BodyLogged) -> None:
    if event.seq not in view.body_logs:
        view.body_logs[event.seq] = event
        view.version += 1


def _nodes_decided(view: RunView, event: NodesDecided) -> None:
    group = _room(view, event.group, -1)
    for verdict in event.verdicts:
        number = len(group.verdicts)
        taken, is_stale = False, _is_stale(verdict)
        for first, end in zip(verdict.nodes[::2], verdict.nodes[1::2], strict=True):
            group.grow(end)
            for index in range(first, end):
                if (known := group.why[index]) < 0 or group.verdict_seqs[known] < event.seq:
                    group.stale += is_stale - (known >= 0 and _is_stale(group.verdicts[known]))
                    group.why[index] = number
                    taken = True
        if taken:
            group.verdicts.append(verdict)
            group.verdict_seqs.append(event.seq)
            view.version += 1
            group.changed = view.version


def _is_stale(verdict: Verdict) -> bool:
    """Whether nodes keep a value that an earlier version of their own code has made."""
    return verdict.reused and verdict.stale != "" and not verdict.stale.startswith(USES_STALE)


def _node_started(view: RunView, event: NodeStarted) -> None:
    group, index, attempt = view.groups.get(event.group), event.index, event.attempt
    if group is None or index >= len(group.states):
        group = _room(view, event.group, index)
    if attempt > group.attempts[index]:
        group.attempts[index] = min(attempt, MAX_ATTEMPT)
    key, known = _key(attempt, _STARTED, event.seq), group.start_keys[index]
    is_one_of_many = (known and (key ^ known) >> ATTEMPT_SHIFT) or index in group.starts
    if is_one_of_many and note_start(view, group, event, known >> ATTEMPT_SHIFT, known & _SEQ_MASK):
        view.version += 1
        group.changed = view.version
    if key <= known:
        if event.at_s >= group.started_s[index]:
            return
    else:
        group.start_keys[index] = key
        worker = view.worker_index.get(event.worker)
        if worker is None:
            worker = enlist(view, event.worker)
        group.start_workers[index] = worker
        if group.end_workers[index] < 0:
            group.worker_of[index] = worker
        if key > group.progress[index]:
            group.progress[index] = key
            if group.end_seqs[index] < 0:
                move(group, index, _RUNNING_CODE)
    if not event.at_s >= group.started_s[index]:  # true for nan, too
        group.started_s[index] = event.at_s
    view.version += 1
    group.changed = view.version


def _node_waiting(view: RunView, event: NodeWaiting) -> None:
    group, index = _seen(view, event.group, event.index, event.attempt)
    key = _key(event.attempt, _BLOCKING, event.seq)
    changed = advance(group, index, key, _WAITING_CODE) | note_wait(group, index, key, event.at_s, begins=True)
    if event.children and key > group.waiting_keys.get(index, 0):
        group.waiting_keys[index] = key
        group.children[index] = event.children
        if event.handles:
            group.returned[index] = Returned(event.attempt, event.handles, event.is_list)
        else:
            group.returned.pop(index, None)
        changed = True
    if changed:
        view.version += 1
        group.changed = view.version


def _node_resumed(view: RunView, event: NodeResumed) -> None:
    group, index = _seen(view, event.group, event.index, event.attempt)
    key = _key(event.attempt, _BLOCKING, event.seq)
    if advance(group, index, key, _RUNNING_CODE) | note_wait(group, index, key, event.at_s, begins=False):
        view.version += 1
        group.changed = view.version


def _node_stopping(view: RunView, event: NodeStopping) -> None:
    group, index = _seen(view, event.group, event.index, event.attempt)
    key = _key(event.attempt, 0, event.seq)
    if group.end_seqs[index] >= 0 or key <= group.stopping.get(index, -1):
        return
    group.stopping[index] = key
    group.reasons[index] = f"cancelling, still running on {event.worker}"
    view.version += 1
    group.changed = view.version


def _node_retrying(view: RunView, event: NodeRetrying) -> None:
    group, index = _seen(view, event.group, event.index, event.attempt)
    facts = group.retries.setdefault(index, {})
    known = facts.get(event.attempt)
    if known is not None and event.seq <= known[0]:
        return
    facts[event.attempt] = (event.seq, event.delay_s, event.error)
    group.delays_s.setdefault(index, {})[event.attempt] = event.delay_s
    group.failed_s.setdefault(index, {})[event.attempt] = event.at_s
    if event.cause:
        group.causes.setdefault(index, {})[event.attempt] = event.cause
    elif index in group.causes:
        group.causes[index].pop(event.attempt, None)
    show_errors(group, index)
    advance(group, index, _key(event.attempt, _RETRYING, event.seq), _RETRYING_CODE)
    view.version += 1
    group.changed = view.version


def _node_finished(view: RunView, event: NodeFinished) -> None:
    group, index, attempt = view.groups.get(event.group), event.index, event.attempt
    if group is None or index >= len(group.states):
        group = _room(view, event.group, index)
    if attempt > group.attempts[index]:
        _count_attempt(view, group, index, attempt)
    before = group.end_seqs[index]
    if before >= 0:
        if event.seq >= before:
            return
        forget_end(group, index)
    elif group.stopping.pop(index, None) is not None:
        del group.reasons[index]
    move(group, index, _END_CODES[event.state])
    group.end_seqs[index] = event.seq
    group.ended_s[index] = event.at_s
    group.wall_s[index] = event.wall_s if attempt or event.wall_s else nan
    group.result_bytes[index] = event.result_bytes
    end_on(view, group, index, event.worker)
    note_end(group, event)
    view.version += 1
    group.changed = view.version


def _node_crashed(view: RunView, event: NodeCrashed) -> None:
    group, index = _seen(view, event.group, event.index, event.attempt)
    before = group.end_seqs[index]
    if before >= 0:
        if event.seq >= before:
            return
        forget_end(group, index)
    elif group.stopping.pop(index, None) is not None:
        del group.reasons[index]
    move(group, index, _CRASHED_CODE)
    group.end_seqs[index] = event.seq
    group.ended_s[index] = event.at_s
    end_on(view, group, index, event.worker)
    group.kinds[index] = event.kind
    if event.reason:
        group.reasons[index] = event.reason
    view.version += 1
    group.changed = view.version


def _log_lines(view: RunView, event: LogLines) -> None:
    group, index = _seen(view, event.group, event.index, event.attempt)
    parts = group.logs.setdefault(index, {})
    known = parts.get((event.attempt, event.part))
    if known is not None and event.seq <= known.seq:
        return
    parts[event.attempt, event.part] = event
    view.logged.append(event)
    view.log_repeats += known is not None
    view.version += 1
    group.changed = view.version


def _key(attempt: int, rank: int, seq: int) -> int:
    return (min(attempt, MAX_ATTEMPT) << _RANK_BITS | rank) << _SEQ_BITS | seq


def _room(view: RunView, group_id: GroupId, index: int) -> GroupView:
    """Find the group of a node, and make room for the node where nobody has described it yet."""
    group = view.groups.get(group_id)
    if group is None:
        name = str(group_id)
        spec = GroupSpec(id=group_id, order=UNDESCRIBED, name=name, task=name, kind="task", mapped=True, length=None)
        group = view.groups[group_id] = GroupView(spec)
    group.grow(index + 1)
    return group


def _seen(view: RunView, group_id: GroupId, index: int, attempt: int) -> tuple[GroupView, int]:
    group = _room(view, group_id, index)
    if attempt > group.attempts[index]:
        _count_attempt(view, group, index, attempt)
    return group, index


def _count_attempt(view: RunView, group: GroupView, index: int, attempt: int) -> None:
    """Note an attempt even where the event that told of it weighs nothing else."""
    group.attempts[index] = min(attempt, MAX_ATTEMPT)
    view.version += 1
    group.changed = view.version


_Handler = Callable[[RunView, AnyEvent], None]

#: Each handler is only ever given events of its own class, which the type of a dict cannot say.
_HANDLERS: Final[Mapping[type[Event], _Handler]] = {
    RunStarted: cast(_Handler, _run_started),
    CodesAdded: cast(_Handler, _codes_added),
    NodesAdded: cast(_Handler, _nodes_added),
    NodesDecided: cast(_Handler, _nodes_decided),
    NodeStarted: cast(_Handler, _node_started),
    NodeRetrying: cast(_Handler, _node_retrying),
    NodeWaiting: cast(_Handler, _node_waiting),
    NodeResumed: cast(_Handler, _node_resumed),
    NodeStopping: cast(_Handler, _node_stopping),
    NodeFinished: cast(_Handler, _node_finished),
    NodeCrashed: cast(_Handler, _node_crashed),
    WorkersSilent: cast(_Handler, note_silence),
    LogLines: cast(_Handler, _log_lines),
    BodyLogged: cast(_Handler, _body_logged),
    BodyEnded: cast(_Handler, _body_ended),
    RunStateChanged: cast(_Handler, _run_state_changed),
    RunFinished: cast(_Handler, _run_finished),
}
