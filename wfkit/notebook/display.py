"""A run as plain text and as static HTML: for saved notebooks, `nbconvert`, GitHub, terminals and screen readers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from wfkit.core.events import ErrorInfo
from wfkit.core.stalls import stalled_count
from wfkit.core.states import CODES, OWN_FAILURES, RUN_ENDS, STATES, TASK_ENDS, RunState, TaskState
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.cards import Card, Fold, Times
from wfkit.notebook.deck import Deck
from wfkit.notebook.picture import MOST_TILES, Tile, picture
from wfkit.notebook.plain import clean, duration, one_line, size

_MOST_BYTES: Final = 100_000  #: of HTML; a picture that does not fit is left out, the table tells the same
_MOST_ROWS: Final = 60  #: groups in a table
_MOST_FAILURES: Final = 5  #: told in full
_TRACEBACK_BYTES: Final = 6_000  #: of HTML; the end of a traceback is where the error is
_TEXT_BYTES: Final = 1_500  #: of HTML, for any other text
_NAME_CHARS: Final = 80
_DEEPEST: Final = 6  #: rows are not indented further

#: A shape for each state, so that colour is never needed.
GLYPHS: Final = {
    TaskState.PENDING: "○",
    TaskState.RUNNING: "▶",
    TaskState.RETRYING: "↻",
    TaskState.WAITING: "⧗",
    TaskState.COMPLETED: "✓",
    TaskState.REUSED: "⇄",
    TaskState.SKIPPED: "»",
    TaskState.FAILED: "✗",
    TaskState.UPSTREAM_FAILED: "△",
    TaskState.CRASHED: "ϟ",
    TaskState.CANCELLED: "■",
}
_RUN_GLYPHS: Final = {
    RunState.PENDING: "○",
    RunState.RUNNING: "▶",
    RunState.PAUSED: "‖",
    RunState.CANCELLING: "■",
    RunState.COMPLETED: "✓",
    RunState.FAILED: "✗",
    RunState.CANCELLED: "■",
    RunState.INTERRUPTED: "⌁",
}
_MOVING: Final = (TaskState.RUNNING, TaskState.RETRYING, TaskState.WAITING)
#: What a reader wants to hear first.
_TOLD: Final = (
    TaskState.COMPLETED,
    TaskState.REUSED,
    TaskState.SKIPPED,
    TaskState.FAILED,
    TaskState.CRASHED,
    TaskState.UPSTREAM_FAILED,
    TaskState.CANCELLED,
    *_MOVING,
    TaskState.PENDING,
)


def outcome_line(view: RunView, now_s: float | None = None) -> str:
    """Tell a run in one line: "monthly COMPLETED in 3.2 s: 36 completed, 1 failed, 1 upstream failed".

    Parameters
    ----------
    view : RunView
        The run.
    now_s : float, optional
        The time now, in seconds since the epoch, for a run that has not ended.
    """
    until_s = view.ended_s if view.state in RUN_ENDS else now_s
    took = ""
    if view.started_s is not None and until_s is not None:
        took = f" {'in' if view.state in RUN_ENDS else 'for'} {duration(until_s - view.started_s)}"
    stale = f", {count:,} stale" if (count := view.stale_count()) else ""
    counts = counts_text(view.counts(), stalled_count(view)) or "no tasks"
    return f"{_flow(view)} {view.state.value}{took}: {counts}{stale}"


def counts_text(counts: Sequence[int], stalled: int = 0) -> str:
    """Tell counts by state code: "36 completed, 1 failed, 2 running (1 stalled)"."""
    return ", ".join(
        f"{counts[CODES[state]]:,} {state.value.lower().replace('_', ' ')}"
        f"{f' ({stalled:,} stalled)' if stalled and state is TaskState.RUNNING else ''}"
        for state in _TOLD
        if counts[CODES[state]]
    )


def leading_state(counts: Sequence[int]) -> TaskState:
    """The one state that stands for a group: what moves, else what went wrong, else what waits, else how it ended."""
    order = (
        TaskState.RUNNING,
        TaskState.RETRYING,
        *OWN_FAILURES,
        TaskState.WAITING,
        TaskState.UPSTREAM_FAILED,
        TaskState.CANCELLED,
    )
    for state in order:
        if counts[CODES[state]]:
            return state
    if counts[CODES[TaskState.PENDING]]:
        return TaskState.RUNNING if sum(counts) > counts[CODES[TaskState.PENDING]] else TaskState.PENDING
    return next((state for state in _TOLD if counts[CODES[state]]), TaskState.PENDING)


def run_text(view: RunView, now_s: float, held_bytes: int = 0) -> str:
    """Tell a run in plain text: the outcome, a line a card, the first failures with the last line of their error."""
    lines = [outcome_line(view, now_s)]
    if view.reason:
        lines.append(f"  {one_line(view.reason, 200)}")
    if held_bytes:
        lines.append(f"  {_held(held_bytes)}")
    rows = _rows(view, Deck())
    names = ["  " * row.depth + row.name for row in rows[:_MOST_ROWS]]
    width = max((min(len(name), 40) for name in names), default=0)
    for row, name in zip(rows, names, strict=False):
        told = row.told or ("length not known yet" if row.card.length is None else "no elements")
        lines.append(f"  {GLYPHS[row.state]} {name:<{width}}  {told}  {_took(row, now_s)}".rstrip())
    if len(rows) > _MOST_ROWS:
        lines.append(f"  … and {len(rows) - _MOST_ROWS:,} more")
    failures, left = _first_failures(view.ordered())
    for group, index in failures:
        error = _last_error(group, index)
        what = f"{error.type_name}: {error.message}" if error is not None else group.reasons.get(index, "")
        lines.append(f"  {GLYPHS[group.state(index)]} {_node_name(group, index)}: {one_line(what, 160)}")
    if left:
        lines.append(f"  … and {left:,} more failures")
    return "\n".join(lines)


_CSS: Final = (
    ".wfkit-static{font:13px/1.5 system-ui,sans-serif;max-width:60em}"
    ".wfkit-static table{border-collapse:collapse;margin:.5em 0}"
    ".wfkit-static caption{caption-side:top;text-align:start;font-weight:600;padding:0 0 .3em}"
    # named twice: JupyterLab aligns all tables to the right, by a rule of more classes
    ".wfkit-static.wfkit-static table th,.wfkit-static.wfkit-static table td{"
    "padding:.15em .6em;text-align:start;vertical-align:top;"
    "border-top:1px solid #8884;font-weight:400}"
    ".wfkit-static.wfkit-static table thead th{border:0;opacity:.7}"
    ".wfkit-static.wfkit-static table td.n,.wfkit-static.wfkit-static table th.n{"
    "text-align:end;font-variant-numeric:tabular-nums}"
    ".wfkit-static pre{margin:.3em 0 .8em;padding:.6em;max-height:24em;overflow:auto;border:1px solid #8884;"
    "font-size:12px;line-height:1.45;white-space:pre}"
    ".wfkit-static summary{cursor:pointer}"
)


def run_html(view: RunView, now_s: float, note: str = "", held_bytes: int = 0) -> str:
    """Show a run as static HTML, at most 100 kB at any size of the run: no script, no link, everything escaped.

    Parameters
    ----------
    view : RunView
        The run.
    now_s : float
        The time now, in seconds since the epoch.
    note : str
        A line about the page itself, shown last.
    held_bytes : int
        What the run holds in the memory of the cluster.
    """
    deck = Deck()
    rows = _rows(view, deck)
    parts = [
        f'<div class="wfkit-static" {_marks(view)} role="region" aria-label="Run of {_html(_flow(view))}">',
        f"<style>{_CSS}</style>",
        f"<p>{_glyph(_RUN_GLYPHS[view.state])}<strong>{_html(outcome_line(view, now_s))}</strong></p>",
    ]
    if view.reason:
        parts.append(f"<p>{_prose(view.reason)}</p>")
    if held_bytes:
        parts.append(f"<p>{_held(held_bytes)}.</p>")
    head = len(parts)
    if rows:
        parts.extend(_table(rows, now_s))
    failures, left = _first_failures(view.ordered())
    parts.extend(_failure(group, index) for group, index in failures)
    if left:
        parts.append(f"<p>… and {left:,} more failures.</p>")
    if note:
        parts.append(f"<p><em>{_html(note)}</em></p>")
    parts.append("</div>")
    graph = "".join(_graph(rows, deck, now_s))
    if sum(len(part.encode()) for part in (*parts, graph)) <= _MOST_BYTES:
        parts.insert(head, graph)
    return "".join(parts)


def _marks(view: RunView) -> str:
    """What the picture is of, for whoever has to tell whether it is the last one."""
    return f'data-run="{_html(view.run_id)}" data-state="{view.state}"'


@dataclass(slots=True)
class _Row:
    """A card as a line."""

    depth: int
    card: Card
    counts: list[int]
    times: Times
    stalled: int

    @property
    def name(self) -> str:
        return one_line(self.card.name, _NAME_CHARS)

    @property
    def state(self) -> TaskState:
        """The state that stands for it; items of a flatten have none of their own."""
        if self.card.kind == "flatten":
            return TaskState.PENDING if self.card.length is None else TaskState.COMPLETED
        return leading_state(self.counts)

    @property
    def told(self) -> str:
        """What it consists of, in words; empty if nothing is there."""
        if self.card.kind == "flatten":
            total = len(self.card.states)
            return f"{total:,} {'item' if total == 1 else 'items'}" if total else ""
        return counts_text(self.counts, self.stalled)


def _rows(view: RunView, deck: Deck) -> list[_Row]:
    """The cards of a run; one that stands for a flow counts the nodes of its members."""
    deck.update(view)
    rows = {
        card.id: _Row(depth, card, list(card.counts), card.times(), len(card.stalled(view)))
        for depth, card in deck.tree()
    }
    for row in rows.values():
        if row.card.kind not in {"task", "spawned"}:
            continue
        above = row.card.above
        while above is not None:
            if above.kind == "flow":
                have = rows[above.id].counts
                rows[above.id].counts = [one + more for one, more in zip(have, row.card.counts, strict=True)]
                rows[above.id].stalled += row.stalled
            above = above.above
    return list(rows.values())


def _held(held_bytes: int) -> str:
    return f"holds {size(held_bytes)} in cluster memory"


def _graph(rows: list[_Row], deck: Deck, now_s: float) -> Iterator[str]:
    """The picture of what the flow made; what nodes spawned is told in the table alone, as parts of their cards."""
    made = [row for row in rows if row.card.kind in {"task", "flatten"} and not isinstance(row.card, Fold)]
    made.sort(key=lambda row: row.card.first.spec.order)
    drawn = {row.card.id: row for row in made[:MOST_TILES]}
    tiles = []
    for row in drawn.values():
        heads = [_head(deck, source, drawn) for source, _, _ in row.card.links(deck.card_of)]
        inputs = list(dict.fromkeys(head for head in heads if head is not None and head != row.card.id))
        told = " · ".join(part for part in (_done(row), _took(row, now_s)) if part)
        tiles.append(Tile(row.card.id, row.name, row.state, row.counts, told, inputs, many=row.card.mapped))
    if tiles:
        label = f"Graph of {len(tiles)} tasks; the table tells the same in words"
        yield f"<div>{picture(tiles, label)}</div>"
        if len(made) > MOST_TILES:
            yield f"<p>The picture shows the first {MOST_TILES} of {len(made):,} tasks.</p>"


def _head(deck: Deck, card_id: str, drawn: dict[str, _Row]) -> str | None:
    """The card in the picture that a card belongs to."""
    card = deck.by_id.get(card_id)
    while card is not None and card.id not in drawn:
        card = card.above
    return None if card is None else card.id


def _done(row: _Row) -> str:
    """How many of its nodes have ended."""
    if row.card.kind == "flatten":
        return ""
    ended = sum(count for code, count in enumerate(row.counts) if STATES[code] in TASK_ENDS)
    total = f"{sum(row.counts):,}" if row.card.length is not None else "?"
    return f"{ended:,}/{total}"


def _table(rows: list[_Row], now_s: float) -> Iterator[str]:
    yield (
        '<table><caption>Tasks</caption><thead><tr><th scope="col">Task</th><th scope="col">State</th>'
        '<th scope="col" class="n">Done</th><th scope="col">Nodes</th><th scope="col" class="n">Time</th>'
        "</tr></thead><tbody>"
    )
    for row in rows[:_MOST_ROWS]:
        yield (
            f'<tr><th scope="row">{"&emsp;" * min(row.depth, _DEEPEST)}{_html(row.name)}</th>'
            f"<td>{_glyph(GLYPHS[row.state])}{row.state.value}</td>"
            f'<td class="n">{_done(row)}</td><td>{_html(row.told)}</td>'
            f'<td class="n">{_took(row, now_s)}</td></tr>'
        )
    yield "</tbody></table>"
    if len(rows) > _MOST_ROWS:
        yield f"<p>… and {len(rows) - _MOST_ROWS:,} more.</p>"


def _failure(group: GroupView, index: int) -> str:
    name, state = _html(_node_name(group, index)), group.state(index)
    head = f"{_glyph(GLYPHS[state])}<strong>{name}</strong> {state.value}: "
    error = _last_error(group, index)
    if error is None:
        return f"<p>{head}{_prose(group.reasons.get(index, ''))}</p>"
    head += f"{_html(one_line(error.type_name, 200))}: {_html(clean(error.message))}"
    if not error.traceback:
        return f"<p>{head}</p>"
    traceback = _html(clean(error.traceback), _TRACEBACK_BYTES, end=True)
    return f"<details><summary>{head}</summary><pre>{traceback}</pre></details>"


def _first_failures(groups: list[GroupView]) -> tuple[list[tuple[GroupView, int]], int]:
    """The first nodes that failed by themselves, and how many more there are."""
    found: list[tuple[GroupView, int]] = []
    total = 0
    for group in groups:
        for state in OWN_FAILURES:
            count, at = group.counts[CODES[state]], -1
            total += count
            for _ in range(min(count, _MOST_FAILURES - len(found))):
                at = group.states.index(CODES[state], at + 1)
                found.append((group, at))
    return found, total - len(found)


def _last_error(group: GroupView, index: int) -> ErrorInfo | None:
    errors = group.errors.get(index)
    return errors[max(errors)] if errors else None


def _took(row: _Row, now_s: float) -> str:
    """From the first start to the last end; to now while something moves; empty before the first start."""
    first_s, last_s = row.times
    if first_s is None:
        return ""
    if any(row.card.counts[CODES[state]] for state in _MOVING):
        return duration(now_s - first_s)
    return "" if last_s is None else duration(last_s - first_s)


def _flow(view: RunView) -> str:
    return one_line(view.flow_name, _NAME_CHARS) or "run"


def _node_name(group: GroupView, index: int) -> str:
    return one_line(group.name(index), _NAME_CHARS)


def _glyph(glyph: str) -> str:
    return f'<span aria-hidden="true">{glyph}</span> '


def _prose(text: str) -> str:
    """Text in which backticks stand around what is code."""
    parts = re.split(r"`([^`\n]+)`", clean(text, _TEXT_BYTES))
    left = _TEXT_BYTES
    shown = []
    for number, part in enumerate(parts):
        told = _html(part, left)
        left -= len(told.encode())
        shown.append(f"<code>{told}</code>" if number % 2 else told)
        if left <= 0:
            break
    return "".join(shown)


def _html(text: str, most_bytes: int = _TEXT_BYTES, *, end: bool = False) -> str:
    """Escape text and keep its start (or its end), at most `most_bytes` of HTML."""
    parts: list[str] = []
    left = most_bytes
    for char in reversed(text) if end else text:
        parts.append(escape(char))
        left -= len(parts[-1].encode())
        if left < 0:
            parts[-1] = "…"
            break
    return "".join(reversed(parts) if end else parts)
