"""Lookup: runs of this session and of all others, as they are on record."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wfkit.authoring.options import is_whole
from wfkit.core.states import RunState
from wfkit.errors import BadParameter
from wfkit.session.naming import run_by_id
from wfkit.session.session import session

if TYPE_CHECKING:
    from wfkit.core.ids import RunId
    from wfkit.engine.driver.recorded import RecordedRun
    from wfkit.engine.driver.run import Run
    from wfkit.history.records import RunRecord


def runs(
    *,
    flow: str | None = None,
    state: str | None = None,
    tags: Collection[str] = (),
    since: float | None = None,
    until: float | None = None,
    text: str | None = None,
    limit: int = 50,
    before: str | None = None,
) -> list[Run | RecordedRun]:
    """The runs on record, and those of this session, newest first.

    Parameters
    ----------
    flow : str, optional
        The name of a flow.
    state : str, optional
        Such as "FAILED".
    tags : collection of str
        All of which a run must have.
    since, until : float, optional
        Seconds since the epoch: a run started at the first or later, and before the second.
    text : str, optional
        What the id, the flow's name, or a parameter has in it.
    limit : int
        How many at most, 1 to 500.
    before : str, optional
        The id of the last run of the page before.

    Raises
    ------
    BadParameter : `state` or `limit` is not allowed
    HistoryUnusable : the record cannot be read
    """
    from wfkit.history.queries import MOST_RUNS  # the database is loaded by who looks back

    if state is not None and state not in list(RunState):
        raise BadParameter(f"state={state!r} is not allowed.", f"It takes one of {', '.join(RunState)}.")
    if not is_whole(limit, 1) or limit > MOST_RUNS:
        raise BadParameter(f"limit={limit!r} is not allowed.", f"It takes whole numbers from 1 to {MOST_RUNS}.")
    wanted = RunState(state) if state is not None else None
    joined = session()
    asked = {"flow": flow, "state": wanted, "tags": tags, "since_s": since, "until_s": until, "text": text}
    found = joined.keeper.runs(**asked, limit=limit, before=before)
    ours = {run.id: run for run in joined.runs}
    if joined.keeper.history is None:
        fitting: list[Run | RecordedRun] = [run for run in reversed(joined.runs) if flow in {None, run.flow_name}]
        return [run for run in fitting if wanted in {None, run.state}][:limit]
    return [ours.get(run.id, run) for run in found]


def attach(run_id: str) -> Run | RecordedRun:
    """A run by its id, or the start of its id, from any kernel: to look at it, and to go on from it.

    A start that only one run of this session has means that run, whatever else is on record.

    Raises
    ------
    NoSuchRun : there is none on record, or several begin so
    """
    joined = session()
    return run_by_id(joined.runs, run_id) or joined.keeper.find(run_id)


def record_of(run_id: RunId) -> RunRecord | None:
    """What is on record about a run: who ran it, where and with what; None where there is no record of it."""
    return session().keeper.record(run_id)
