"""Values: fetching results from events and from the cluster, and the errors that stand in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from wfkit.authoring.handle import Ref
from wfkit.core.ids import GroupId
from wfkit.core.states import WITH_VALUE, TaskState
from wfkit.engine.driver.live import LiveRun
from wfkit.engine.worker.failure import revive
from wfkit.engine.worker.outcome import Err, Ok, Outcome, load_value
from wfkit.errors import (
    HandleMisuse,
    ResultLost,
    TaskCancelled,
    TaskCrashed,
    TaskFailed,
    TaskSkipped,
    Unsuccessful,
    UpstreamFailed,
)

if TYPE_CHECKING:
    from distributed import Future

_ERRORS: Final[dict[TaskState, type[Unsuccessful]]] = {
    TaskState.FAILED: TaskFailed,
    TaskState.UPSTREAM_FAILED: UpstreamFailed,
    TaskState.SKIPPED: TaskSkipped,
    TaskState.CANCELLED: TaskCancelled,
    TaskState.CRASHED: TaskCrashed,
}


def value_of(run: LiveRun, ref: Ref) -> object:
    """The value of a node that has ended, or one item of it.

    Raises
    ------
    Exception : the task's own, or the class that stands for its state
    ResultLost, ResultUnreadable : there was a value
    """
    assert ref.index is not None
    error = exception_of(run, ref.group, ref.index)
    if error is not None:
        raise error
    (value,) = values_of(run, ref.group, [ref.index])
    if ref.item is None:
        return value
    try:
        return value[ref.item]  # type: ignore[index]  # what cannot be indexed raises here
    except (TypeError, LookupError) as problem:
        raise HandleMisuse(f"The value of `{run.answers.name(ref)}` has no such item: {problem}.") from None


def values_of(run: LiveRun, group: GroupId, indices: Sequence[int]) -> list[object]:
    """The values of completed nodes: small ones from their events, the others from the cluster, at once."""
    view = run.view_model.groups[group]
    found = {index: load_value(view.inline[index], (), view.name(index)) for index in indices if index in view.inline}
    missing = [index for index in indices if index not in found]
    if missing:
        found.update(zip(missing, _gathered(run, group, missing), strict=True))
    return [found[index] for index in indices]


def _gathered(run: LiveRun, group: GroupId, indices: Sequence[int]) -> list[object]:
    name = run.view_model.groups[group].spec.name
    if run.released:
        raise ResultLost(f"The results of `{name}` were released.", "Run the flow again.")
    cluster = run.engine.cluster
    if cluster.status != "running":
        raise ResultLost(f"The cluster that held the results of `{name}` is gone.", "Run the flow again.")
    keys = [run.groups[group].key_of(index) for index in indices]
    try:
        outcomes = cluster.gather(keys)
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise ResultLost(
            f"Results of `{name}` could not be fetched: {type(error).__name__}: {first}.", "Run the flow again."
        ) from error
    return [outcome.value() for outcome in outcomes if isinstance(outcome, Ok)]


def exception_of(run: LiveRun, group: GroupId, index: int) -> BaseException | None:
    """The error that stands for a node that has ended; None where it has a value."""
    view = run.view_model.groups[group]
    state = view.state(index)
    if state in WITH_VALUE:
        return None
    attempts = view.errors.get(index, {})
    info = attempts[max(attempts)] if attempts and state is TaskState.FAILED else None
    if info is not None:
        if (error := revive(info)) is not None:
            return error
        failed = TaskFailed(f"`{view.name(index)}` failed: {info.type_name}: {info.message}")
        failed.add_note(f"On the worker:\n{info.traceback}")
        return failed
    return _ERRORS[state](f"`{view.name(index)}` ended {state}: {view.reasons.get(index, 'no reason known')}.")


def future_of(run: LiveRun, ref: Ref) -> Future[Any]:
    """A Dask future of a plain value: a tiny task that takes it out of its envelope."""
    if ref.index is None:
        raise HandleMisuse(f"`{run.answers.name(ref)}` is mapped: each element has a future.", "Use handle[k].future.")
    run.flush()
    cluster, key = run.engine.cluster, run.groups[ref.group].key_of(ref.index)
    return cluster.submit(_plain, cluster.future(key), ref.item, key=f"value-{key}-{ref.item}")


def _plain(outcome: Outcome, item: int | None) -> object:
    if isinstance(outcome, Err):
        error = revive(outcome.error) if outcome.error is not None else None
        raise error or _ERRORS[outcome.state](f"`{outcome.maker}` ended {outcome.state}: {outcome.reason}.")
    value = outcome.value()
    return value if item is None else value[item]  # type: ignore[index]  # what cannot be indexed raises here
