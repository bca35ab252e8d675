"""Cards: cells that stay those of their nodes, edges that are merged, and what is noted of nodes that run."""

from __future__ import annotations

import random

import pytest

from tests.notebook.stories import crawl, parents
from tests.notebook.telling import BEGIN_S, WORKERS, StoryRun, began, done, edge, run_started, silent, spawned, spec
from wfkit.core.events import Edge, How, NodesAdded, NodesDecided, NodeStopping, Verdict
from wfkit.core.ids import GroupId
from wfkit.core.states import CODES, TaskState
from wfkit.notebook.cards import times_of
from wfkit.notebook.deck import Deck


def deck_of(run: StoryRun) -> Deck:
    deck = Deck()
    deck.update(run.view_model)
    return deck


@pytest.mark.parametrize("seed", range(5))
def test_a_cell_stays_that_of_its_node_while_maps_of_unknown_length_grow(seed: int) -> None:
    draw = random.Random(seed)
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "top", 5, mapped=True),)))
    deck = Deck()
    lengths: dict[int, int] = {}
    seats: dict[int, tuple[str, int]] = {}
    for turn in range(60):
        parent = draw.randrange(5)
        lengths[parent] = lengths.get(parent, 0) + draw.choice([0, 1, 4])
        length = lengths[parent] or None
        run.tell(NodesAdded(groups=(spawned("g0", parent, 1, "leaf", parent + 1, length, mapped=True),)))
        if length:
            run.tell(done(f"g0.{parent}/1", draw.randrange(length), turn))
        deck.update(run.view_model)
        fold = deck.by_id["fold:g0/leaf"]
        for cell in range(len(fold.states)):
            group, index = fold.node(cell)
            assert seats.setdefault(cell, (group.spec.id, index)) == (group.spec.id, index)
            assert fold.cell(group.spec.id, index) == cell
            assert fold.states[cell] == group.states[index]
        assert len(fold.states) == sum(lengths.values())
        assert fold.length == (None if 0 in lengths.values() else sum(lengths.values()))
        assert sum(fold.counts) == len(fold.states)


def test_there_is_no_node_outside_the_cells() -> None:
    deck = deck_of(parents(3))
    for card_id, cell in (("fold:g0/leaf", 6), ("fold:g0/leaf", -1), ("g0", 3), ("g0", -1)):
        with pytest.raises(IndexError):
            deck.by_id[card_id].node(cell)
    assert deck.by_id["fold:g0/leaf"].cell(GroupId("g7"), 0) is None


def test_edges_between_folds_are_merged_and_those_to_what_they_hang_below_left_out() -> None:
    deck = deck_of(crawl())
    links = {card_id: card.links(deck.card_of) for card_id, card in deck.by_id.items()}
    assert links["fold:g0/total"] == [("fold:g0/read", "all", 0)]
    assert links["fold:g0/walk"] == links["fold:g0/read"] == []
    assert links["g1"] == [("g0", "one", 0)]


def test_calls_that_follow_each_other_in_each_parent_go_in_pairs() -> None:
    groups = [spec(0, "top", 9, mapped=True), spec(1, "other")]
    for i in range(9):
        first = spawned("g0", i, 1, "first", 2 + 2 * i)
        uses = (Edge(group=first.id, how=How.ONE), edge(1), Edge(group=GroupId("g0"), how=How.ONE, index=i))
        groups += [first, spawned("g0", i, 2, "second", 3 + 2 * i, 1, *uses)]
    deck = deck_of(StoryRun(run_started(), NodesAdded(groups=tuple(groups))))
    assert deck.by_id["fold:g0/second"].links(deck.card_of) == [("fold:g0/first", "each", 0), ("g1", "all", 0)]


def test_times_go_from_the_first_start_to_the_last_end() -> None:
    run = parents(3)
    assert times_of(run.view_model.groups.values()) == (BEGIN_S + 1, None)
    run.tell(began("g0.0/1", 0, 4), began("g0.2/2", 0, 3), done("g0.0/1", 0, 6), done("g0.2/2", 0, 5))
    deck = deck_of(run)
    assert deck.by_id["fold:g0/leaf"].times() == (BEGIN_S + 3, BEGIN_S + 6)


def test_nodes_that_are_told_to_stop_are_noted_until_they_have_ended() -> None:
    run = parents(3)
    deck = deck_of(run)
    leaf = deck.by_id["fold:g0/leaf"]
    assert leaf.note() == ""
    for child in ("g0.0/1", "g0.2/2"):
        run.tell(began(child), NodeStopping(group=GroupId(child), index=0, attempt=1, worker="w1"))
    deck.update(run.view_model)
    assert leaf.note() == "2 nodes: cancelling, still running on w1"
    run.tell(*(done(child, state=TaskState.CANCELLED) for child in ("g0.0/1", "g0.2/2")))
    deck.update(run.view_model)
    assert leaf.note() == ""
    assert leaf.counts[CODES[TaskState.CANCELLED]] == 2


def test_kept_values_of_older_code_are_counted_and_are_no_note() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "clean", 4, mapped=True),)))
    stale = Verdict((0, 2), reused=True, reason="reused", stale="body of `clean` changed")
    rerun = Verdict((3, 4), reused=False, reason="failed before", stale="uses stale `load[3]`")
    run.tell(NodesDecided(group=GroupId("g0"), verdicts=(stale, rerun), at_s=BEGIN_S))
    card = deck_of(run).by_id["g0"]
    assert (card.stale(), card.note()) == (2, "")


def test_cells_of_nodes_on_a_worker_that_is_not_heard_of_are_told_in_folds_too_and_are_no_note() -> None:
    run = parents(3)
    deck = deck_of(run)
    parent, leaf = deck.by_id["g0"], deck.by_id["fold:g0/leaf"]
    run.tell(began("g0.2/2"), began("g0.0/1", 1), done("g0.0/1", 1), silent(WORKERS[0]))
    deck.update(run.view_model)
    cells = leaf.stalled(run.view_model)
    assert [leaf.node(cell)[0].spec.id for cell in cells] == ["g0.2/2"]
    assert (leaf.note(), parent.stalled(run.view_model)) == ("", [])
    run.tell(silent())
    assert leaf.stalled(run.view_model) == []


def test_a_single_node_is_noted_in_its_own_words() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "a"),)), began("g0"))
    run.tell(NodeStopping(group=GroupId("g0"), index=0, attempt=1, worker="w1"))
    assert deck_of(run).by_id["g0"].note() == "cancelling, still running on w1"
