"""Kept: what the driver knows of nodes whose Dask task is executed again, because the worker that had it died."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from wfkit.core.ids import node_name
from wfkit.core.states import TaskState
from wfkit.engine.worker.ended import error_info
from wfkit.engine.worker.outcome import Bounced, Err, Outcome, arrived
from wfkit.engine.worker.past import Past
from wfkit.engine.worker.side import WorkerSide
from wfkit.engine.worker.spec import Spec

#: A driver that does not answer for so long has done with the run; its results may still be made again.
PATIENCE_S: Final = 60.0


def kept_outcomes(
    side: WorkerSide, spec: Spec, indices: Sequence[int], key: str, crashes: int
) -> list[Outcome | Past | None] | None:
    """What the driver knows of nodes whose Dask task is executed again; None where nobody drives their run any more.

    A past in the list: it has not ended, and goes on here. None: it has ended, and its value is made again here.

    Parameters
    ----------
    side, spec, indices
    key : str
        Of the Dask task.
    crashes : int
        Workers that died while they executed it.
    """
    try:
        (kept,) = side.ask_and_wait(spec.run_id, ["kept", spec.group, list(indices), key, crashes], PATIENCE_S)
    except TimeoutError:
        return None
    return [_known(spec, index, one) for index, one in zip(indices, kept, strict=True)]


def _known(spec: Spec, index: int, told: list[Any] | None) -> Outcome | Past | None:
    match told:
        case None:
            return None
        case [int(), int(), int()]:
            return Past(*told)
        case _:
            return known_outcome(spec, index, told)


def known_outcome(spec: Spec, index: int, told: list[Any]) -> Outcome:
    """The outcome of a node as the driver tells it; bounced where another Dask task executes it, or has done so.

    Parameters
    ----------
    spec, index
    told : list
        State (empty: nothing is known), reason, error as a list, and the pickled value.
    """
    state, reason, error, inline = told
    name = node_name(spec.name, index, mapped=spec.mapped)
    if not state:
        return Bounced(name)
    if inline is not None:
        return arrived(inline, name)
    return Err(TaskState(state), reason, error_info(error), name)
