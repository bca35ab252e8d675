"""The feed: a view as messages for the browser: a snapshot first, then what changed since the last message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from math import isnan
from struct import pack
from typing import Final

from wfkit.core.states import CODES, RUN_ENDS, STATES, TaskState
from wfkit.core.view import RunView
from wfkit.notebook.cards import Card, Fold, Times
from wfkit.notebook.deck import Deck
from wfkit.notebook.plain import clean

#: Version of the protocol; a browser that speaks another one is told so.
VERSION: Final = 1
#: Version of the package, as the browser compares it with its own.
PACKAGE_VERSION: Final = version("wfkit")

#: One message: what becomes JSON, and the binary buffers that travel beside it.
Message = tuple[dict[str, object], list[bytes]]

_AT_ONCE: Final = 4_000  #: new groups in one message, which keeps it quick
_BLOCK: Final = 512  #: states are compared in blocks of this size first
_SPARSE_SHARE: Final = 8  #: below one change in so many elements only the changes travel
_RECOUNT: Final = 4096  #: up to this length all times of a card are looked at again
_LINE_CHARS: Final = 4_000
_NOTE_CHARS: Final = 300
_PENDING: Final = CODES[TaskState.PENDING]


@dataclass(slots=True)
class Sent:
    """What the browser knows after the last message."""

    version: int = -1  #: of the view
    held_bytes: int = 0
    deck: Deck = field(default_factory=Deck)
    told: dict[str, dict[str, object]] = field(default_factory=dict)  #: the description of each card
    states: dict[str, bytes] = field(default_factory=dict)
    times: dict[str, Times] = field(default_factory=dict)


def snapshot(view: RunView, now_s: float, deck: Deck | None = None, held_bytes: int = 0) -> tuple[Message, Sent]:
    """Say everything; one buffer of state codes a card.

    Parameters
    ----------
    view : RunView
        The run.
    now_s : float
        The time now, in seconds since the epoch.
    deck : Deck, optional
        The cards of earlier messages, so that cells keep their numbers.
    held_bytes : int
        What the run holds in the memory of the cluster.
    """
    sent = Sent(version=view.version, held_bytes=held_bytes, deck=deck or Deck())
    sent.deck.update(view, _AT_ONCE)
    groups, buffers = [], []
    for card in sent.deck.by_id.values():
        sent.states[card.id] = bytes(card.states)
        sent.times[card.id] = card.times()
        sent.told[card.id] = _described(view, card, sent)
        groups.append(sent.told[card.id])
        buffers.append(sent.states[card.id])
    content: dict[str, object] = {
        "v": VERSION,
        "op": "snapshot",
        "seq": view.version,
        "run": _head(view, now_s, held_bytes),
        "states": [state.value for state in STATES],
        "workers": [clean(worker, 200) for worker in view.workers],
        "groups": groups,
    }
    return (content, buffers), sent


def delta(view: RunView, sent: Sent, now_s: float, held_bytes: int = 0) -> Message:
    """Say what changed since `sent`, which then holds what this message says too."""
    base, sent.version, sent.held_bytes = sent.version, view.version, held_bytes
    groups: list[dict[str, object]] = []
    cells: list[dict[str, object]] = []
    buffers: list[bytes] = []
    for card in sent.deck.update(view, _AT_ONCE):
        form, parts = _cells(card, sent, recount=view.state in RUN_ENDS)
        change = _changed(view, card, sent)
        if change is not None or parts:
            groups.append(change or {"id": card.id})
        if parts:
            cells.append({"id": card.id, **form})
            buffers.extend(parts)
    content: dict[str, object] = {
        "v": VERSION,
        "op": "delta",
        "seq": view.version,
        "base": base,
        "run": _head(view, now_s, held_bytes),
        "groups": groups,
        "cells": cells,
    }
    return content, buffers


def message_bytes(message: Message) -> int:
    """The size of a message on the wire, for the budget of bytes a second."""
    content, buffers = message
    return len(json.dumps(content)) + sum(map(len, buffers))


def _head(view: RunView, now_s: float, held_bytes: int) -> dict[str, object]:
    return {
        "id": view.run_id,
        "flow": clean(view.flow_name, 200),
        "state": view.state.value,
        "reason": clean(view.reason, _LINE_CHARS),
        "started_s": view.started_s,
        "ended_s": view.ended_s,
        "held_bytes": held_bytes,
        "now_s": now_s,
    }


def _described(view: RunView, card: Card, sent: Sent) -> dict[str, object]:
    first_s, last_s = sent.times[card.id]
    spec = card.first.spec
    return {
        "id": card.id,
        "order": spec.order,
        "name": clean(card.name, 400),
        "task": clean(spec.task, 400),
        "kind": card.kind,
        "mapped": card.mapped,
        "length": card.length,
        "parent": None if card.above is None else card.above.id,
        "edges": [list(link) for link in card.links(sent.deck.card_of)],
        "levels": card.levels,
        "named": isinstance(card, Fold) or bool(spec.parts),
        "counts": list(card.counts),
        "first_s": first_s,
        "last_s": last_s,
        "note": clean(card.note(), _NOTE_CHARS),
        "stale": card.stale(),
        "stalled": card.stalled(view),
    }


def _changed(view: RunView, card: Card, sent: Sent) -> dict[str, object] | None:
    """Describe a card; one that the browser has by what is not as it was; None if all is."""
    before, after = sent.told.get(card.id), _described(view, card, sent)
    sent.told[card.id] = after
    if before is None:
        return after
    change = {name: value for name, value in after.items() if value != before[name]}
    return {"id": card.id, **change} if change else None


def _cells(card: Card, sent: Sent, *, recount: bool) -> tuple[dict[str, object], list[bytes]]:
    """Form and buffers of the states that changed; no buffers if none did."""
    known = card.id in sent.states
    before, after = sent.states.get(card.id, b""), bytes(card.states)
    changes = list(_differences(before, after))
    sent.states[card.id] = after
    if recount or len(after) <= _RECOUNT:
        sent.times[card.id] = card.times()
    else:
        sent.times[card.id] = _more_times(card, changes, sent.times.get(card.id, (None, None)))
    if known and not changes:
        return {}, []
    moved = [cell for cell in changes if cell < len(before) or after[cell] != _PENDING]
    if not known or len(moved) * _SPARSE_SHARE > len(after):
        return {"form": "full"}, [after]
    return (
        {"form": "sparse", "length": len(after)},  # new cells are PENDING unless they are among the changes
        [pack(f"<{len(moved)}I", *moved), bytes(after[cell] for cell in moved)],
    )


def _differences(before: bytes, after: bytes) -> Iterator[int]:
    for start in range(0, len(after), _BLOCK):
        block, old = after[start : start + _BLOCK], before[start : start + _BLOCK]
        if block == old:
            continue
        both = min(len(block), len(old))
        yield from (start + i for i in range(both) if block[i] != old[i])
        yield from range(start + both, start + len(block))


def _more_times(card: Card, changes: list[int], known: Times) -> Times:
    starts, ends = [], []
    for cell in changes:
        group, index = card.node(cell)
        if not isnan(at_s := group.started_s[index]):
            starts.append(at_s)
        if not isnan(at_s := group.ended_s[index]):
            ends.append(at_s)
    first_s, last_s = known
    return (
        min(starts if first_s is None else [first_s, *starts], default=None),
        max(ends if last_s is None else [last_s, *ends], default=None),
    )
