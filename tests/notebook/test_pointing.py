"""What a browser points at: cards, cells and groups, as places of handles and as names."""

from __future__ import annotations

import pytest

from tests.notebook.stories import crawl, monthly
from tests.notebook.telling import StoryRun
from wfkit.authoring.handle import Ref
from wfkit.core.ids import GroupId
from wfkit.notebook.acts import Place
from wfkit.notebook.cards import Fold
from wfkit.notebook.deck import Deck
from wfkit.notebook.pointing import called, names_at, refs_at


def deck_of(run: StoryRun) -> Deck:
    deck = Deck()
    deck.update(run.view_model)
    return deck


@pytest.mark.parametrize(
    ("place", "name", "index"),
    [
        (Place("g1", 6), "clean[6]", 6),
        (Place("g1", None), "clean", None),
        (Place("g6", 0), "report", 0),
        (Place("g6", None), "report", None),
    ],
)
def test_a_card_of_one_group_is_that_group_and_its_cells_are_its_nodes(
    place: Place, name: str, index: int | None
) -> None:
    run = monthly()
    assert names_at(run.view_model, deck_of(run), place) == [name]
    assert refs_at(run.view_model, deck_of(run), place) == [Ref(GroupId(place.card), index)]
    assert run.view_model.by_name(name)[0].spec.id == place.card


def test_a_card_of_many_groups_is_all_of_them_and_its_cells_are_their_nodes() -> None:
    run = crawl()
    deck = deck_of(run)
    card = next(card for card in deck.by_id.values() if isinstance(card, Fold) and card.name == "read")
    names = names_at(run.view_model, deck, Place(card.id, None))
    assert len(names) == len(list(card.groups)) > 1
    assert all(name.startswith("read") for name in names)
    group, index = card.node(5)
    assert refs_at(run.view_model, deck, Place(card.id, 5)) == [Ref(group.spec.id, index)]
    assert called(names) == f"{len(names)} groups"
    assert called(["clean[3]"]) == "`clean[3]`"


@pytest.mark.parametrize("place", [Place("g77", None), Place("g77", 0), Place("g1", 400)])
def test_what_is_not_there_cannot_be_pointed_at(place: Place) -> None:
    run = monthly()
    with pytest.raises(LookupError):
        refs_at(run.view_model, deck_of(run), place)
    with pytest.raises(LookupError):
        refs_at(run.view_model, Deck(), place)
