"""Inputs: whether a node runs, given how its inputs ended, and the values that fill its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wfkit.authoring.freeze import OWN_INDEX, Frozen, Use, thaw, thaw_value
from wfkit.authoring.inputs import Missing
from wfkit.authoring.options import TaskOptions
from wfkit.core.states import TaskState
from wfkit.core.trigger import Verdict, decide
from wfkit.engine.worker.failure import describe, in_one_line, revive
from wfkit.engine.worker.outcome import Bounced, Err, Ok, Outcome
from wfkit.errors import TaskFailed, WfkitError

#: Outcomes for the slots of a node's arguments, in order, and behind them those that are only waited for.
Deps = Sequence[Outcome | list[Outcome]]

_NAMED = 3


def hold_constant(frozen: Frozen) -> Outcome:
    """Hold a value that a map passes whole; the function of the Dask task that stands for it."""
    try:
        (value,), _ = thaw(frozen, _no_slots)
    except BaseException as error:  # noqa: BLE001 - user code runs when a pickle is read
        return Err(TaskState.FAILED, in_one_line(error), describe(error), "")
    return Ok(value, "")


def _no_slots(slot: int) -> object:
    raise LookupError(slot)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one node is given.

    Attributes
    ----------
    run_id : str
    name : str
        The node, for messages.
    index : int
        Its element within the group.
    """

    run_id: str
    name: str
    index: int
    frozen: Frozen
    deps: Deps

    @property
    def bounced(self) -> bool:
        """Whether an input is not there: it, and so this node, will be sent again."""
        return any(
            isinstance(dep, Bounced) or (isinstance(dep, list) and any(isinstance(one, Bounced) for one in dep))
            for dep in self.deps
        )

    def verdict(self, options: TaskOptions) -> tuple[Verdict, str]:
        """Apply the task's trigger; the text names the inputs that have no value."""
        if not self.deps:
            return Verdict.RUN, ""
        states: list[list[TaskState]] = []
        troubles: list[Err] = []
        for position, dep in enumerate(self.deps):
            several = dep if isinstance(dep, list) else [dep]
            if any(not outcome.maker for outcome in several):
                continue  # a constant is no task
            allowed = position < len(self.frozen.uses) and self.frozen.uses[position].failure_allowed
            states.append([TaskState.COMPLETED if allowed else outcome.state for outcome in several])
            if not allowed:
                troubles += [outcome for outcome in several if isinstance(outcome, Err)]
        verdict = decide(options.trigger, states, skip_on_upstream_skip=options.skip_on_upstream_skip)
        listed = ", ".join(f"`{trouble.maker}` {trouble.state}" for trouble in troubles[:_NAMED])
        more = f" and {len(troubles) - _NAMED} more" if len(troubles) > _NAMED else ""
        return verdict, listed + more

    def arguments(self) -> tuple[tuple[object, ...], dict[str, object]]:
        """Positional and keyword arguments, with the inputs' values in their places.

        Raises
        ------
        ResultUnreadable : an input's value cannot be loaded in this process
        TaskFailed : an argument cannot, or an input's value has no item for this element
        """
        try:
            return thaw(self.frozen, self._fill)
        except WfkitError:
            raise
        except BaseException as error:
            raise self._unreadable(in_one_line(error)) from error

    def value(self) -> object:
        """The value of a node that returned handles, with those of its children in their places.

        Raises
        ------
        ResultUnreadable, TaskFailed : as of `arguments`
        """
        try:
            return thaw_value(self.frozen, self._fill)
        except WfkitError:
            raise
        except BaseException as error:
            raise self._unreadable(in_one_line(error)) from error

    def _unreadable(self, why: str) -> TaskFailed:
        return TaskFailed(
            f"An argument of `{self.name}` cannot be loaded on the worker: {why}.",
            "Pass something whose pickle can be read in another process.",
        )

    def _fill(self, slot: int) -> object:
        dep, use = self.deps[slot], self.frozen.uses[slot]
        if not isinstance(dep, list):
            return self._single(dep, use)
        return [self._single(outcome, use) for outcome in dep if outcome.state is not TaskState.SKIPPED]

    def _single(self, outcome: Outcome, use: Use) -> object:
        if isinstance(outcome, Err):
            if not outcome.maker:
                raise self._unreadable(outcome.reason)
            return Missing(outcome.state, outcome.reason, _exception_of(outcome))
        assert isinstance(outcome, Ok)  # a node with a bounced input is never given arguments
        value = outcome.common_value(self.run_id) if use.items else outcome.value()
        for item in use.items:
            value = _item(value, self.index if item == OWN_INDEX else item, outcome.maker)
        return value


def _item(value: object, item: int, maker: str) -> object:
    try:
        return value[item]  # type: ignore[index]  # what cannot be indexed raises here
    except Exception as error:
        raise TaskFailed(
            f"`{maker}` returned a {type(value).__qualname__} without item {item}: {in_one_line(error)}.",
            "Return a list or tuple with that many items.",
        ) from error


def _exception_of(outcome: Err) -> BaseException | None:
    if outcome.error is None:
        return None
    return revive(outcome.error) or TaskFailed(f"{outcome.error.type_name}: {outcome.error.message}")
