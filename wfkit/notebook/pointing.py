"""Pointing: what a browser points at, a card or one of its cells, in terms of the run: handles' places and names."""

from __future__ import annotations

from wfkit.authoring.handle import Ref
from wfkit.core.ids import GroupId
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.acts import Place
from wfkit.notebook.cards import Fold
from wfkit.notebook.deck import Deck


def refs_at(view: RunView, deck: Deck, place: Place) -> list[Ref]:
    """The places of handles of what is pointed at.

    Raises
    ------
    LookupError : the run has no such node
    """
    return [Ref(group.spec.id, index) for group, index in _at(view, deck, place)]


def names_at(view: RunView, deck: Deck, place: Place) -> list[str]:
    """The names of what is pointed at, as `run.node(name)` takes them.

    Raises
    ------
    LookupError : the run has no such node
    """
    return [group.spec.name if index is None else group.name(index) for group, index in _at(view, deck, place)]


def called(names: list[str]) -> str:
    """What to call them in a sentence."""
    return f"`{names[0]}`" if len(names) == 1 else f"{len(names):,} groups"


def _at(view: RunView, deck: Deck, place: Place) -> list[tuple[GroupView, int | None]]:
    card = deck.by_id.get(place.card)
    if place.index is not None:
        if card is not None:
            return [card.node(place.index)]
        group = view.groups[GroupId(place.card)]
        if place.index >= len(group):
            raise IndexError(place.index)
        return [(group, place.index)]
    if isinstance(card, Fold):
        return [(group, None) for group in card.groups]
    return [(view.groups[GroupId(place.card)], None)]
