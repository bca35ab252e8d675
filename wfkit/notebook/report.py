"""The report: one HTML page that holds a run, its live view without a kernel, and the same in words."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from heapq import nlargest
from html import escape
from itertools import chain
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId
from wfkit.core.stalls import reason_now
from wfkit.core.states import CODES, OWN_FAILURES, RUN_ENDS
from wfkit.core.view import GroupView, RunView
from wfkit.errors import CannotWrite
from wfkit.notebook.answering import LookedAtRun
from wfkit.notebook.cards import Card
from wfkit.notebook.columns import Columns
from wfkit.notebook.deck import Deck
from wfkit.notebook.details import node_detail
from wfkit.notebook.display import outcome_line, run_html
from wfkit.notebook.feed import PACKAGE_VERSION, Message, snapshot
from wfkit.notebook.plain import clean, one_line
from wfkit.notebook.summing import group_summary

if TYPE_CHECKING:
    from wfkit.history.records import RunRecord

SCRIPT: Final = Path(__file__).parents[1] / "static" / "report.js"  #: built from labextension/
_DETAIL_BYTES: Final = 700_000  #: of all details together
_MOST_REASONS: Final = 2_000
_MOST_NAMES: Final = 20_000
_LOG_LINES: Final = 200
_LINE_CHARS: Final = 500
_MOST_PARAMETERS: Final = 50
_LEVELS: Final = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


class ReportedRun(LookedAtRun, Protocol):
    """What a report needs of a run."""


def write_report(run: ReportedRun, path: str | PathLike[str], record: RunRecord | None = None) -> Path:
    """Write the report of a run to a file, which is there as a whole or not at all.

    Parameters
    ----------
    run : ReportedRun
        The run.
    path : str or path
        Where to; a file that is there is replaced.
    record : RunRecord, optional
        What is on record about it.

    Raises
    ------
    CannotWrite : the folder is missing, or may not be written to
    """
    target = _target(path)
    page = report_html(run, time.time(), record)
    part = target.with_name(f"{uuid4().hex}.part")
    try:
        with part.open("x", encoding="utf-8") as file:  # with the rights of any new file
            file.write(page)
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        what = f"The report cannot be written to {target}: {error.strerror}."
        raise CannotWrite(what, "Name another file.") from None
    return target


def _target(path: str | PathLike[str]) -> Path:
    try:
        target = Path(path).expanduser().absolute()
        is_folder, has_folder = target.is_dir(), target.parent.is_dir()
    except (OSError, RuntimeError) as error:  # a folder may not be looked into; nobody has that home
        why = error.strerror if isinstance(error, OSError) else error
        raise CannotWrite(f"The report cannot be written to {fspath(path)}: {why}.", "Name another file.") from None
    if is_folder:
        raise CannotWrite(f"{target} is a folder.", f"Name a file in it: {target / 'report.html'}.")
    if not has_folder:
        raise CannotWrite(f"There is no folder {target.parent}.", "Make it, or name another one.")
    return target


def report_html(run: ReportedRun, now_s: float, record: RunRecord | None = None) -> str:
    """Make the page: facts and the run in words for all readers, and the view for those whose browser runs its script.

    The page may run that one script and load nothing at all, whatever stands in it.
    """
    script = SCRIPT.read_text(encoding="utf-8") if SCRIPT.exists() else ""
    with run.lock:
        view = run.view_model
        kept = _kept(view, now_s) if script else {}
        words = run_html(view, now_s)
        facts = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(view, record)
        )
        log = _log(view, run.body_log)
        title = escape(outcome_line(view, now_s))
    # A script element ends at the first "</script", in whatever text it stands.
    data = json.dumps(kept, separators=(",", ":")).replace("<", "\\u003c")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>{title}</title><style>{_CSS}</style></head><body><main>"
        f"<h1>{escape(one_line(view.flow_name, 80)) or 'run'}</h1><dl>{facts}</dl>"
        f'<div id="wfkit-view"></div><section id="wfkit-words"><h2>In words</h2>{words}</section>{log}'
        f"<footer>Written by wfkit {PACKAGE_VERSION} on {_time(now_s)}.</footer></main>"
        f'<script type="application/json" id="wfkit-data">{data}</script><script>{script}</script></body></html>\n'
    )


_CSS: Final = (
    ":root{color-scheme:light dark}"
    "body{margin:0;font:14px/1.5 system-ui,sans-serif;background:#fff;color:#1f2430}"
    "main{max-width:1200px;margin:0 auto;padding:24px 20px 48px}"
    "h1{margin:0 0 .4em;font-size:24px}h2{margin:1.6em 0 .5em;font-size:17px}"
    "dl{display:flex;flex-wrap:wrap;gap:10px 28px;margin:0 0 20px}dl div{max-width:100%}"
    "dt{font-size:12px;opacity:.75}dd{margin:0;overflow-wrap:anywhere}"
    "pre.log{padding:.8em;border:1px solid #8886;border-radius:6px;overflow:auto;max-height:32em;"
    "font:12px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}"
    "footer{margin-top:2.5em;font-size:12px;opacity:.75}"
    ".wfkit-scripted .wfkit-static img{display:none}"
    "@media (prefers-color-scheme:dark){body{background:#15181e;color:#e3e6eb}}"
)


def _facts(view: RunView, record: RunRecord | None) -> Iterator[tuple[str, str]]:
    yield "Run", view.run_id
    yield "State", view.state.value
    if view.started_s is not None:
        ended = f" to {_time(view.ended_s)}" if view.ended_s is not None and view.state in RUN_ENDS else ""
        yield "When", f"{_time(view.started_s)}{ended}"
    for name, preview in view.parameters[:_MOST_PARAMETERS]:
        yield f"Parameter {one_line(name, 80)}", one_line(preview, 200)
    if view.parent_id is not None:
        yield "Goes on from", view.parent_id
    if record is not None:
        if record.lineage_id not in {None, record.id}:
            yield "First run", str(record.lineage_id)
        if record.user or record.host:
            yield "Who", one_line("@".join(part for part in (record.user, record.host) if part), 200)
        if record.git_commit:
            changed = " with changes" if record.git_commit.endswith("+") else ""
            yield "Git commit", record.git_commit.rstrip("+") + changed
        if record.source_kind == "file":
            yield "File", one_line(record.source, 300)
        for name, value in sorted(record.environment.items()):
            if name != "program":
                yield name.capitalize(), one_line(value, 120)
        if record.cluster:
            yield "Cluster", one_line(", ".join(f"{name} {value}" for name, value in record.cluster.items()), 400)
    yield "Workers", f"{len(view.workers):,}"


def _time(at_s: float | None) -> str:
    return "" if at_s is None else time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(at_s))


def _clock(at_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at_s))


def _log(view: RunView, body: Sequence[LogLine]) -> str:
    """The last lines of all logs and of the flow's body, in order of time."""
    told = (
        (line.at_s, line.level, group.name(index), line.text)
        for group in view.groups.values()
        for index, parts in group.logs.items()
        for part in parts.values()
        for line in part.lines
    )
    lines = chain(told, ((line.at_s, line.level, view.flow_name, line.text) for line in list(body)))
    last = sorted(nlargest(_LOG_LINES, lines))
    if not last:
        return ""
    text = "\n".join(
        f"{_clock(at_s)} {_LEVELS.get(level, level)} {one_line(name, 80)}: {clean(text, _LINE_CHARS)}"
        for at_s, level, name, text in last
    )
    return f'<section><h2>Log, its last lines</h2><pre class="log" tabindex="0">{escape(text)}</pre></section>'


