"""Details that a browser asks for: all of one node, and the names of the nodes on one page of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isnan
from typing import Final

from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId, spawner
from wfkit.core.states import CODES, TASK_ENDS
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.deck import Deck
from wfkit.notebook.display import leading_state
from wfkit.notebook.plain import clean, one_line

_LOG_HEAD: Final = (200, 64_000)  #: lines and characters from the start of a log
_LOG_TAIL: Final = (800, 192_000)  #: and from its end
_LINE_CHARS: Final = 4_000
_PREVIEW_CHARS: Final = 20_000
_NAME_CHARS: Final = 200
_REASON_CHARS: Final = 300
_MOST_SPAWNED: Final = 50  #: groups of children that are told of one node
_ENDS: Final = frozenset(CODES[state] for state in TASK_ENDS)


def node_detail(view: RunView, deck: Deck, card_id: str, cell: int) -> dict[str, object]:
    """Say all that is known of one node.

    Parameters
    ----------
    view : RunView
        The run.
    deck : Deck
        What the browser was told.
    card_id : str
        A card, or the id of a group.
    cell : int
        The cell of the card, or the element of the group.

    Raises
    ------
    KeyError : the run has no such group
    IndexError : the group has no such element
    """
    group, index = node_at(view, deck, card_id, cell)
    kind = group.kinds.get(index)
    worker = group.worker_of[index]
    ended = not isnan(group.ended_s[index])
    made_by = spawner(group.spec.id)
    children = deck.spawned(group.spec.id, index)
    return {
        "name": clean(group.name(index)),
        "group": card_id,
        "index": cell,
        "state": group.state(index).value,
        "kind": None if kind is None else kind.value,
        "reason": clean(group.reason(index), _LINE_CHARS),
        "preview": clean(group.previews.get(index, ""), _PREVIEW_CHARS),
        "worker": clean(view.workers[worker], 200) if worker >= 0 else "",
        "attempts": _attempts(group, index),
        "started_s": _number(group.started_s[index]),
        "ended_s": _number(group.ended_s[index]),
        "wall_s": _number(group.wall_s[index]),
        "result_bytes": group.result_bytes[index] if ended and group.result_bytes[index] > 0 else None,
        "logs": list(_log_rows(group, index)),
        "spawner": None if made_by is None else _place(view, deck, *made_by),
        "spawned": [_child(view, deck, child) for child in children[:_MOST_SPAWNED]],
        "spawned_more": max(0, len(children) - _MOST_SPAWNED),
    }


def node_rows(view: RunView, deck: Deck, card_id: str, cells: Iterable[int]) -> list[list[str]]:
    """Names and reasons of some nodes of a card.

    Raises
    ------
    KeyError : the run has no such group
    IndexError : the group has no such element
    """
    nodes = (node_at(view, deck, card_id, cell) for cell in cells)
    return [
        [one_line(group.name(index), _NAME_CHARS), one_line(group.reason(index), _REASON_CHARS)]
        for group, index in nodes
    ]


def node_at(view: RunView, deck: Deck, card_id: str, cell: int) -> tuple[GroupView, int]:
    """The node that a browser means.

    Raises
    ------
    KeyError : the run has no such group
    IndexError : the group has no such element
    """
    card = deck.by_id.get(card_id)
    if card is not None:
        return card.node(cell)
    group = view.groups[GroupId(card_id)]
    if not 0 <= cell < len(group):
        raise IndexError(cell)
    return group, cell


def _place(view: RunView, deck: Deck, group_id: GroupId, index: int) -> dict[str, object] | None:
    """Where a browser finds a node, and its name."""
    group, card = view.groups.get(group_id), deck.card_of(group_id)
    if group is None or card is None or index >= len(group):
        return None
    return {
        "group": card.id,
        "index": card.cell(group_id, index),
        "name": one_line(group.name(index), _NAME_CHARS),
        "state": group.state(index).value,
    }


def _child(view: RunView, deck: Deck, group_id: GroupId) -> dict[str, object]:
    """Where a browser finds what a node spawned; a whole map has no cell of its own."""
    group, card = view.groups[group_id], deck.card_of(group_id)
    single = len(group) == 1 and not group.spec.mapped
    counts = group.counts
    return {
        "group": "" if card is None else card.id,
        "index": card.cell(group_id, 0) if card is not None and single else None,
        "name": one_line(group.spec.name, _NAME_CHARS),
        "state": leading_state(counts).value,
        "ended": sum(count for code, count in enumerate(counts) if code in _ENDS),
        "total": len(group),
    }


def _attempts(group: GroupView, index: int) -> list[dict[str, object]]:
    errors, delays = group.errors.get(index, {}), group.delays_s.get(index, {})
    causes = group.causes.get(index, {})
    numbers = set(range(1, group.attempts[index] + 1)) | errors.keys() | delays.keys()
    attempts: list[dict[str, object]] = []
    for number in sorted(numbers):
        error = errors.get(number)
        attempts.append(
            {
                "attempt": number,
                "error": None
                if error is None
                else {
                    "type": clean(error.type_name, 400),
                    "message": clean(error.message, 5_000),
                    "traceback": clean(error.traceback, 25_000),
                },
                "delay_s": delays.get(number),
                "cause": clean(causes.get(number, ""), _REASON_CHARS),
            }
        )
    return attempts


def _log_rows(group: GroupView, index: int) -> Iterator[list[object]]:
    """Rows of head and tail of the log, with a row between that tells what is left out."""
    lines = [(line, attempt) for (attempt, _), part in sorted(group.logs.get(index, {}).items()) for line in part.lines]
    head = _fitting(lines, *_LOG_HEAD)
    tail = _fitting(lines[head:][::-1], *_LOG_TAIL)
    yield from (_log_row(line, attempt) for line, attempt in lines[:head])
    left_out = len(lines) - head - tail
    if left_out > 0:
        line, attempt = lines[head]
        yield [line.at_s, line.level, "wfkit", f"… {left_out:,} lines are not shown here …", attempt]
    yield from (_log_row(line, attempt) for line, attempt in lines[len(lines) - tail :])


def _fitting(lines: list[tuple[LogLine, int]], most: int, most_chars: int) -> int:
    """Count the lines from the start that stay below both limits."""
    chars = 0
    for count, (line, _) in enumerate(lines[:most]):
        chars += min(len(line.text), _LINE_CHARS) + 40
        if chars > most_chars:
            return count
    return min(len(lines), most)


def _log_row(line: LogLine, attempt: int) -> list[object]:
    return [line.at_s, line.level, clean(line.source, 200), clean(line.text, _LINE_CHARS), attempt]


def _number(value: float) -> float | None:
    return None if isnan(value) else value
