"""Queries: what can be asked of a history, by any process, also about runs that go on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from operator import eq, ge, lt
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, func, select

from wfkit.core.events import AnyEvent
from wfkit.core.ids import RunId
from wfkit.core.reducer import fold
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.core.view import RunView
from wfkit.errors import NoSuchRun
from wfkit.history import tables
from wfkit.history.database import Database
from wfkit.history.payload import sealed, unpack
from wfkit.history.records import COLUMNS, RunRecord, record_of
from wfkit.history.seal import Seal, without_pickles

#: Of one page of runs.
MOST_RUNS: Final = 500
_ROWS: Final = 16
_CANDIDATES: Final = 4
_ENDS: Final = sorted(state.value for state in RUN_ENDS)
_THERE: Final = tables.runs.c.removed.is_(False)


class Queries:
    """Reads a database.

    Parameters
    ----------
    database : Database
    report : callable
        Is told what cannot be read; the rest is.
    """

    def __init__(self, database: Database, report: Callable[[str], None], seal: Seal | None = None) -> None:
        self._seal = seal or Seal()
        self._database = database
        self._report = report

    def runs(
        self,
        *,
        flow: str | None = None,
        state: RunState | None = None,
        tags: Collection[str] = (),
        since_s: float | None = None,
        until_s: float | None = None,
        parent: RunId | None = None,
        text: str | None = None,
        pinned: bool | None = None,
        limit: int = 50,
        before: RunId | None = None,
    ) -> list[RunRecord]:
        """One page of the runs that fit, the newest first.

        Parameters
        ----------
        flow : str, optional
            Name of the flow.
        state : RunState, optional
        tags : collection of str
            All of which a run must have.
        since_s, until_s : float, optional
            A run started at the first or later, and before the second.
        parent : RunId, optional
            The run that they go on from.
        text : str, optional
            What the id, the flow's name, or a parameter has in it, in capitals or not.
        pinned : bool, optional
        limit : int
            How many at most, 1 to 500.
        before : RunId, optional
            The last run of the page before.

        Raises
        ------
        ValueError : `limit` is out of range
        HistoryUnusable : the database cannot be read
        """
        if not 1 <= limit <= MOST_RUNS:
            raise ValueError(f"a page has 1 to {MOST_RUNS} runs, not {limit}")
        column = tables.runs.c
        comparisons: tuple[tuple[Callable[[Any, Any], ColumnElement[bool]], Column[Any], object], ...] = (
            (eq, column.flow_name, flow),
            (eq, column.state, None if state is None else state.value),
            (ge, column.started_s, since_s),
            (lt, column.started_s, until_s),
            (eq, column.parent_id, None if parent is None else tables.storable(parent)),
            (eq, column.pinned, pinned),
            (lt, column.id, None if before is None else tables.storable(before)),
        )
        wanted = [_THERE, *map(_has_tag, tags)]
        wanted += [compare(where, value) for compare, where, value in comparisons if value is not None]
        if text:
            wanted.append(column.words.contains(tables.storable(text.casefold()), autoescape=True))
        with self._database.reading() as connection:
            return _records(connection, wanted, limit)

    def run(self, text: str) -> RunRecord:
        """The run with this id, or the only one whose id begins so.

        Raises
        ------
        NoSuchRun : there is none, or more than one
        HistoryUnusable : the database cannot be read
        """
        ids, text = tables.runs.c.id, tables.storable(text)
        with self._database.reading() as connection:
            found = _records(connection, [_THERE, ids == text], 1) or _records(
                connection, [_THERE, ids.startswith(text, autoescape=True)], _CANDIDATES
            )
        if not found or not text:
            raise NoSuchRun(f"The history has no run {text!r}.", "`wfkit.runs()` lists them.")
        if len(found) > 1:
            named = ", ".join(one.id for one in found)
            raise NoSuchRun(f"More than one run begins with {text!r}: {named}.", "Write more of its id.")
        return found[0]

    def events(self, run_id: RunId, after_seq: int = 0) -> Iterator[AnyEvent]:
        """The events of a run that are stored by now, in the order of their numbers.

        Parameters
        ----------
        run_id : RunId
        after_seq : int
            Only those with higher numbers: who follows a run that goes on in another process asks again.

        Raises
        ------
        HistoryUnusable : the database cannot be read
        """
        rows = tables.events.c
        place = -1
        while True:
            with self._database.reading() as connection:  # a page at a time: who reads slowly holds nothing up
                page = connection.execute(
                    select(rows.first_seq, rows.last_seq, rows.payload)
                    .where(rows.run_id == run_id, rows.last_seq > after_seq, rows.first_seq > place)
                    .order_by(rows.first_seq)
                    .limit(_ROWS)
                ).all()
            for first_seq, last_seq, payload in page:
                place = first_seq
                for event in self._unpacked(run_id, first_seq, last_seq, payload):
                    if event.seq > after_seq:
                        yield event
            if len(page) < _ROWS:
                return

    def view(self, run_id: RunId) -> RunView:
        """A run as it is stored, in the same form as a live one.

        Raises
        ------
        HistoryUnusable : the database cannot be read
        """
        view = RunView()
        fold(view, self.events(run_id))
        return view

    def sizes(self) -> dict[RunId, int]:
        """Bytes that the events of each run take in the database."""
        rows = tables.events.c
        with self._database.reading() as connection:
            found = connection.execute(select(rows.run_id, func.sum(func.length(rows.payload))).group_by(rows.run_id))
            return {run_id: int(size) for run_id, size in found}

    def removed(self) -> list[RunId]:
        """Runs whose results are being deleted, or were when their process died."""
        with self._database.reading() as connection:
            ids = select(tables.runs.c.id).where(tables.runs.c.removed.is_(True)).order_by(tables.runs.c.id)
            return list(connection.scalars(ids))

    def unheard(self, but_not: str) -> tuple[dict[RunId, float], float]:
        """Runs that have not ended and whose owner, another one than `but_not`, is not heard of; and the time now.

        With each the end of its lease.
        """
        column = tables.runs.c
        with self._database.reading() as connection:
            now_s = connection.execute(select(tables.now())).scalar_one()
            found = connection.execute(
                select(column.id, column.until_s)
                .where(_THERE, column.state.not_in(_ENDS), column.until_s <= now_s, column.holder != but_not)
                .order_by(column.id)
            )
            return {row.id: row.until_s for row in found}, now_s

    def _unpacked(self, run_id: RunId, first_seq: int, last_seq: int, payload: bytes) -> Sequence[AnyEvent]:
        which = f"events {first_seq} to {last_seq} of the run {run_id}"
        try:
            events, unknown = unpack(payload)
        except ValueError as error:
            self._report(f"{which} cannot be read: {error}")
            return []
        if unknown:
            self._report(f"{unknown} of {which} are of a newer version of wfkit")
        seal, body = sealed(payload)
        if events and not self._seal.fits(run_id, events[0].seq, body, seal):
            self._report(f"{which} were written by somebody without the key of this history: values are left out")
            return [without_pickles(event) for event in events]
        return events


def _has_tag(tag: str) -> ColumnElement[bool]:
    column = tables.tags.c
    return select(column.tag).where(column.run_id == tables.runs.c.id, column.tag == tag).exists()


def _records(connection: Connection, wanted: Collection[ColumnElement[bool]], limit: int) -> list[RunRecord]:
    statement = select(*COLUMNS).where(*wanted).order_by(tables.runs.c.id.desc()).limit(limit)
    rows = connection.execute(statement).mappings().all()
    tags: dict[str, list[str]] = {}
    column = tables.tags.c
    if rows:
        of_these = select(column.run_id, column.tag).where(column.run_id.in_([row["id"] for row in rows]))
        for run_id, tag in connection.execute(of_these.order_by(column.tag)):
            tags.setdefault(run_id, []).append(tag)
    return [record_of(row, tags.get(row["id"], ())) for row in rows]
