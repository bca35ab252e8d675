"""Pages of the log book: the lines that a browser shows, each with the node that wrote it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final, Protocol

from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId
from wfkit.core.view import RunView
from wfkit.notebook.cards import Card
from wfkit.notebook.deck import Deck
from wfkit.notebook.logbook import Belongs, LogBook, Piece, Search
from wfkit.notebook.plain import clean, one_line
from wfkit.notebook.protocol import AskLogs

_LINE_CHARS: Final = 4_000
_NAME_CHARS: Final = 200
_PAGE_CHARS: Final = 150_000  #: a page ends here, however many lines it was to have


class LoggedRun(Protocol):
    """What the log book needs of a run."""

    @property
    def view_model(self) -> RunView:
        """What it looks like now; read under `lock`."""

    @property
    def body_log(self) -> Sequence[LogLine]:
        """What its body wrote."""

    @property
    def lock(self) -> threading.RLock:
        """Held while the view model changes."""


def log_page(ask: AskLogs, run: LoggedRun, deck: Deck, book: LogBook) -> dict[str, object]:
    """Answer a question for lines of the log.

    Returns
    -------
    dict
        `total`: how many lines were found; `first`: the place of the first row among them; `searched`: how much of
        the log was looked through (below 1: the same question goes on where this one ended); `rows`: number of the
        line, time, level, source, text, attempt, name of the node, its card ("" = the body) and its cell.
    """
    with book.lock:
        with run.lock:
            taken = book.take(run.view_model, run.body_log)
            search = book.search(ask.level, ask.text, (ask.group, ask.index))
            found = search.candidates(book.pieces, _belongs(ask, deck))
        search.look_through(found, book.at_s)  # the run may go on meanwhile
        first, numbers = _window(ask, search, book)
        with run.lock:
            rows = _rows(numbers, run.view_model, deck, book)
        searched = taken * search.share(len(book.pieces))
        return {"op": "logs", "total": len(search.order), "first": first, "searched": searched, "rows": rows}


def _belongs(ask: AskLogs, deck: Deck) -> Belongs:
    wanted = ask.group
    if wanted is None:
        return lambda _: True
    if wanted == "":
        return lambda piece: piece.group is None
    shown = deck.by_id.get(wanted)

    def belongs(piece: Piece) -> bool | None:
        if piece.group is None:
            return False
        card = deck.card_of(piece.group)
        if shown is None or card is None:
            # A group that is no card of its own; or one that has no card yet.
            return None if piece.group != wanted else ask.index in (None, piece.element)
        if ask.index is not None:
            return card is shown and card.cell(piece.group, piece.element) == ask.index
        return _is_within(card, shown)

    return belongs


def _is_within(card: Card | None, other: Card) -> bool:
    """Whether a card is another one or, of a flow, made in it."""
    while card is not None and card is not other and other.kind == "flow":
        card = card.above
    return card is other


def _window(ask: AskLogs, search: Search, book: LogBook) -> tuple[int, Sequence[int]]:
    """Place of the first line to show, and the numbers of the lines."""
    total = len(search.order)
    first = total - ask.limit if ask.start is None else ask.start
    if ask.line is not None and ask.line < len(book.at_s):
        first = search.place(ask.line, book.at_s) + (ask.start or 0)
    first = max(0, min(first, total))
    return first, search.order[first : first + ask.limit]


def _rows(numbers: Sequence[int], view: RunView, deck: Deck, book: LogBook) -> list[list[object]]:
    rows: list[list[object]] = []
    chars = 0
    for number in numbers:
        piece, line = book.line(number)
        text = clean(line.text, _LINE_CHARS)
        chars += len(text) + 100
        if chars > _PAGE_CHARS and rows:
            break
        name, card, cell = _writer(piece, view, deck)
        rows.append([number, line.at_s, line.level, clean(line.source, 200), text, piece.attempt, name, card, cell])
    return rows


def _writer(piece: Piece, view: RunView, deck: Deck) -> tuple[str, str, int | None]:
    """Name, card and cell of the node that wrote a piece."""
    if piece.group is None:
        return "", "", None
    name = one_line(view.groups[piece.group].name(piece.element), _NAME_CHARS)
    card = deck.card_of(piece.group)
    return name, *_seat(card, piece.group, piece.element)


def _seat(card: Card | None, group: GroupId, index: int) -> tuple[str, int | None]:
    return (group, index) if card is None else (card.id, card.cell(group, index))
