"""Details that a browser asks for: all of one node, and the names of the nodes on one page of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isnan
from types import MappingProxyType
from typing import Final, TypeVar

from wfkit.core.events import ErrorInfo, LogLine
from wfkit.core.ids import GroupId, spawner
from wfkit.core.stalls import reason_now, stall_reason
from wfkit.core.view import GroupView, RunView
from wfkit.engine.driver.knowing import Known
from wfkit.notebook.causes import causes_of, place_of_value
from wfkit.notebook.deck import Deck
from wfkit.notebook.frames import errors_in
from wfkit.notebook.links import arguments_of, consumers_of, waits_of
from wfkit.notebook.moves import attempts_of, moves_of, worker_of
from wfkit.notebook.places import call_place, node_place
from wfkit.notebook.plain import clean, one_line

_LOG_HEAD: Final = (200, 64_000)  #: lines and characters from the start of a log
_LOG_TAIL: Final = (800, 192_000)  #: and from its end
_LINE_CHARS: Final = 4_000
_PREVIEW_CHARS: Final = 20_000
_NAME_CHARS: Final = 200
_REASON_CHARS: Final = 300
_FIRST_ATTEMPTS: Final = 5  #: that are told where there are many, and the last ones
_LAST_ATTEMPTS: Final = 15
_TAKEN_APART: Final = 3  #: newest errors that are told in full and frame by frame
_TRACEBACK_CHARS: Final = 25_000
_OLD_TRACEBACK_CHARS: Final = 4_000
_FIRST_MOVES: Final = 20
_LAST_MOVES: Final = 80
_MOST_SPAWNED: Final = 50  #: groups of children that are told of one node
NO_CELLS: Final[Mapping[str, int]] = MappingProxyType({})
NO_MORE: Final = Known()
_T = TypeVar("_T")


def node_detail(
    view: RunView,
    deck: Deck,
    card_id: str,
    cell: int,
    cells: Mapping[str, int] = NO_CELLS,
    known: Known = NO_MORE,
) -> dict[str, object]:
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
    cells : mapping
        Numbers of the notebook's cells, of `frames.cell_numbers`.
    known : Known
        What is known beyond the view.

    Raises
    ------
    KeyError : the run has no such group
    IndexError : the group has no such element
    """
    group, index = find_node(view, deck, card_id, cell)
    kind = group.kinds.get(index)
    ended = not isnan(group.ended_s[index])
    made_by = spawner(group.spec.id)
    children = deck.spawned(group.spec.id, index)
    consumers, consumers_more = consumers_of(view, deck, group.spec.id, index)
    moves = moves_of(view, group, index)
    moves_more = max(0, len(moves) - _FIRST_MOVES - _LAST_MOVES)
    attempts, attempts_more = _attempts(view, group, index, cells)
    return {
        "name": clean(group.name(index)),
        "group": card_id,
        "index": cell,
        "state": group.state(index).value,
        "kind": None if kind is None else kind.value,
        "reason": clean(group.reasons.get(index, "") or stall_reason(view, group, index), _LINE_CHARS),
        "preview": clean(group.previews.get(index, ""), _PREVIEW_CHARS),
        "worker": clean(worker_of(view, group.worker_of[index]), _NAME_CHARS),
        "moves": [
            [move.state.value, move.at_s, move.attempt, clean(move.worker, _NAME_CHARS), move.delay_s]
            for move in _ends(moves, _FIRST_MOVES, _LAST_MOVES)
        ],
        "moves_gap": [_FIRST_MOVES, moves_more] if moves_more else None,
        "attempts": attempts,
        "attempts_more": attempts_more,
        "causes": causes_of(view, group, index),
        "kept": place_of_value(view, group, index),
        "key": clean(known.key, _NAME_CHARS),
        "arguments": arguments_of(view, deck, group, index, known.arguments),
        "waits": waits_of(view, deck, group),
        "consumers": consumers,
        "consumers_more": consumers_more,
        "started_s": _number(group.started_s[index]),
        "ended_s": _number(group.ended_s[index]),
        "wall_s": _number(group.wall_s[index]),
        "result_bytes": group.result_bytes[index] if ended and group.result_bytes[index] > 0 else None,
        "memory_bytes": group.memory_bytes.get(index),
        "logs": list(_log_rows(group, index)),
        "spawner": None if made_by is None else node_place(view, deck, *made_by),
        "spawned": [call_place(view, deck, child) for child in children[:_MOST_SPAWNED]],
        "spawned_more": max(0, len(children) - _MOST_SPAWNED),
    }


def node_rows(view: RunView, deck: Deck, card_id: str, cells: Iterable[int]) -> list[list[str]]:
    """Names and reasons of some nodes of a card.

    Raises
    ------
    KeyError : the run has no such group
    IndexError : the group has no such element
    """
    nodes = (find_node(view, deck, card_id, cell) for cell in cells)
    return [
        [one_line(group.name(index), _NAME_CHARS), one_line(reason_now(view, group, index), _REASON_CHARS)]
        for group, index in nodes
    ]


def find_node(view: RunView, deck: Deck, card_id: str, cell: int) -> tuple[GroupView, int]:
    """The node of a cell of a card, or of an element of a group.

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


def find_call(view: RunView, deck: Deck, card_id: str) -> GroupView:
    """The call that a card or a group stands for; of a card of many calls the first.

    Raises
    ------
    KeyError : the run has no such group
    """
    card = deck.by_id.get(card_id)
    return view.groups[GroupId(card_id)] if card is None else card.first


def _attempts(
    view: RunView, group: GroupView, index: int, cells: Mapping[str, int]
) -> tuple[list[dict[str, object]], int]:
    """The first and the last attempts, and how many are left out between them."""
    begun = attempts_of(view, group, index)
    errors, delays = group.errors.get(index, {}), group.delays_s.get(index, {})
    causes = group.causes.get(index, {})
    numbers = sorted(set(range(1, group.attempts[index] + 1)) | errors.keys() | delays.keys())
    told = _ends(numbers, _FIRST_ATTEMPTS, _LAST_ATTEMPTS)
    newest = sorted(errors)[-_TAKEN_APART:]
    attempts: list[dict[str, object]] = []
    for number in told:
        error, start = errors.get(number), begun.get(number)
        attempts.append(
            {
                "attempt": number,
                "error": None if error is None else _error(error, cells, is_new=number in newest),
                "worker": "" if start is None else clean(start.worker, _NAME_CHARS),
                "started_s": None if start is None else start.start_s,
                "ended_s": None if start is None else _number(start.end_s),
                "delay_s": delays.get(number),
                "cause": clean(causes.get(number, ""), _REASON_CHARS),
            }
        )
    return attempts, len(numbers) - len(told)


def _error(error: ErrorInfo, cells: Mapping[str, int], *, is_new: bool) -> dict[str, object]:
    traceback = clean(error.traceback, _TRACEBACK_CHARS)
    if not is_new and len(traceback) > _OLD_TRACEBACK_CHARS:
        traceback = f"…{traceback[-_OLD_TRACEBACK_CHARS:]}"
    return {
        "type": clean(error.type_name, 400),
        "message": clean(error.message, 5_000),
        "traceback": traceback,
        "chain": errors_in(error.traceback, cells) if is_new else [],
    }


def _ends(items: list[_T], first: int, last: int) -> list[_T]:
    """The first and the last of many."""
    return items if len(items) <= first + last else [*items[:first], *items[-last:]]


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
