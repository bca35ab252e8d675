"""Snapshot: a whole view as plain data, for tests and records."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from wfkit.core.events import BoundHandle, CodeSpec, Edge, ErrorInfo, LogLine, LogLines
from wfkit.core.states import STATES
from wfkit.core.view import GroupView, RunView

#: Data that JSON knows.
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


def snapshot(view: RunView) -> dict[str, Plain]:
    """The whole view as plain data, equal for equal facts however the events arrived.

    JSON can hold it: nan is None, bytes are hex, workers are named. Leaves out versions.
    """
    return {
        "run_id": view.run_id,
        "flow_name": view.flow_name,
        "parent_id": view.parent_id,
        "parameters": [[name, preview] for name, preview in view.parameters],
        "state": view.state.value,
        "reason": view.reason,
        "started_s": view.started_s,
        "ended_s": view.ended_s,
        "silent": [*sorted(view.silent)],
        "codes": [_code(code) for _, code in sorted(view.codes.items())],
        "handles": [_bound(handle) for handle in view.handles],
        "value": None if view.value is None else view.value.hex(),
        "body_cut_short": view.body_cut_short,
        "body_log": [_line(line) for line in view.body_log()],
        "groups": [_group_snapshot(group, view.workers) for group in view.ordered()],
    }


def _group_snapshot(group: GroupView, workers: list[str]) -> Plain:
    spec = group.spec
    counts: dict[str, Plain] = {state.value: count for state, count in zip(STATES, group.counts, strict=True) if count}
    return {
        "id": spec.id,
        "order": spec.order,
        "name": spec.name,
        "task": spec.task,
        "kind": spec.kind,
        "mapped": spec.mapped,
        "length": spec.length,
        "parent": spec.parent,
        "edges": [_edge(edge) for edge in spec.edges],
        "labels": list(spec.labels),
        "parts": [[part, count] for part, count in spec.parts],
        "code": spec.code,
        "inputs": [[one.name, one.tokens.hex()] for one in spec.inputs],
        "uses": [_edge(edge) for edge in spec.uses],
        "spelled": [_edge(edge) for edge in spec.spelled],
        "looks": [[looked, index] for looked, index in spec.looks],
        "arguments": [[one.name, one.preview, one.uses] for one in spec.arguments],
        "counts": counts,
        "nodes": [_node_snapshot(group, index, workers) for index in range(len(group))],
    }


def _edge(edge: Edge) -> list[Plain]:
    return [edge.group, edge.how.value, edge.index, edge.at, *edge.items]


def _code(code: CodeSpec) -> Plain:
    parts: list[Plain] = [[label, digest] for label, digest in code.parts]
    return [code.id, code.task, code.fingerprint, code.unknown, parts, code.source]


def _bound(handle: BoundHandle) -> Plain:
    return [handle.name, handle.group, handle.index, handle.item, handle.mapped, handle.n_outputs]


def _node_snapshot(group: GroupView, index: int, workers: list[str]) -> Plain:
    worker = group.worker_of[index]
    node: dict[str, Plain] = {
        "state": group.state(index).value,
        "attempts": group.attempts[index],
        "started_s": _or_none(group.started_s[index]),
        "ended_s": _or_none(group.ended_s[index]),
        "wall_s": _or_none(group.wall_s[index]),
        "worker": workers[worker] if worker >= 0 else None,
        "result_bytes": group.result_bytes[index],
    }
    if (kind := group.kinds.get(index)) is not None:
        node["kind"] = kind.value
    if (inline := group.inline.get(index)) is not None:
        node["inline"] = inline.hex()
    facts: dict[str, Mapping[int, str] | Mapping[int, int]] = {
        "reason": group.reasons,
        "preview": group.previews,
        "length": group.lengths,
        "stored": group.stored,
        "made_by": group.made_by,
        "memory_bytes": group.memory_bytes,
    }
    node.update({name: of[index] for name, of in facts.items() if index in of})
    if (verdict := group.verdict(index)) is not None:
        node["verdict"] = [verdict.reused, verdict.reason, verdict.stale]
    node |= _made_of(group, index)
    if errors := group.errors.get(index):
        node["errors"] = {str(attempt): _error(error) for attempt, error in sorted(errors.items())}
    if delays := group.delays_s.get(index):
        node["delays_s"] = {str(attempt): delay for attempt, delay in sorted(delays.items())}
    if failed := group.failed_s.get(index):
        node["failed_s"] = {str(attempt): at_s for attempt, at_s in sorted(failed.items())}
    if starts := group.starts.get(index):
        node["starts"] = {
            str(attempt): [at_s, workers[on] if on >= 0 else None] for attempt, (_, at_s, on) in sorted(starts.items())
        }
    if waits := group.waits.get(index):
        node["waits"] = [[at_s, begins] for _, (at_s, begins) in sorted(waits.items())]
    if causes := group.causes.get(index):
        node["causes"] = {str(attempt): cause for attempt, cause in sorted(causes.items())}
    if logs := group.logs.get(index):
        node["logs"] = [_lines(event) for _, event in sorted(logs.items())]
    return node


def _made_of(group: GroupView, index: int) -> dict[str, Plain]:
    told: dict[str, Plain] = {}
    if (children := group.children.get(index)) is not None:
        told["children"] = list(children)
    if (returned := group.returned.get(index)) is not None:
        told["returned"] = [returned.attempt, returned.is_list, *map(_bound, returned.handles)]
    return told


def _or_none(seconds: float) -> float | None:
    return None if isnan(seconds) else seconds


def _error(error: ErrorInfo) -> Plain:
    pickled = None if error.pickled is None else error.pickled.hex()
    return {
        "type": error.type_name,
        "message": error.message,
        "traceback": error.traceback,
        "pickled": pickled,
    }


def _lines(event: LogLines) -> Plain:
    return {"attempt": event.attempt, "part": event.part, "lines": [_line(line) for line in event.lines]}


def _line(line: LogLine) -> Plain:
    return [line.at_s, line.level, line.source, line.text]
