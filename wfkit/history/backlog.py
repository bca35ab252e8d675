"""Backlog: what waits to be written of one run, packed, so that a long outage of the database costs little memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wfkit.core import wire
from wfkit.core.events import AnyEvent, BodyLogged, LogLines, RunFinished, RunStateChanged
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.history.payload import pack, unpack
from wfkit.history.seal import Sealer

#: Of one row. A reader holds one at a time, and a damaged one costs no more.
EVENTS_A_ROW: Final = 5_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table of events."""

    first_seq: int
    last_seq: int
    number: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class RunChange:
    """What a run's own row learns from events."""

    state: RunState
    reason: str
    ended_s: float | None = None


class Backlog:
    """Rows that wait.

    Parameters
    ----------
    sealer : callable, optional
        Signs them.

    Attributes
    ----------
    change : RunChange or None
        What the rows say about the state of the run.
    lines_dropped, events_dropped : int
        Log lines, and events of other kinds, that were given up.
    """

    def __init__(self, sealer: Sealer | None = None) -> None:
        self._sealer = sealer
        self.rows: list[Row] = []
        self.size_bytes = 0
        self.change: RunChange | None = None
        self.lines_dropped = 0
        self.events_dropped = 0
        #: So many of the first rows have no log lines left.
        self._without_lines = 0

    def add(self, events: Sequence[wire.Encoded]) -> None:
        """Pack encoded events, in the order of their numbers."""
        for start in range(0, len(events), EVENTS_A_ROW):
            self._add_row(events[start : start + EVENTS_A_ROW])
        for event in events:
            if event[0] in _OF_THE_RUN:
                self._note(wire.decode(event))

    def written(self, rows: int) -> None:
        """The first rows are in the database."""
        self.size_bytes -= sum(len(row.payload) for row in self.rows[:rows])
        self._without_lines = max(0, self._without_lines - rows)
        del self.rows[:rows]

    def shrink(self, most_bytes: int) -> None:
        """Give up what is needed to stay below a size: log lines first, then whole rows, the oldest first."""
        while self.size_bytes > most_bytes and self._without_lines < len(self.rows):
            self._drop_lines(self._without_lines)
        while self.size_bytes > most_bytes and self.rows:
            self.events_dropped += self.rows[0].number
            self.written(1)

    def _add_row(self, events: Sequence[wire.Encoded]) -> None:
        try:
            payload = pack(events, self._sealer)
        except (ValueError, TypeError, OverflowError):
            good = [event for event in events if _can_be_packed(event)]
            self.events_dropped += len(events) - len(good)
            if not good:
                return
            events, payload = good, pack(good, self._sealer)
        self.rows.append(Row(wire.seq_of(events[0]), wire.seq_of(events[-1]), len(events), payload))
        self.size_bytes += len(payload)

    def _note(self, event: AnyEvent) -> None:
        if self.change is not None and self.change.state in RUN_ENDS:
            return
        match event:
            case RunFinished():
                self.change = RunChange(event.state, event.reason, event.at_s)
            case RunStateChanged():
                self.change = RunChange(event.state, event.reason)
            case _:
                pass

    def _drop_lines(self, at: int) -> None:
        row = self.rows[at]
        events, _ = unpack(row.payload)
        rest = [event for event in events if not isinstance(event, LogLines | BodyLogged)]
        self.lines_dropped += _lines_in(events)
        if len(rest) == len(events):
            self._without_lines += 1
            return
        self.size_bytes -= len(row.payload)
        if not rest:
            del self.rows[at]
            return
        payload = pack([wire.encode(event) for event in rest], self._sealer)
        self.rows[at] = Row(row.first_seq, row.last_seq, len(rest), payload)
        self.size_bytes += len(payload)
        self._without_lines += 1


_OF_THE_RUN: Final = frozenset({RunFinished.tag, RunStateChanged.tag})


def _can_be_packed(event: wire.Encoded) -> bool:
    try:
        pack([event])
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _lines_in(events: Iterable[AnyEvent]) -> int:
    return sum(len(event.lines) for event in events if isinstance(event, LogLines | BodyLogged))
