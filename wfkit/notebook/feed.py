"""The feed: a view as messages for the browser: a snapshot first, then what changed since the last message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isnan
from struct import pack
from typing import Final

from wfkit.core.events import GroupSpec, LogLine
from wfkit.core.ids import GroupId
from wfkit.core.states import RUN_ENDS, STATES
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.plain import clean

#: Version of the protocol; a browser that speaks another one is told so.
VERSION: Final = 1

#: One message: what becomes JSON, and the binary buffers that travel beside it.
Message = tuple[dict[str, object], list[bytes]]

_BLOCK: Final = 512  #: states are compared in blocks of this size first
_SPARSE_SHARE: Final = 8  #: below one change in so many elements only the changes travel
_RECOUNT: Final = 4096  #: up to this length all times of a group are looked at again
_LOG_HEAD: Final = (200, 64_000)  #: lines and characters from the start of a log
_LOG_TAIL: Final = (800, 192_000)  #: and from its end
_LINE_CHARS: Final = 4_000
_PREVIEW_CHARS: Final = 20_000


@dataclass(slots=True)
class Sent:
    """What the browser knows after the last message."""

    version: int = -1  #: of the view
    specs: dict[GroupId, GroupSpec] = field(default_factory=dict)
    states: dict[GroupId, bytes] = field(default_factory=dict)
    times: dict[GroupId, tuple[float | None, float | None]] = field(default_factory=dict)  #: first start, last end


def snapshot(view: RunView, now_s: float) -> tuple[Message, Sent]:
    """Say everything; one buffer of state codes a group."""
    sent = Sent(version=view.version)
    groups, buffers = [], []
    for group in view.ordered():
        spec = group.spec
        sent.specs[spec.id], sent.states[spec.id] = spec, bytes(group.states)
        sent.times[spec.id] = _all_times(group)
        groups.append(_described(group, sent))
        buffers.append(sent.states[spec.id])
    content: dict[str, object] = {
        "v": VERSION,
        "op": "snapshot",
        "seq": view.version,
        "run": _head(view, now_s),
        "states": [state.value for state in STATES],
        "workers": [clean(worker, 200) for worker in view.workers],
        "groups": groups,
    }
    return (content, buffers), sent


def delta(view: RunView, sent: Sent, now_s: float) -> Message:
    """Say what changed since `sent`, which then holds what this message says too."""
    base, sent.version = sent.version, view.version
    groups: list[dict[str, object]] = []
    cells: list[dict[str, object]] = []
    buffers: list[bytes] = []
    for group in view.ordered():
        if group.changed <= base and group.spec.id in sent.specs:
            continue
        form, parts = _cells(group, sent, recount=view.state in RUN_ENDS)
        groups.append(_changed(group, sent))
        if parts:
            cells.append({"id": group.spec.id, "form": form})
            buffers.extend(parts)
    content: dict[str, object] = {
        "v": VERSION,
        "op": "delta",
        "seq": view.version,
        "base": base,
        "run": _head(view, now_s),
        "groups": groups,
        "cells": cells,
    }
    return content, buffers


def node_detail(view: RunView, group_id: GroupId, index: int) -> dict[str, object]:
    """Say all that is known of one node.

    Raises
    ------
    KeyError : the run has no such group
    IndexError : the group has no such element
    """
    group = view.groups[group_id]
    if not 0 <= index < len(group):
        raise IndexError(index)
    kind = group.kinds.get(index)
    worker = group.worker_of[index]
    ended = not isnan(group.ended_s[index])
    return {
        "name": clean(group.name(index)),
        "group": group_id,
        "index": index,
        "state": group.state(index).value,
        "kind": None if kind is None else kind.value,
        "reason": clean(group.reasons.get(index, ""), _LINE_CHARS),
        "preview": clean(group.previews.get(index, ""), _PREVIEW_CHARS),
        "worker": clean(view.workers[worker], 200) if worker >= 0 else "",
        "attempts": _attempts(group, index),
        "started_s": _number(group.started_s[index]),
        "ended_s": _number(group.ended_s[index]),
        "wall_s": _number(group.wall_s[index]),
        "result_bytes": group.result_bytes[index] if ended and group.result_bytes[index] > 0 else None,
        "logs": list(_log_rows(group, index)),
    }


def message_bytes(message: Message) -> int:
    """Estimate the size of a message on the wire, for the budget of bytes a second."""
    content, buffers = message
    groups = content.get("groups")
    return 400 + 260 * (len(groups) if isinstance(groups, list) else 0) + sum(map(len, buffers))


def _head(view: RunView, now_s: float) -> dict[str, object]:
    return {
        "id": view.run_id,
        "flow": clean(view.flow_name, 200),
        "state": view.state.value,
        "reason": clean(view.reason, _LINE_CHARS),
        "started_s": view.started_s,
        "ended_s": view.ended_s,
        "now_s": now_s,
    }


def _described(group: GroupView, sent: Sent) -> dict[str, object]:
    spec = group.spec
    first_s, last_s = sent.times[spec.id]
    return {
        "id": spec.id,
        "order": spec.order,
        "name": clean(spec.name, 400),
        "task": clean(spec.task, 400),
        "kind": spec.kind,
        "mapped": spec.mapped,
        "length": spec.length,
        "parent": spec.parent,
        "edges": [[edge.group, edge.how.value, edge.index] for edge in spec.edges],
        "counts": list(group.counts),
        "first_s": first_s,
        "last_s": last_s,
    }


def _changed(group: GroupView, sent: Sent) -> dict[str, object]:
    """Describe a group; one whose description the browser has by what may have moved alone."""
    spec = group.spec
    if sent.specs.get(spec.id) is not spec:
        sent.specs[spec.id] = spec
        return _described(group, sent)
    first_s, last_s = sent.times[spec.id]
    return {"id": spec.id, "counts": list(group.counts), "first_s": first_s, "last_s": last_s}


def _cells(group: GroupView, sent: Sent, *, recount: bool) -> tuple[str, list[bytes]]:
    """Form and buffers of the states that changed; no buffers if none did."""
    group_id = group.spec.id
    known = group_id in sent.states
    before, after = sent.states.get(group_id, b""), bytes(group.states)
    changes = list(_differences(before, after))
    sent.states[group_id] = after
    if recount or len(after) <= _RECOUNT:
        sent.times[group_id] = _all_times(group)
    else:
        sent.times[group_id] = _more_times(group, changes, sent.times.get(group_id, (None, None)))
    if known and not changes:
        return "full", []
    if len(before) != len(after) or len(changes) * _SPARSE_SHARE > len(after):
        return "full", [after]
    return "sparse", [pack(f"<{len(changes)}I", *changes), bytes(after[i] for i in changes)]


def _differences(before: bytes, after: bytes) -> Iterator[int]:
    for start in range(0, len(after), _BLOCK):
        block, old = after[start : start + _BLOCK], before[start : start + _BLOCK]
        if block == old:
            continue
        both = min(len(block), len(old))
        yield from (start + i for i in range(both) if block[i] != old[i])
        yield from range(start + both, start + len(block))


def _all_times(group: GroupView) -> tuple[float | None, float | None]:
    first_s = min((at_s for at_s in group.started_s if at_s == at_s), default=None)  # noqa: PLR0124 - nan is not itself
    last_s = max((at_s for at_s in group.ended_s if at_s == at_s), default=None)  # noqa: PLR0124 - the same
    return first_s, last_s


def _more_times(
    group: GroupView, changes: list[int], known: tuple[float | None, float | None]
) -> tuple[float | None, float | None]:
    starts = [group.started_s[i] for i in changes if not isnan(group.started_s[i])]
    ends = [group.ended_s[i] for i in changes if not isnan(group.ended_s[i])]
    first_s, last_s = known
    return (
        min(starts if first_s is None else [first_s, *starts], default=None),
        max(ends if last_s is None else [last_s, *ends], default=None),
    )


def _attempts(group: GroupView, index: int) -> list[dict[str, object]]:
    errors, delays = group.errors.get(index, {}), group.delays_s.get(index, {})
    numbers = set(range(1, group.attempts[index] + 1)) | errors.keys() | delays.keys()
    attempts: list[dict[str, object]] = []
    for number in sorted(numbers):
        error = errors.get(number)
        attempts.append(
            {
                "attempt": number,
                "error": None
                if error is None
                else {
                    "type": clean(error.type_name, 400),
                    "message": clean(error.message, 5_000),
                    "traceback": clean(error.traceback, 25_000),
                },
                "delay_s": delays.get(number),
            }
        )
    return attempts


def _log_rows(group: GroupView, index: int) -> Iterator[list[object]]:
    """Rows of head and tail of the log, with a row between that tells what is left out."""
    lines = [(line, attempt) for (attempt, _), part in sorted(group.logs.get(index, {}).items()) for line in part.lines]
    head = _fitting(lines, *_LOG_HEAD)
    tail = _fitting(lines[head:][::-1], *_LOG_TAIL)
    yield from (_log_row(line, attempt) for line, attempt in lines[:head])
    left_out = len(lines) - head - tail
    if left_out > 0:
        line, attempt = lines[head]
        yield [line.at_s, line.level, "wfkit", f"… {left_out:,} lines are not shown here …", attempt]
    yield from (_log_row(line, attempt) for line, attempt in lines[len(lines) - tail :])


def _fitting(lines: list[tuple[LogLine, int]], most: int, most_chars: int) -> int:
    """Count the lines from the start that stay below both limits."""
    chars = 0
    for count, (line, _) in enumerate(lines[:most]):
        chars += min(len(line.text), _LINE_CHARS) + 40
        if chars > most_chars:
            return count
    return min(len(lines), most)


def _log_row(line: LogLine, attempt: int) -> list[object]:
    return [line.at_s, line.level, clean(line.source, 200), clean(line.text, _LINE_CHARS), attempt]


def _number(value: float) -> float | None:
    return None if isnan(value) else value