# --- what the view of the page is answered from -----------------------------------------------------------------------


def _kept(view: RunView, now_s: float) -> dict[str, object]:
    """Messages and answers (`labextension/src/report/kept.ts`)."""
    deck = Deck()
    deck.update(view)
    (content, buffers), _ = snapshot(view, now_s, deck)
    columns = Columns()
    columns.watch(None, now_s)
    told = columns.message(view, deck, now_s)
    cards = deck.by_id.values()
    return {
        "now_s": now_s,
        "snapshot": _said(({"wfkit": PACKAGE_VERSION, **content}, buffers)),
        "columns": _said(told[0]) if told is not None else {"content": None, "buffers": []},
        "details": _details(view, deck),
        "sums": {card.id: group_summary(view, deck, card.id) for card in cards},
        "cards": {card.id: clean(card.name, 400) for card in cards},
        "names": {card.id: names for card in cards if (names := _names(card))},
        "reasons": {card.id: reasons for card in cards if (reasons := _reasons(view, card))},
    }


def _said(message: Message) -> dict[str, object]:
    content, buffers = message
    return {"content": content, "buffers": [b64encode(buffer).decode() for buffer in buffers]}


def _details(view: RunView, deck: Deck) -> dict[str, dict[int, object]]:
    """Details of nodes, those of failures first, as many as there is room for."""
    kept: dict[str, dict[int, object]] = {}
    left = _DETAIL_BYTES
    for card, cell in _by_interest(deck):
        detail = node_detail(view, deck, GroupId(card.id), cell)
        left -= len(json.dumps(detail))
        if left < 0:
            break
        kept.setdefault(card.id, {})[cell] = detail
    return kept


def _by_interest(deck: Deck) -> Iterator[tuple[Card, int]]:
    codes = [CODES[state] for state in OWN_FAILURES]
    cards = [card for card in deck.by_id.values() if card.kind != "flow"]
    for card in cards:
        yield from ((card, cell) for cell, code in enumerate(card.states) if code in codes)
    for card in sorted(cards, key=lambda card: len(card.states)):
        yield from ((card, cell) for cell, code in enumerate(card.states) if code not in codes)


def _names(card: Card) -> list[str]:
    """Names of its nodes, where they are not just numbered."""
    count = len(card.states)
    if not card.mapped or count > _MOST_NAMES:
        return []
    names = [_named(*card.node(cell)) for cell in range(count)]
    plain = all(name == f"{card.name}[{cell}]" for cell, name in enumerate(names))
    return [] if plain else names


def _named(group: GroupView, index: int) -> str:
    return one_line(group.name(index), 200)


def _reasons(view: RunView, card: Card) -> dict[int, str]:
    found: dict[int, str] = {}
    for cell in range(len(card.states)):
        group, index = card.node(cell)
        if reason := reason_now(view, group, index):
            found[cell] = one_line(reason, 300)
            if len(found) == _MOST_REASONS:
                break
    return found
