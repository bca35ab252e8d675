"""Ending: how a run ends, given how its nodes did."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from wfkit.core.graph import unhandled
from wfkit.core.ids import GroupId
from wfkit.core.states import RunState
from wfkit.core.view import RunView

_NAMED = 3


def outcome_of(view: RunView, looked_at: AbstractSet[tuple[GroupId, int]]) -> tuple[RunState, str]:
    """The end state of a run whose nodes have all ended, and why.

    Parameters
    ----------
    view : RunView
    looked_at : set of (group, element)
        Nodes whose result or exception the flow's body asked for.
    """
    bad = unhandled(view, looked_at)
    if not bad:
        return RunState.COMPLETED, ""
    roots = [node for node in bad if view.groups[node[0]].state(node[1]) != "UPSTREAM_FAILED"] or bad
    named = ", ".join(
        f"`{view.groups[group].name(index)}` {view.groups[group].state(index)}" for group, index in roots[:_NAMED]
    )
    more = f" and {len(roots) - _NAMED} more" if len(roots) > _NAMED else ""
    return RunState.FAILED, named + more
