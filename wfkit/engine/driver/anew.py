"""Anew: a body that is executed again makes a call again of which elements have failed; all else of it is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from wfkit.authoring.handle import Ref
from wfkit.core.events import NodeFinished
from wfkit.core.states import FINE, TaskState
from wfkit.engine.driver.group import Group, Node
from wfkit.engine.driver.origin import reused

if TYPE_CHECKING:
    from wfkit.engine.driver.growing import GrowingRun

_REASON: Final = "done for an earlier attempt of what spawned it"


def settle(run: GrowingRun, group: Group, indices: Sequence[int]) -> Sequence[int]:
    """Decide about nodes that have just been laid out.

    Returns
    -------
    sequence of int : those that are executed; others are kept, or wait for what the earlier call still works on

    Notes
    -----
    Elements of the two calls are the same where neither goes over a flatten, whose parts may have come in another
    order. What has children of its own is executed again, with them. In a rerun it is the recorded run that decides.
    """
    earlier = run.earlier.get(group.spec.id)
    if earlier is None or run.reuse is not None or _is_flattened(group) or _is_flattened(run.groups[earlier]):
        return indices
    known = len(run.groups[earlier].status)
    executed, kept = list[int](), list[NodeFinished]()
    for index in indices:
        if index < known and not run.has_ended((earlier, index)):
            group.aside.add(index)
            run.do_apart(partial(run.answers.when_done, Ref(earlier, index), partial(_ended, run, group, index)))
        elif index < known and _is_done(run, (earlier, index)):
            kept.append(_keep(run, group, index))
        else:
            executed.append(index)
    run.record_events(kept)
    return executed


def _is_flattened(group: Group) -> bool:
    return any(one is not None for one in (group.pattern, group.root, group.final))


def _is_done(run: GrowingRun, node: Node) -> bool:
    return run.view_model.groups[node[0]].state(node[1]) in FINE and node not in run.children


def _ended(run: GrowingRun, group: Group, index: int) -> None:
    """A node of the earlier call has ended."""
    with run.lock:
        if run.is_open((group.spec.id, index)):
            if _is_done(run, (run.earlier[group.spec.id], index)):
                run.record_events([_keep(run, group, index)])
            else:
                run.sender.again((group.spec.id, index))
    run.engine.flush_soon(run.id)


def _keep(run: GrowingRun, group: Group, index: int) -> NodeFinished:
    node, old = (group.spec.id, index), (run.earlier[group.spec.id], index)
    end = reused(run.view_model, old, node, time.time())
    if end.state is TaskState.SKIPPED:
        run.without_key.add(node)
        return end
    if end.inline is None:
        group.elsewhere[index] = run.groups[old[0]].where(index)
    return replace(end, reason=_REASON)
