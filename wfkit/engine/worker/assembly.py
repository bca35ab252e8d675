"""Assembly: a node that returned handles gets its value, once its children have theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wfkit.authoring.freeze import Frozen
from wfkit.core.states import FailureKind, TaskState
from wfkit.core.trigger import Trigger, Verdict, decide
from wfkit.engine.worker.ends import End
from wfkit.engine.worker.failure import describe, in_one_line
from wfkit.engine.worker.inputs import Inputs
from wfkit.engine.worker.outcome import Bounced, Err, Outcome
from wfkit.engine.worker.result import check_result

if TYPE_CHECKING:
    from wfkit.engine.worker.node import Node

_NAMED = 3


class Assembly(NamedTuple):
    """What is left to do for a node that returned handles."""

    frozen: Frozen  #: the value, with slots for the children's
    wall_s: float  #: that the body took


def assembled(node: Node, assembly: Assembly, given: list[Outcome | list[Outcome]]) -> Outcome:
    """Put the children's values into the value of their parent; a child's failure is the parent's."""
    inputs = Inputs(node.spec.run_id, node.name, node.index, assembly.frozen, given)
    if inputs.bounced:
        return Bounced(node.name)
    try:
        if (end := _without_value(given)) is not None:
            return node.end(end)
        value = inputs.value()
        checked = check_result(value, node.name)
    except BaseException as error:  # noqa: BLE001 - the point of an envelope
        return node.end(End(TaskState.FAILED, in_one_line(error), describe(error), FailureKind.ERROR))
    return node.complete(value, checked, assembly.wall_s)


def _without_value(given: list[Outcome | list[Outcome]]) -> End | None:
    groups = [dep if isinstance(dep, list) else [dep] for dep in given]
    verdict = decide(Trigger.ALL_SUCCESS, [[outcome.state for outcome in group] for group in groups])
    if verdict is Verdict.RUN:
        return None
    if verdict is Verdict.SKIP:
        skipped = next(one for group in groups for one in group if one.state is TaskState.SKIPPED)
        return End(TaskState.SKIPPED, f"its child `{skipped.maker}` was skipped")
    failed = [one for group in groups for one in group if isinstance(one, Err) and one.state is not TaskState.SKIPPED]
    named = "; ".join(f"`{one.maker}` {one.state}: {one.reason}" for one in failed[:_NAMED])
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return End(TaskState.FAILED, f"its child {named}{more}", failed[0].error, FailureKind.CHILD)
