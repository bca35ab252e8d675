"""Values: fetching results from events and from the cluster, and the errors that stand in their place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from wfkit.authoring.handle import Ref
from wfkit.core.ids import GroupId
from wfkit.engine.driver.group import Node
from wfkit.engine.driver.live import LiveRun
from wfkit.engine.driver.reading import ended_in
from wfkit.engine.worker.ended import Ended
from wfkit.engine.worker.outcome import Err, Ok, Outcome, Outcomes, load_value
from wfkit.errors import HandleMisuse, ResultLost

if TYPE_CHECKING:
    from distributed import Future

#: A result that was lost with its worker is made again meanwhile; so long it is waited for.
_PATIENCE_S: Final = 60.0
_AGAIN_S: Final = 0.1


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
    view, places = run.view_model.groups[group], run.groups[group].where
    gone = away(run, view.spec.name)
    stored = {
        index: view.stored[index]
        for index in indices
        if index in view.stored and (gone or places(index)[0] in run.to_bring)
    }
    if len(stored) < len(indices) and gone:
        raise ResultLost(gone, "Run the flow again.")
    keys = [places(index)[0] for index in indices if index not in stored]
    found = _fetched(run, list(dict.fromkeys(keys)), view.spec.name) if keys else {}
    return [
        _stored(run, stored[index]) if index in stored else _value_at(found[places(index)[0]], places(index)[1])
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


def _fetched(run: LiveRun, keys: list[str], name: str) -> dict[str, Any]:
    """What keys stand for; one that was lost with its worker is waited for, because it is made again."""
    found: dict[str, Any] = {}
    deadline = time.monotonic() + _PATIENCE_S
    while missing := [key for key in keys if key not in found]:
        try:
            found.update(run.engine.cluster.gather(missing))
        except Exception as error:
            first = str(error).partition("\n")[0]
            raise ResultLost(
                f"Results of `{name}` could not be fetched: {type(error).__name__}: {first}.", "Run the flow again."
            ) from error
        if len(found) < len(keys):
            if run.lost or time.monotonic() > deadline:
                why = f": {run.lost}" if run.lost else ""
                raise ResultLost(f"The cluster has no results of `{name}` any more{why}.", "Run the flow again.")
            time.sleep(_AGAIN_S)
    return found


def _value_at(found: Outcome | Outcomes, offset: int) -> object:
    outcome = found.outcomes[offset] if isinstance(found, Outcomes) else found
    assert isinstance(outcome, Ok)
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
