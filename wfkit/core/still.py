"""Still: a copy of a view, without logs, that no event changes: made quickly under a run's lock, read without it."""

from __future__ import annotations

from array import array
from copy import copy

from wfkit.core.view import GroupView, RunView


def still(view: RunView) -> RunView:
    """The view as it is now. Columns are copied whole: 100,000 nodes take some 10 ms."""
    taken = copy(view)
    taken.groups = {name: _still_group(group) for name, group in view.groups.items()}
    taken.logged, taken.body_logs = [], {}
    for name in ("workers", "codes", "names", "worker_index"):
        setattr(taken, name, _copied(getattr(view, name)))
    return taken


def _still_group(group: GroupView) -> GroupView:
    taken = copy(group)
    taken.logs = {}
    for name in GroupView.__slots__:
        setattr(taken, name, _copied(getattr(taken, name)))
    return taken


def _copied(value: object) -> object:
    if isinstance(value, dict):
        nested = any(isinstance(one, dict) for one in value.values())
        return {key: _copied(one) for key, one in value.items()} if nested else dict(value)
    return value[:] if isinstance(value, bytearray | array | list) else value
