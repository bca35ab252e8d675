"""The log book: all lines of a run in order of time, found by task, level and text; it grows with the run."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId
from wfkit.core.view import RunView

_AT_ONCE: Final = 100_000  #: lines that one question takes in, or looks through, so that it takes some 50 ms
_REMEMBERED: Final = 4  #: searches that go on where they were


class Piece(NamedTuple):
    """Some lines of one attempt of a node, or of the body of the flow."""

    first: int  #: number of its first line; lines are numbered in order of arrival
    lines: Sequence[LogLine]
    group: GroupId | None  #: None = the body
    element: int
    attempt: int


#: Whether a piece is of the nodes that are looked at; None while nobody knows.
Belongs = Callable[[Piece], bool | None]


class Search:
    """The lines with a least level and a text, of some nodes, in order of time."""

    def __init__(self, level: int, text: str) -> None:
        self.order = array("I")  #: numbers of the lines
        self._level = level
        self._text = text.lower()
        self._seen = 0  # pieces
        self._homeless: list[Piece] = []  # nobody knows yet whether they belong

    def candidates(self, pieces: Sequence[Piece], belongs: Belongs) -> list[Piece]:
        """The next pieces that belong; not more than one question may cost."""
        todo, self._homeless = self._homeless, []
        size = 0
        while self._seen < len(pieces) and size < _AT_ONCE:
            piece = pieces[self._seen]
            todo.append(piece)
            size += len(piece.lines)
            self._seen += 1
        chosen: list[Piece] = []
        for piece in todo:
            belongs_to = belongs(piece)
            if belongs_to:
                chosen.append(piece)
            elif belongs_to is None:
                self._homeless.append(piece)
        return chosen

    def look_through(self, pieces: Iterable[Piece], at_s: Sequence[float]) -> None:
        """Add what is found in some pieces."""
        self._merge([number for piece in pieces for number in self._found(piece)], at_s)

    def share(self, pieces: int) -> float:
        """How much has been looked through."""
        return self._seen / pieces if pieces else 1.0

    def place(self, number: int, at_s: Sequence[float]) -> int:
        """Place of a line in the order; of one that is not in it, where it would be."""
        place = bisect_left(self.order, at_s[number], key=at_s.__getitem__)
        for later in range(place, len(self.order)):
            if at_s[self.order[later]] != at_s[number]:
                break
            if self.order[later] == number:
                return later
        return place

    def _found(self, piece: Piece) -> Iterable[int]:
        level, text = self._level, self._text
        if text:
            lines = enumerate(piece.lines, piece.first)
            return [number for number, line in lines if line.level >= level and text in line.text.lower()]
        if level > 0:
            return [number for number, line in enumerate(piece.lines, piece.first) if line.level >= level]
        return range(piece.first, piece.first + len(piece.lines))

    def _merge(self, new: list[int], at_s: Sequence[float]) -> None:
        """Put lines in their places; costs no more than what is later than the first of them."""
        if not new:
            return
        first_s = min(map(at_s.__getitem__, new))
        start = bisect_right(self.order, first_s, key=at_s.__getitem__)
        self.order[start:] = array("I", sorted([*self.order[start:], *new], key=at_s.__getitem__))


class LogBook:
    """The lines of a run, as far as they were taken in, and the searches that somebody looks at.

    `lock` guards it. It holds no text of its own: a line costs it 12 bytes, and as much again in each search.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self.pieces: list[Piece] = []
        self.at_s = array("d")  #: time of each line
        self._firsts = array("Q")  # first line of each piece
        self._taken = self._taken_of_body = self._repeats = 0
        self._searches: dict[tuple[object, ...], Search] = {}

    def take(self, view: RunView, body: Sequence[LogLine]) -> float:
        """Take in what is new, as much as one question may cost; the caller holds the lock of the run.

        Returns
        -------
        float
            How much of what there is was taken in.
        """
        if view.log_repeats != self._repeats:  # a part came again, differently: rare, so all is taken in anew
            self._clear()
            self._repeats = view.log_repeats
        logged, begun = view.logged, len(self.at_s)
        while self._taken < len(logged) and len(self.at_s) - begun < _AT_ONCE:
            event = logged[self._taken]
            self._taken += 1
            if view.groups[event.group].logs[event.index][event.attempt, event.part] is event:
                self._add(event.lines, event.group, event.index, event.attempt)
        if len(body) > self._taken_of_body:
            lines = body[self._taken_of_body : self._taken_of_body + _AT_ONCE]
            self._taken_of_body += len(lines)
            self._add(lines, None, 0, 1)
        return self._taken / len(logged) if logged else 1.0

    def search(self, level: int, text: str, whose: tuple[object, ...]) -> Search:
        """The search for such lines; one that was asked for lately knows what it found."""
        key = (level, text.lower(), *whose)
        search = self._searches.pop(key, None) or Search(level, text)
        self._searches[key] = search
        while len(self._searches) > _REMEMBERED:
            del self._searches[next(iter(self._searches))]
        return search

    def line(self, number: int) -> tuple[Piece, LogLine]:
        """A line by its number, and the piece that it is in."""
        piece = self.pieces[bisect_right(self._firsts, number) - 1]
        return piece, piece.lines[number - piece.first]

    def _add(self, lines: Sequence[LogLine], group: GroupId | None, index: int, attempt: int) -> None:
        first = len(self.at_s)
        self._firsts.append(first)
        self.pieces.append(Piece(first, lines, group, index, attempt))
        self.at_s.extend([line.at_s for line in lines])
