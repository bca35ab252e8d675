"""Store: the history of all runs, as the other rooms see it."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, delete, select, update

from wfkit.core.ids import RunId
from wfkit.core.lease import Lease
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.core.wire import Encoded
from wfkit.errors import NoSuchRun
from wfkit.history import tables, writes
from wfkit.history.database import Database
from wfkit.history.queries import Queries
from wfkit.history.records import RunRecord
from wfkit.history.schema import prepare
from wfkit.history.seal import Seal
from wfkit.history.settling import Settling
from wfkit.history.writer import BACKLOG_BYTES, Driver, Writer

_NOTES: Final = 100
#: A rerun waits at most so long for a database that another process holds.
_HOLDING_S: Final = 2.0
#: Pages of SQLite's file that are given back at a time: 10 ms.
_PAGES: Final = 1_000


class History(Queries):
    """The record of all runs: what is written of those that this process drives, and what any process can ask.

    Attributes
    ----------
    holder : str
        Who this process is, for other processes.

    Parameters
    ----------
    database : Database
        With its tables; see `open`.
    note : str
        What its user should know about it.
    backlog_bytes : int
        What may wait in memory while the database cannot be written.
    seal : Seal, optional
        Signs what is written, and checks what is read.
    """

    def __init__(
        self, database: Database, note: str = "", backlog_bytes: int = BACKLOG_BYTES, seal: Seal | None = None
    ) -> None:
        super().__init__(database, self._tell, seal)
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._notes = [note] if note else []
        self._writer = Writer(database, self.holder, backlog_bytes, seal)
        self._settling = Settling(self, self._writer)

    @classmethod
    def open(cls, place: str | Path, seal: Seal | None = None) -> Self:
        """Open a history, and make it if there is none.

        Parameters
        ----------
        place : str or Path
            A directory of the user's, which becomes private, or the URL of a database.
        seal : Seal, optional
            Signs what is written; without it values are taken from whoever has written them.

        Raises
        ------
        HistoryUnusable : it cannot be used; says why, and what to do
        """
        database = Database(place)
        try:
            return cls(database, prepare(database), seal=seal)
        except BaseException:
            database.close()
            raise

    @property
    def notes(self) -> tuple[str, ...]:
        """What its user should know, once: a file was moved aside, something cannot be read or was given up."""
        lost = self._writer.lost
        return (*self._notes, *((f"{lost} were given up while the history could not be written",) if lost else ()))

    @property
    def trouble(self) -> str:
        """What keeps events out of the database now, in words; empty when all is well."""
        return self._writer.trouble

    # Runs that this process drives

    def begin(self, record: RunRecord, driver: Driver | None = None) -> None:
        """Add a new run, which this process drives from now on. Only queues it; trouble is no matter of the run.

        Parameters
        ----------
        record : RunRecord
        driver : Driver, optional
            Is asked for the counts of the run's nodes, and told when another process has taken the run.
        """
        self._writer.begin(record, driver)

    def append(self, run_id: RunId, events: Sequence[Encoded]) -> None:
        """Add events, as the wire encodes them, to a run that this process drives, in the order of their numbers.

        Only queues them: from any thread, with any lock held. Those of a run that another process drives go nowhere.
        """
        self._writer.append(run_id, events)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything that was queued is in the database; False if it is not in time."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what waits and let go of the runs; False if something could not be written in time."""
        clean = self._writer.close(timeout_s)
        self._database.close()
        return clean

    def owns(self, run_id: RunId) -> bool:
        """Whether this process drives a run, as far as it knows."""
        return self._writer.owns(run_id)

    def claim(self, run_id: RunId, driver: Driver | None = None) -> Lease | None:
        """Drive a run that has not ended and that nobody drives; None if somebody does.

        Raises
        ------
        HistoryUnusable : the database cannot be changed now
        """
        return self._take(run_id, driver, by_force=False)

    def take_over(self, run_id: RunId, driver: Driver | None = None) -> Lease:
        """Drive a run that has not ended, whoever does: what its owner writes is refused from now on.

        Raises
        ------
        NoSuchRun : there is none, or it has ended
        HistoryUnusable : the database cannot be changed now
        """
        lease = self._take(run_id, driver, by_force=True)
        if lease is None:
            raise NoSuchRun(f"The run {run_id} cannot be taken over: it has ended, or is not in the history.")
        return lease

    def release(self, run_id: RunId) -> None:
        """Let another process drive a run; what is queued of it is written first.

        Raises
        ------
        HistoryUnusable : the database cannot be changed now
        """
        self.flush(5.0)
        lease = self._writer.drop(run_id)
        if lease is not None:
            self._writer.call(lambda connection: writes.release(connection, lease))

    def settle_abandoned(self, *, waits_for: Callable[[RunId], bool] = lambda _: False) -> list[RunId]:
        """End runs INTERRUPTED whose owner is not heard of; to be called now and then by whoever shows runs.

        While the database cannot be changed none is ended: its owner could not be heard of either.

        Parameters
        ----------
        waits_for : callable, optional
            While such a run is one of them, wait for the seconds that its owner has to be heard of, instead of being
            called again.

        Returns
        -------
        list of RunId : those that this call ended; of several processes that look at once, one gets each run

        Raises
        ------
        HistoryUnusable : the database cannot be read now
        """
        return self._settling.settle(waits_for=waits_for)

    # What is kept

    def pin(self, run_id: RunId, on: bool) -> None:  # noqa: FBT001 - `pin(run, False)` reads as it is meant
        """Keep a run whatever its age, or not.

        Raises
        ------
        NoSuchRun, HistoryUnusable
        """
        column = tables.runs.c
        change = update(tables.runs).where(column.id == run_id, column.removed.is_(False)).values(pinned=on)
        if not self._writer.call(lambda connection: connection.execute(change).rowcount):
            raise NoSuchRun(f"The history has no run {run_id!r}.", "`wfkit.runs()` lists them.")

    def delete(self, run_ids: Collection[RunId]) -> list[RunId]:
        """Remove runs that have ended, pinned ones too, for good.

        Returns
        -------
        list of RunId : those that were removed; runs that go on are not

        Raises
        ------
        HistoryUnusable : the database cannot be changed now
        """
        return [run_id for run_id in run_ids if self._writer.call(partial(_delete, run_id))]

    def hold(self, run_id: RunId) -> bool:
        """Keep a run that another one is about to go on from, until that one is on record; False if it is gone.

        Raises
        ------
        HistoryUnusable : the database cannot be changed now
        """
        return self._writer.call(lambda connection: writes.hold(connection, run_id), _HOLDING_S)

    def mark_removed(self, run_id: RunId) -> bool:
        """Hide a run whose results will be deleted; False if it is pinned, goes on, or another one goes on from it."""
        column, child = tables.runs.c, tables.runs.alias()
        change = (
            update(tables.runs)
            .where(
                column.id == run_id,
                column.pinned.is_(False),
                column.state.in_([state.value for state in RUN_ENDS]),
                column.until_s <= tables.now(),
                ~select(child.c.id).where(child.c.parent_id == column.id, child.c.removed.is_(False)).exists(),
            )
            .values(removed=True)
        )
        return bool(self._writer.call(lambda connection: connection.execute(change).rowcount))

    def shrink(self) -> None:
        """Give the space of what was deleted back to the disk, a little at a time; only SQLite needs it."""
        while self._database.path is not None and self._writer.call(_give_back):
            pass

    def _take(self, run_id: RunId, driver: Driver | None, *, by_force: bool) -> Lease | None:
        lease = self._writer.call(lambda connection: writes.claim(connection, run_id, self.holder, by_force=by_force))
        if lease is not None:
            self._writer.adopt(lease, driver)
        return lease

    def _tell(self, note: str) -> None:
        if note not in self._notes and len(self._notes) < _NOTES:
            self._notes.append(note)


def _delete(run_id: RunId, connection: Connection) -> bool:
    column = tables.runs.c
    row = connection.execute(
        tables.runs.select().with_only_columns(column.state).where(column.id == run_id).with_for_update()
    ).first()
    if row is None or RunState(row.state) not in RUN_ENDS:
        return False
    for table, of_run in ((tables.events, tables.events.c.run_id), (tables.tags, tables.tags.c.run_id)):
        connection.execute(delete(table).where(of_run == run_id))
    connection.execute(delete(tables.runs).where(column.id == run_id))
    return True


def _give_back(connection: Connection) -> bool:
    """Give some pages back; whether there may be more."""
    before = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA incremental_vacuum({_PAGES})")
    cursor.fetchall()  # gives back one page at each step, and has no columns, so SQLAlchemy would stop at the first
    cursor.close()
    return bool(0 < connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() < before)
