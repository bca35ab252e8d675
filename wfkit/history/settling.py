"""Settling: a run whose owner is gone is ended by whoever looks, by one of many that look at once."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from wfkit.core import wire
from wfkit.core.abandoned import last_events
from wfkit.core.ids import RunId
from wfkit.core.lease import Look, look, owners_had_their_turn
from wfkit.core.reducer import fold
from wfkit.core.states import STATES
from wfkit.core.view import RunView
from wfkit.history import writes
from wfkit.history.backlog import Backlog
from wfkit.history.queries import Queries
from wfkit.history.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy import Connection

REASON: Final = "the kernel that drove it is gone"


class Settling:
    """Ends runs that nobody drives any more."""

    def __init__(self, queries: Queries, writer: Writer) -> None:
        self._queries = queries
        self._writer = writer
        self._seen: Look | None = None

    def settle(self) -> list[RunId]:
        """End runs INTERRUPTED whose owner is not heard of.

        Returns
        -------
        list of RunId : those that this call ended

        Raises
        ------
        HistoryUnusable : the database cannot be read or changed now
        """
        unheard, now_s = self._queries.unheard(but_not=self._writer.holder)
        monotonic_s = time.monotonic()
        self._seen = look(self._seen, now_s, monotonic_s)
        if not owners_had_their_turn(self._seen, monotonic_s):
            return []
        return [run_id for run_id in unheard if self._end(run_id)]

    def _end(self, run_id: RunId) -> bool:
        last_seq = self._queries.run(run_id).last_seq  # before the events: one that comes in between is noticed
        view = self._queries.view(run_id)
        ends = last_events(view, last_seq, time.time(), REASON)
        backlog = Backlog(self._writer.seal.of_run(run_id))
        backlog.add([wire.encode(end) for end in ends])
        fold(view, ends)
        return self._writer.call(partial(_write_end, run_id, self._writer.holder, last_seq, backlog, counts_of(view)))


def counts_of(view: RunView) -> dict[str, int]:
    """How many nodes of a run are in each state; states without any are left out."""
    return {state.value: count for state, count in zip(STATES, view.counts(), strict=True) if count}


def _write_end(
    run_id: RunId, holder: str, last_seq: int, backlog: Backlog, counts: dict[str, int], connection: Connection
) -> bool:
    row = writes.locked(connection, run_id)
    if row is None or row["last_seq"] != last_seq:
        return False  # its owner was heard of after all
    lease = writes.claim(connection, run_id, holder)
    return lease is not None and writes.append(connection, lease, backlog.rows, backlog.change, counts)
