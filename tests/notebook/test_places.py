"""Links to nodes and calls."""

from __future__ import annotations

from tests.notebook.stories import BAD_MONTH, crawl, monthly
from tests.notebook.test_details import deck_of
from wfkit.core.ids import GroupId
from wfkit.notebook.places import call_place, node_place


def test_a_node_is_found_by_its_card_and_cell() -> None:
    run = monthly()
    place = node_place(run.view_model, deck_of(run), GroupId("g1"), BAD_MONTH)
    assert place == {"group": "g1", "index": BAD_MONTH, "name": "clean[6]", "state": "FAILED"}


def test_what_is_not_there_is_not_found() -> None:
    run = monthly()
    deck = deck_of(run)
    assert node_place(run.view_model, deck, GroupId("g1"), 12) is None
    assert node_place(run.view_model, deck, GroupId("g1"), -1) is None
    assert node_place(run.view_model, deck, GroupId("no"), 0) is None


def test_a_call_tells_how_far_it_is() -> None:
    run = monthly()
    deck = deck_of(run)
    place = call_place(run.view_model, deck, GroupId("g1"))
    assert (place["index"], place["state"], place["ended"], place["total"]) == (None, "FAILED", 12, 12)
    assert call_place(run.view_model, deck, GroupId("g6"))["index"] == 0


def test_a_spawned_call_is_found_on_the_card_that_it_shares() -> None:
    run = crawl()
    deck = deck_of(run)
    child = deck.spawned(GroupId("g0"), 0)[0]
    assert call_place(run.view_model, deck, child)["group"] == "fold:g0/read"
