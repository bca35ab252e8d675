"""Values: fetching results from events and from the cluster, and the errors that stand in their place."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

from wfkit.authoring.handle import Ref
from wfkit.core.ids import GroupId
from wfkit.engine.driver.group import Node
from wfkit.engine.driver.live import LiveRun
from wfkit.engine.driver.reading import ended_in
from wfkit.engine.worker.ended import Ended
from wfkit.engine.worker.outcome import Err, Ok, Outcome, Outcomes, load_value
from wfkit.errors import HandleMisuse, ResultLost, WaitTimeout

if TYPE_CHECKING:
    from distributed import Future

#: A result that was lost with its worker is made again, and waited for; so long it may take until that has begun.
_PATIENCE_S: Final = 60.0
_AGAIN_S: Final = 0.1


def value_of(run: LiveRun, ref: Ref, until_s: float = math.inf) -> object:
    """The value of a node that has ended, or one item of it.

    Parameters
    ----------
    run, ref
    until_s : float
        So long it may take to fetch it, on the clock of `time.monotonic`.

    Raises
    ------
    Exception : the task's own, or the class that stands for its state
    ResultLost, ResultUnreadable : there was a value
    WaitTimeout : the time passed first
    """
    assert ref.index is not None
    error = exception_of(run, ref.group, ref.index)
    if error is not None:
        raise error
    (value,) = values_of(run, ref.group, [ref.index], until_s)
    if ref.item is None:
        return value
    try:
        return value[ref.item]  # type: ignore[index]  # what cannot be indexed raises here
    except (TypeError, LookupError) as problem:
        raise HandleMisuse(f"The value of `{run.answers.name(ref)}` has no such item: {problem}.") from None


def values_of(run: LiveRun, group: GroupId, indices: Sequence[int], until_s: float = math.inf) -> list[object]:
    """The values of completed nodes: small ones from their events, the others from the cluster, at once."""
    view = run.view_model.groups[group]
    found = {index: load_value(view.inline[index], (), view.name(index)) for index in indices if index in view.inline}
    missing = [index for index in indices if index not in found]
    if missing:
        found.update(zip(missing, _gathered(run, group, missing, until_s), strict=True))
    return [found[index] for index in indices]


def _gathered(run: LiveRun, group: GroupId, indices: Sequence[int], until_s: float) -> list[object]:
    view, places = run.view_model.groups[group], run.groups[group].where
    gone = away(run, view.spec.name)
    stored = {
        index: view.stored[index]
        for index in indices
        if index in view.stored and (gone or places(index)[0] in run.to_bring)
    }
    if len(stored) < len(indices) and gone:
        raise ResultLost(gone, "Run the flow again.")
    keys = {index: places(index)[0] for index in indices if index not in stored}
    only_there = {key for index, key in keys.items() if index not in view.stored}
    found = _fetched(run, list(dict.fromkeys(keys.values())), only_there, view.spec.name, until_s)
    stored |= {index: view.stored[index] for index, key in keys.items() if key not in found}
    return [
        _stored(run, stored[index])
        if index in stored
        else _value_at(found[places(index)[0]], places(index)[1], view.name(index))
        for index in indices
    ]


def away(run: LiveRun, name: str) -> str:
    """Why the cluster has nothing of a run any more; empty where it may."""
    if run.released:
        return f"The results of `{name}` were released."
    if run.engine.cluster.status != "running":
        return f"The cluster that held the results of `{name}` is gone."
    return f"The cluster has no results of `{name}` any more: {run.lost}." if run.lost else ""


def _stored(run: LiveRun, reference: str) -> object:
    assert run.engine.results is not None  # it is what gave the reference
    return run.engine.results.load(reference)


def _fetched(
    run: LiveRun, keys: Sequence[str], only_there: Collection[str], name: str, until_s: float
) -> dict[str, Any]:
    """What keys stand for. One that the cluster does not have now is waited for, if nothing else has its values."""
    found: dict[str, Any] = {}
    start_s = time.monotonic()
    while True:
        try:
            found.update(run.engine.cluster.gather(keys, until_s))
        except Exception as error:
            if (now_s := time.monotonic()) >= until_s:
                raise WaitTimeout(
                    f"The workers that hold results of `{name}` have not sent them after {now_s - start_s:.1f} s.",
                    "Give it more time.",
                ) from None
            first = str(error).partition("\n")[0]
            raise ResultLost(
                f"Results of `{name}` could not be fetched: {type(error).__name__}: {first}.", "Run the flow again."
            ) from error
        keys = [key for key in keys if key not in found and key in only_there]
        if not keys:
            return found
        if run.lost or (time.monotonic() > start_s + _PATIENCE_S and not run.engine.cluster.makes(keys)):
            why = f": {run.lost}" if run.lost else ""
            raise ResultLost(f"The cluster has no results of `{name}` any more{why}.", "Run the flow again.")
        time.sleep(_AGAIN_S)


def _value_at(found: Outcome | Outcomes, offset: int, name: str) -> object:
    outcome = found.outcomes[offset] if isinstance(found, Outcomes) else found
    if not isinstance(outcome, Ok):
        why = outcome.reason if isinstance(outcome, Err) else "another task has it"
        raise ResultLost(f"The result of `{name}` was lost, and not made again: {why}.", "Run the flow again.")
    return outcome.value()


def ended(run: LiveRun, node: Node) -> Ended:
    """What is known of a node that has ended."""
    key, offset = ("", -1) if node in run.without_key else run.groups[node[0]].where(node[1])
    return ended_in(run.view_model.groups[node[0]], node[1])._replace(key=key, offset=offset)


def exception_of(run: LiveRun, group: GroupId, index: int) -> BaseException | None:
    """The error that stands for a node that has ended; None where it has a value."""
    return ended(run, (group, index)).exception()


def future_of(run: LiveRun, ref: Ref) -> Future[Any]:
    """A Dask future of a plain value: a tiny task that takes it out of its envelope."""
    if ref.index is None:
        raise HandleMisuse(f"`{run.answers.name(ref)}` is mapped: each element has a future.", "Use handle[k].future.")
    run.flush()
    cluster, (key, offset) = run.engine.cluster, run.groups[ref.group].where(ref.index)
    small = run.small_value(ref.group, ref.index)  # nothing on the cluster may stand for it
    if small is not None:
        return cluster.submit(_plain, small, -1, ref.item, key=f"value-{key}-{offset}-{ref.item}")
    return cluster.submit(_plain, cluster.future(key), offset, ref.item, key=f"value-{key}-{offset}-{ref.item}")


def _plain(found: Outcome | Outcomes, offset: int, item: int | None) -> object:
    outcome = found.outcomes[offset] if isinstance(found, Outcomes) else found
    if isinstance(outcome, Err):
        raise Ended(outcome.maker, outcome.state, outcome.reason, outcome.error).exception() or RuntimeError
    if not isinstance(outcome, Ok):
        raise ResultLost(f"`{outcome.maker}` was sent again since its future was made.", "Ask for the future again.")
    value = outcome.value()
    return value if item is None else value[item]  # type: ignore[index]  # what cannot be indexed raises here
