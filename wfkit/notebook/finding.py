"""Finding: which nodes have a text in their reasons, or in the names that the kernel alone knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wfkit.core.stalls import stall_reason, stalled_in
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.cards import Card, Fold
from wfkit.notebook.deck import Deck

#: What names of elements have behind the name of their group.
_AFTER_NAME: Final = frozenset("0123456789.[]")


def found(view: RunView, deck: Deck, text: str) -> tuple[list[str], list[bytes]]:
    """Find nodes by text, however it is capitalised.

    Parameters
    ----------
    view : RunView
        The run.
    deck : Deck
        What the browser was told.
    text : str
        What names or reasons contain. Names of the form `clean[3]` are left to the browser, which knows them.

    Returns
    -------
    tuple
        The cards with such nodes; and for each a bit a cell, the lowest of each byte first.
    """
    wanted = text.lower()
    cards, masks = [], []
    for card in deck.by_id.values():
        mask = bytearray((len(card.states) + 7) // 8)
        for group in _groups(card):
            for index in _matching(view, group, wanted, named=isinstance(card, Fold) or bool(group.spec.parts)):
                cell = card.cell(group.spec.id, index)
                if cell is not None and cell >> 3 < len(mask):
                    mask[cell >> 3] |= 1 << (cell & 7)
        if any(mask):
            cards.append(card.id)
            masks.append(bytes(mask))
    return cards, masks


def _groups(card: Card) -> Iterator[GroupView]:
    if isinstance(card, Fold):
        yield from card.groups
    else:
        yield card.first


def _matching(view: RunView, group: GroupView, wanted: str, *, named: bool) -> Iterator[int]:
    if named:
        if wanted in group.spec.name.lower():
            yield from range(len(group))
            return
        if wanted[-1:] in _AFTER_NAME:  # else no name of an element has more of it than that of its group
            yield from (index for index in range(len(group)) if wanted in group.name(index).lower())
    yield from (index for index, reason in group.reasons.items() if wanted in reason.lower())
    yield from (index for index in stalled_in(view, group) if wanted in stall_reason(view, group, index).lower())
    hits = {
        at
        for at, verdict in enumerate(group.verdicts)
        if wanted in verdict.reason.lower() or (verdict.reused and wanted in verdict.stale.lower())
    }
    if hits:
        yield from (index for index, at in enumerate(group.why) if at in hits and wanted in group.reason(index).lower())
