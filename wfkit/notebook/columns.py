"""Columns: when and where each node ran, as binary messages for as long as somebody looks at them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import nan
from struct import pack
from typing import Any, Final

from wfkit.core.ids import GroupId
from wfkit.core.phases import is_plain, phases
from wfkit.core.states import CODES, RUN_ENDS
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.cards import Seats
from wfkit.notebook.deck import Deck
from wfkit.notebook.feed import VERSION, Message
from wfkit.notebook.plain import clean

_WATCHED_S: Final = 12.0  #: after which nobody looks any more, unless somebody says so again
_LOST_S: Final = 3.0  #: a message that has not arrived by then is lost
_MOST_ROWS: Final = 6_000  #: in one message that nobody asked for: about 100 kB
_ALL: Final = 2**62
_BLOCK: Final = 512  #: columns are compared in blocks of this size
_NO_WORKER: Final = 2**16 - 1


class Columns:
    """The columns of one view; says nothing unless somebody looks."""

    def __init__(self) -> None:
        self._until_s = float("-inf")  # somebody looks until then
        self._said_s = float("-inf")
        self._seq = 0  # of the last message
        self._forget()

    def _forget(self) -> None:
        self._wanted = False  # all, by somebody who knows nothing
        self._base_s = 0.0
        self._told = 0  # workers
        self._version = -1  # of the view; -1: the next message says all
        self._known: dict[GroupId, _Known] = {}
        self._open: dict[GroupId, GroupView] = {}  # there was no room for all their rows, or they have no cells yet
        self._more = False  # there was no room for all rows
        self._deck: Deck | None = None  # as the last message saw it
        self._deck_then = (-1, False)

    def turn(self) -> None:
        """Another run is shown: the next message says all of it."""
        self._forget()

    def watch(self, have: int | None, now_s: float) -> bool:
        """Somebody looks; returns whether there may be something to send for it.

        Parameters
        ----------
        have : int or None
            The number of the last message that the browser has; None asks for all.
        now_s : float
            The time now, by a clock that never goes back.
        """
        came_back = now_s > self._until_s
        if came_back:
            self._forget()
        self._until_s = now_s + _WATCHED_S
        if have is None or have > self._seq or (have < self._seq and now_s - self._said_s > _LOST_S):
            self._wanted = True
        return self._wanted or came_back

    def due(self, view: RunView, now_s: float) -> bool:
        """Whether there may be something to say. Once nobody looks any more, all is forgotten."""
        if now_s > self._until_s:
            self._forget()
            return False
        has_grown = bool(self._open) and self._deck is not None and _stand(self._deck) != self._deck_then
        return self._wanted or self._more or view.version > self._version or has_grown

    def message(self, view: RunView, deck: Deck, now_s: float) -> tuple[Message, bool] | None:
        """Say what changed since the last message, and whether all was asked for; None if nothing did.

        Parameters
        ----------
        view : RunView
            The run.
        deck : Deck
            Its cards, as the browser was told of them.
        now_s : float
            The time now, by a clock that never goes back.
        """
        whole = self._wanted or self._version < 0
        if whole:
            self._forget()
            self._base_s = view.started_s or 0.0
        rows = _Rows(self._base_s, _ALL if whole else _MOST_ROWS)
        chosen = self._gather(view, deck, rows)
        workers = [clean(worker, 200) for worker in view.workers[self._told :]]
        content: dict[str, object] = {
            "v": VERSION,
            "op": "columns",
            "seq": self._seq + 1,
            "base": None if whole else self._seq,
            "base_s": self._base_s,
            "workers_from": self._told,
            "workers": workers,
            "cards": rows.cards,
        }
        message = content, rows.buffers()
        self._version, self._open, self._more = view.version, chosen.open, chosen.more
        self._deck, self._deck_then = deck, _stand(deck)
        for group, indexes in chosen.rows:
            self._known[group.spec.id].take(group, indexes)
        if not (whole or rows.cards or workers):
            return None
        self._seq += 1
        self._told += len(workers)
        self._said_s = now_s
        return message, whole

    def _gather(self, view: RunView, deck: Deck, rows: _Rows) -> _Chosen:
        changed = {group.spec.id: group for group in view.groups.values() if group.changed > self._version}
        chosen = _Chosen()
        for group_id, group in {**self._open, **changed}.items():
            card = deck.card_of(group_id)
            seats = [] if card is None else card.seats(group_id)
            seated = sum(count for _, _, count in seats)
            if seated < len(group):
                chosen.open[group_id] = group
            if card is None or not seated:
                continue
            known = self._known.setdefault(group_id, _Known())
            indexes = rows.fitting(group, known.differing(group, seated, recount=view.state in RUN_ENDS))
            if rows.left <= 0:
                chosen.open[group_id] = group
                chosen.more = True
            if indexes:
                chosen.rows.append((group, indexes))
                rows.add(card.id, len(card.states), group, _cells(seats, indexes))
        return chosen


@dataclass(slots=True)
class _Chosen:
    """What a message says; the browser knows it once the message is complete."""

    rows: list[tuple[GroupView, list[int]]] = field(default_factory=list)
    open: dict[GroupId, GroupView] = field(default_factory=dict)  #: groups of which there is more to say
    more: bool = False  #: there was no room for all rows


def _stand(deck: Deck) -> tuple[int, bool]:
    """Differs when groups that had no card may have one."""
    return deck.version, deck.is_behind


def _cells(seats: Seats, indexes: list[int]) -> list[tuple[int, int]]:
    """Cell and index of some elements."""
    return [
        (start + index - first, index)
        for start, first, count in seats
        for index in indexes
        if first <= index < first + count
    ]


class _Known:
    """What the browser knows of the nodes of one group."""

    def __init__(self) -> None:
        # As in a group: start, end, worker, attempts, and the last event before the end.
        self._columns: tuple[array[Any], ...] = (array("d"), array("d"), array("i"), array("H"), array("q"))
        self._moments: dict[int, int] = {}  # how much the phases of a node were made of

    def differing(self, group: GroupView, length: int, *, recount: bool) -> Iterator[int]:
        """The nodes among the first `length` of which there is something new to say, in order."""
        self._grow(length)
        late = (
            {index for index in _phased(group) if _moments(group, index) != self._moments.get(index)} if recount else ()
        )
        columns = _columns(group)
        for first in range(0, length, _BLOCK):
            end = min(first + _BLOCK, length)
            new = [column[first:end].tobytes() for column in columns]
            old = [column[first:end].tobytes() for column in self._columns]
            if new == old:
                yield from sorted(index for index in late if first <= index < end)
                continue
            for at, (row, before) in enumerate(zip(_rows(new), _rows(old), strict=True)):
                if row != before or first + at in late:
                    yield first + at

    def take(self, group: GroupView, indexes: list[int]) -> None:
        """Note that the browser is told of these nodes."""
        for known, column in zip(self._columns, _columns(group), strict=True):
            for index in indexes:
                known[index] = column[index]
        self._moments.update((index, _moments(group, index)) for index in indexes if not is_plain(group, index))

    def _grow(self, length: int) -> None:
        more = length - len(self._columns[0])
        if more > 0:
            for column, nothing in zip(self._columns, (nan, nan, -1, 0, 0), strict=True):
                column.extend(array(column.typecode, [nothing]) * more)


def _columns(group: GroupView) -> tuple[array[Any], ...]:
    return group.started_s, group.ended_s, group.worker_of, group.attempts, group.progress


def _rows(columns: list[bytes]) -> Iterator[tuple[Any, ...]]:
    """Rows that can be compared: nan is no number here."""
    start, end, worker, attempts, last = (memoryview(column) for column in columns)
    return zip(start.cast("q"), end.cast("q"), worker.cast("i"), attempts.cast("H"), last.cast("q"), strict=True)


def _phased(group: GroupView) -> set[int]:
    return {*group.starts, *group.failed_s, *group.waits}


def _moments(group: GroupView, index: int) -> int:
    return sum(len(facts.get(index, ())) for facts in (group.starts, group.failed_s, group.waits))


class _Rows:
    """The rows of a message: what its buffers hold, card by card.

    A row is a cell with start, end, worker and attempts; a phase is a stretch of a node that has more than one.
    """

    def __init__(self, base_s: float, most: int) -> None:
        self.left = most
        self.cards: list[dict[str, object]] = []
        self._base_s = base_s
        self._row: tuple[list[int], list[float], list[float], list[int], list[int]] = ([], [], [], [], [])
        self._phase: tuple[list[int], list[float], list[float], list[int], list[int], list[int]] = (
            [],
            [],
            [],
            [],
            [],
            [],
        )

    def fitting(self, group: GroupView, indexes: Iterator[int]) -> list[int]:
        """Take nodes for as long as there is room for their rows and phases."""
        taken = []
        while self.left > 0 and (index := next(indexes, None)) is not None:
            self.left -= 1 if is_plain(group, index) else 2 + _moments(group, index)
            taken.append(index)
        return taken

    def add(self, card: str, length: int, group: GroupView, cells: list[tuple[int, int]]) -> None:
        """Add nodes of a card: cell and index in their group."""
        numbers, starts, ends, workers, attempts = self._row
        base_s, phased = self._base_s, 0
        if len(cells) < length:  # else the cells are 0, 1, 2 … and need not travel
            numbers.extend(cell for cell, _ in cells)
        for cell, index in cells:
            starts.append(group.started_s[index] - base_s)
            ends.append(group.ended_s[index] - base_s)
            workers.append(_worker(group.worker_of[index]))
            attempts.append(group.attempts[index])
            if not is_plain(group, index):
                phased += self._add_phases(group, index, cell)
        self.cards.append({"id": card, "length": length, "rows": len(cells), "phases": phased})

    def _add_phases(self, group: GroupView, index: int, cell: int) -> int:
        cells, starts, ends, states, workers, attempts = self._phase
        told = phases(group, index)
        for phase in told:
            cells.append(cell)
            starts.append(phase.start_s - self._base_s)
            ends.append(phase.end_s - self._base_s)
            states.append(CODES[phase.state])
            workers.append(_worker(phase.worker))
            attempts.append(phase.attempt)
        return len(told)

    def buffers(self) -> list[bytes]:
        """The columns of all rows, then those of all phases."""
        columns: list[list[int] | list[float]] = [*self._row, *self._phase]
        forms = zip(columns, "IffHHIffBHH", strict=True)
        return [pack(f"<{len(values)}{form}", *values) for values, form in forms]


def _worker(number: int) -> int:
    return number if 0 <= number < _NO_WORKER else _NO_WORKER
