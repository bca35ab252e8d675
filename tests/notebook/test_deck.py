"""The deck: which groups share a card, how deep cards hang, and that a graph stays small whatever nodes spawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.notebook.stories import crawl, parents
from tests.notebook.telling import StoryRun, began, edge, run_started, spawned, spec, started
from wfkit.core.events import GroupSpec, How, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.states import CODES, TaskState
from wfkit.notebook.deck import MOST_CARDS, Deck


def deck_of(run: StoryRun) -> Deck:
    deck = Deck()
    deck.update(run.view_model)
    return deck


def drawn(deck: Deck) -> list[str]:
    """The cards as an indented list."""
    return ["  " * depth + card.name for depth, card in deck.tree()]


def story(*groups: GroupSpec) -> StoryRun:
    return StoryRun(run_started(), NodesAdded(groups=groups))


def test_calls_of_one_task_share_a_card_below_their_parents() -> None:
    deck = deck_of(parents(1_000))
    assert drawn(deck) == ["parent", "  leaf", "sum"]
    leaf = deck.by_id["fold:g0/leaf"]
    assert (leaf.kind, leaf.length, leaf.levels) == ("spawned", 2_000, 1)
    assert leaf.counts[CODES[TaskState.PENDING]] == 2_000


def test_a_task_that_spawns_itself_has_one_card_for_all_levels() -> None:
    deck = deck_of(crawl(levels=5))
    assert drawn(deck) == ["walk", "  read", "  total", "  walk", "report"]
    walk = deck.by_id["fold:g0/walk"]
    assert (walk.length, walk.levels) == (3 + 9 + 27 + 81, 4)
    assert (deck.by_id["fold:g0/read"].length, deck.by_id["fold:g0/read"].levels) == (4 * (1 + 120), 5)


def test_tasks_that_spawn_each_other_in_turns_have_a_card_each() -> None:
    groups, above = [spec(0, "a")], "g0"
    for number in range(1, 60):
        groups.append(spawned(above, 0, 1, "ab"[number % 2], number))
        above = groups[-1].id
    deck = deck_of(story(*groups))
    assert drawn(deck) == ["a", "  b", "  a"]
    assert sum(len(card.states) for card in deck.by_id.values()) == 60


def test_what_hangs_deeper_than_three_cards_shares_one() -> None:
    groups, above = [spec(0, "t0")], "g0"
    for number in range(1, 40):
        groups.append(spawned(above, 0, 1, f"t{number}", number))
        above = groups[-1].id
    deck = deck_of(story(*groups))
    assert drawn(deck) == ["t0", "  t1", "    t2", "      t3", "        … deeper"]
    assert sum(len(card.states) for card in deck.by_id.values()) == 40


def test_many_different_tasks_below_one_card_share_the_last() -> None:
    groups = [spawned("g0", 0, number, f"t{number}", number) for number in range(1, 500)]
    deck = deck_of(story(spec(0, "top"), *groups))
    assert len(deck.by_id) == 14
    assert [card.name for card in deck.by_id.values()][-1] == "… other tasks"
    assert sum(len(card.states) for card in deck.by_id.values()) == 500


def test_a_flow_that_is_called_in_a_task_keeps_its_members_below_it() -> None:
    groups = [spec(0, "top", 3, mapped=True)]
    for i in range(3):
        inner = spawned("g0", i, 1, "etl", 10 * i + 1, 0, kind="flow")
        member = replace(spawned("g0", i, 2, "load", 10 * i + 2), parent=inner.id)
        groups += [inner, member, spawned(member.id, 0, 1, "part", 10 * i + 3)]
    deck = deck_of(story(*groups))
    assert drawn(deck) == ["top", "  etl", "    load", "      part"]
    assert [card.kind for card in deck.by_id.values()] == ["task", "flow", "task", "spawned"]
    assert [len(card.states) for card in deck.by_id.values()] == [3, 0, 3, 3]


def branches(count: int) -> list[GroupSpec]:
    """`etl.map(…)`, whose body loads, cleans twice, and calls another flow."""
    groups = [spec(0, "etl", 0, kind="flow")]
    for i in range(count):
        at = 10 * i + 1
        groups.append(spec(at, f"etl[{i}]", 0, kind="flow", parent="g0"))
        load = replace(spec(at + 1, f"load#{i}", parent=f"g{at}"), task="load")
        first = replace(spec(at + 2, f"clean#{2 * i}", 1, edge(at + 1, How.ONE), parent=f"g{at}"), task="clean")
        second = replace(spec(at + 3, f"clean#{2 * i + 1}", 1, edge(at + 2, How.ONE), parent=f"g{at}"), task="clean")
        inner = spec(at + 4, f"save#{i}", 0, kind="flow", parent=f"g{at}")
        groups += [load, first, second, inner, replace(spec(at + 5, f"put#{i}", parent=f"g{at + 4}"), task="put")]
    return groups


def test_branches_of_a_mapped_flow_are_one_flow_whose_calls_have_a_card_each() -> None:
    plain = [spec(9_000, "once", 0, kind="flow"), spec(9_001, "a", parent="g9000"), spec(9_002, "b", parent="g9000")]
    deck = deck_of(story(*branches(300), *plain))
    assert drawn(deck) == ["etl", "  load", "  clean", "  clean#2", "  save", "    put", "once", "  a", "  b"]
    cards = {card.name: card for card in deck.by_id.values()}
    assert [len(cards[name].states) for name in ("load", "clean", "clean#2", "put")] == [300] * 4
    assert [cards[name].kind for name in ("etl", "load", "save", "put")] == ["flow", "task", "flow", "task"]
    assert cards["clean#2"].links(deck.card_of) == [(cards["clean"].id, "each", 0)]


def test_a_loop_in_a_branch_makes_no_more_than_a_few_cards() -> None:
    groups = [spec(0, "etl", 0, kind="flow"), spec(1, "etl[0]", 0, kind="flow", parent="g0")]
    groups += [replace(spec(2 + i, f"load#{i}", parent="g1"), task="load") for i in range(100)]
    deck = deck_of(story(*groups))
    assert drawn(deck) == ["etl", "  load", "  load#2", "  load#3", "  load#4"]
    assert [len(card.states) for card in deck.by_id.values()] == [0, 1, 1, 1, 97]


def test_items_of_a_flatten_are_no_tasks_of_a_card() -> None:
    groups = [spec(0, "top"), spawned("g0", 0, 1, "flatten", 1, 4, mapped=True, kind="flatten")]
    groups.append(spawned("g0", 0, 2, "leaf", 2, 4, mapped=True))
    deck = deck_of(story(*groups))
    assert [(card.kind, len(card.states)) for card in deck.by_id.values()] == [
        ("task", 1),
        ("flatten", 4),
        ("spawned", 4),
    ]


def test_a_graph_never_has_more_cards_than_can_be_drawn() -> None:
    groups = [spec(number, f"t{number}") for number in range(MOST_CARDS + 500)]
    groups += [spawned(f"g{number}", 0, 1, "leaf", number + 5_000) for number in (0, MOST_CARDS + 3)]
    deck = deck_of(story(*groups))
    assert len(deck.by_id) == MOST_CARDS + 1
    rest = list(deck.by_id.values())[-1]
    assert (rest.name, rest.kind, len(rest.states)) == ("… more tasks", "task", 502)


@pytest.mark.parametrize("most", [1, 7, 10_000])
def test_any_number_at_once_leads_to_the_same_deck(most: int) -> None:
    run, deck = crawl(), Deck()
    deck.update(run.view_model, most)
    turns = 0
    while deck.is_behind:
        deck.update(run.view_model, most)
        turns += 1
    assert drawn(deck) == drawn(deck_of(run))
    assert [card.counts for _, card in deck.tree()] == [card.counts for _, card in deck_of(run).tree()]
    assert (turns == 0) == (most == 10_000)


def test_what_comes_before_its_parent_waits_for_it() -> None:
    run, deck = StoryRun(run_started()), Deck()
    run.tell(began("g0.0/1"), began("g7"))  # nodes of groups that nobody has described
    run.tell(NodesAdded(groups=(spawned("g0.0/2", 0, 1, "leaf", 3),)))
    assert deck.update(run.view_model) == []
    run.tell(NodesAdded(groups=(spec(0, "top"),)))
    assert [card.name for card in deck.update(run.view_model)] == ["top"]
    run.tell(NodesAdded(groups=(spawned("g0", 0, 1, "leaf", 1), spawned("g0", 0, 2, "twig", 2))))
    deck.update(run.view_model)
    assert drawn(deck) == ["top", "  leaf", "  twig", "    leaf"]


def test_a_group_that_is_described_late_hangs_where_it_belongs() -> None:
    run, deck = story(spec(0, "etl", 0, kind="flow")), Deck()
    run.tell(began("g1"))
    deck.update(run.view_model)
    run.tell(NodesAdded(groups=(spec(1, "load", parent="g0"),)))
    deck.update(run.view_model)
    assert drawn(deck) == ["etl", "  load"]


def test_only_what_changed_is_named() -> None:
    run = parents(10)
    deck = deck_of(run)
    assert deck.update(run.view_model) == []
    run.tell(started(1))
    assert [card.id for card in deck.update(run.view_model)] == ["g1"]
    run.tell(began("g0.3/1"))
    assert [card.id for card in deck.update(run.view_model)] == ["fold:g0/leaf"]


def test_a_node_knows_what_it_spawned() -> None:
    deck = deck_of(parents(3))
    assert deck.spawned(GroupId("g0"), 1) == ["g0.1/1", "g0.1/2"]
    assert deck.spawned(GroupId("g1"), 0) == []


def test_tasks_whose_names_differ_late_have_cards_of_their_own() -> None:
    long = "x" * 300
    groups = [spawned("g0", 0, number, f"{long}{number}", number) for number in (1, 2, 3)]
    deck = deck_of(story(spec(0, "top"), *groups))
    assert len(deck.by_id) == 4
