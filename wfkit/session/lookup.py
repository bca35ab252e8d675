"""Lookup: runs of this session and of all others, as they are on record."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from wfkit.session.naming import run_by_id
from wfkit.session.session import session

if TYPE_CHECKING:
    from wfkit.core.ids import RunId
    from wfkit.engine.driver.reading import ReadableRun
    from wfkit.engine.driver.recorded import RecordedRun
    from wfkit.engine.driver.run import Run
    from wfkit.history.records import RunRecord


def runs(
    *,
    flow: str | None = None,
    state: str | None = None,
    tags: str | Collection[str] = (),
    since: datetime | float | None = None,
    until: datetime | float | None = None,
    text: str | None = None,
    limit: int = 50,
    before: ReadableRun | str | None = None,
) -> list[Run | RecordedRun]:
    """The runs on record, and those of this session, newest first.

    Parameters
    ----------
    flow : str, optional
        The name of a flow.
    state : str, optional
        Such as "FAILED".
    tags : str or collection of str
        A tag, or several all of which a run must have.
    since, until : datetime or float, optional
        A run started at the first or later, and before the second. A datetime without a time zone is this machine's; a
        number is seconds since the epoch.
    text : str, optional
        What the id, the flow's name, or a parameter has in it.
    limit : int
        How many at most, 1 to 500.
    before : Run or str, optional
        The last run of the page before, or its id.

    Raises
    ------
    BadParameter : one of these is not allowed
    HistoryUnusable : the record cannot be read
    """
    from wfkit.session.filters import filters_of  # the database is loaded by who looks back

    wanted = filters_of(
        flow=flow, state=state, tags=tags, since=since, until=until, text=text, limit=limit, before=before
    )
    joined = session()
    if joined.keeper.history is None:
        return [*wanted.among(joined.runs)]
    found = joined.keeper.runs(**asdict(wanted))
    ours = {run.id: run for run in joined.runs}
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
