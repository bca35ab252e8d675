"""Settling: a run whose owner is gone is ended by whoever looks, by one of many that look at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from wfkit.core import wire
from wfkit.core.abandoned import last_events
from wfkit.core.ids import RunId
from wfkit.core.lease import TURN_S, Look, look, owners_had_their_turn
from wfkit.core.reducer import fold
from wfkit.core.states import STATES
from wfkit.core.view import RunView
from wfkit.errors import HistoryUnusable
from wfkit.history import writes
from wfkit.history.backlog import Backlog
from wfkit.history.queries import Queries
from wfkit.history.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy import Connection

REASON: Final = "the kernel that drove it is gone"
#: Who waits longer for a transaction knows that owners may have waited, too.
_PROMPT_S: Final = 1.0
_LOOK_S: Final = 0.3


class Settling:
    """Ends runs that nobody drives any more."""

    def __init__(self, queries: Queries, writer: Writer) -> None:
        self._queries = queries
        self._writer = writer
        self._seen: Look | None = None
        #: Since when an owner whose lease has expired could have been heard of, by the monotonic clock.
        self._since_s: dict[tuple[RunId, float], float] = {}

    def settle(self, *, waits_for: Callable[[RunId], bool] = lambda _: False) -> list[RunId]:
        """End runs INTERRUPTED whose owner is not heard of, though it could be.

        Parameters
        ----------
        waits_for : callable, optional
            Look again while the owner of such a run has its turn to be heard of.

        Returns
        -------
        list of RunId : those that this call ended

        Raises
        ------
        HistoryUnusable : the database cannot be read now
        """
        ended = self._look()
        while any(waits_for(run_id) for run_id, _ in self._since_s):
            time.sleep(_LOOK_S)
            ended += self._look()
        return ended

    def _look(self) -> list[RunId]:
        """Look once; gives what was ended."""
        unheard, now_s = self._queries.unheard(but_not=self._writer.holder)
        monotonic_s = time.monotonic()
        self._seen = look(self._seen, now_s, monotonic_s)
        since_s = {lease: self._since_s[lease] for lease in unheard.items() if lease in self._since_s}
        self._since_s = since_s
        if not owners_had_their_turn(self._seen, monotonic_s):
            since_s.clear()
        elif len(since_s) < len(unheard) and self._promptly(lambda _: True):
            now = time.monotonic()
            since_s.update({lease: now for lease in unheard.items() if lease not in since_s})
        ended = []
        for lease, since in list(since_s.items()):
            if time.monotonic() - since >= TURN_S:
                del since_s[lease]
                if self._end(lease[0]):
                    ended.append(lease[0])
        return ended

    def _promptly(self, work: Callable[[Connection], bool]) -> bool:
        """Do something in a transaction; not if somebody held the database until now, which kept owners out, too."""
        asked_s = time.monotonic()

        def do(connection: Connection) -> bool:
            return time.monotonic() - asked_s < _PROMPT_S and work(connection)

        with suppress(HistoryUnusable):
            return self._writer.call(do, _PROMPT_S)
        return False

    def _end(self, run_id: RunId) -> bool:
        last_seq = self._queries.run(run_id).last_seq  # before the events: one that comes in between is noticed
        view = self._queries.view(run_id)
        ends = last_events(view, last_seq, time.time(), REASON)
        backlog = Backlog(self._writer.seal.of_run(run_id))
        backlog.add([wire.encode(end) for end in ends])
        fold(view, ends)
        return self._promptly(partial(_write_end, run_id, self._writer.holder, last_seq, backlog, counts_of(view)))


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
