"""Places: where a browser finds a node or a whole call, as a link: its card, its cell there, its name and state."""

from __future__ import annotations

from typing import Final

from wfkit.core.ids import GroupId
from wfkit.core.states import END_CODES
from wfkit.core.view import RunView
from wfkit.notebook.deck import Deck
from wfkit.notebook.display import leading_state
from wfkit.notebook.plain import one_line

#: A link as it travels.
Place = dict[str, object]

_NAME_CHARS: Final = 200


def node_place(view: RunView, deck: Deck, group_id: GroupId, index: int) -> Place | None:
    """Where a browser finds one node; None where it cannot."""
    group, card = view.groups.get(group_id), deck.card_of(group_id)
    if group is None or card is None or not 0 <= index < len(group):
        return None
    return {
        "group": card.id,
        "index": card.cell(group_id, index),
        "name": one_line(group.name(index), _NAME_CHARS),
        "state": group.state(index).value,
    }


def call_place(view: RunView, deck: Deck, group_id: GroupId) -> Place:
    """Where a browser finds a call, and how far it is; a whole map has no cell of its own."""
    group, card = view.groups[group_id], deck.card_of(group_id)
    single = len(group) == 1 and not group.spec.mapped
    counts = group.counts
    return {
        "group": "" if card is None else card.id,
        "index": card.cell(group_id, 0) if card is not None and single else None,
        "name": one_line(group.spec.name, _NAME_CHARS),
        "state": leading_state(counts).value,
        "ended": sum(count for code, count in enumerate(counts) if code in END_CODES),
        "total": len(group),
    }
