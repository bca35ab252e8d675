"""What nodes are made from, argument by argument, and what is made from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.notebook.stories import monthly
from tests.notebook.telling import StoryRun, edge, ended, run_started, spec
from tests.notebook.test_details import deck_of
from wfkit.core.events import Argument, Edge, GroupSpec, How, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.notebook.links import arguments_of, consumers_of, waits_of


def run_with(*groups: GroupSpec) -> StoryRun:
    return StoryRun(run_started(), NodesAdded(groups=groups))


def inputs(run: StoryRun, group: str, index: int | None = 0, own: tuple[tuple[str, str], ...] = ()) -> list[Any]:
    """Name, preview and names of the sources of each argument."""
    view = run.view_model
    told: Any = arguments_of(view, deck_of(run), view.groups[GroupId(group)], index, own)
    return [(one["name"], one["preview"], [source["name"] for source in one["sources"]]) for one in told]


def users(run: StoryRun, group: str, index: int | None) -> list[object]:
    places, _ = consumers_of(run.view_model, deck_of(run), GroupId(group), index)
    return [place["name"] for place in places]


def test_each_argument_tells_its_value_or_where_it_is_from() -> None:
    clean = replace(
        spec(1, "clean", 3, edge(0, How.EACH), mapped=True),
        arguments=(Argument("frame", "", 1), Argument("limit", "600")),
    )
    run = run_with(spec(0, "load", 3, mapped=True), clean)
    assert inputs(run, "g1", 2) == [("frame", "", ["load[2]"]), ("limit", "600", [])]
    assert inputs(run, "g1", None) == [("frame", "", ["load"]), ("limit", "600", [])]


def test_what_a_node_alone_was_given_stands_in_its_place() -> None:
    run = run_with(
        replace(spec(0, "load", 3, mapped=True), arguments=(Argument("month", ""), Argument("year", "2013")))
    )
    assert inputs(run, "g0", 1, (("month", "2"),)) == [("month", "2", []), ("year", "2013", [])]


def test_several_handles_in_one_argument_stay_together_and_in_order() -> None:
    uses = (edge(0, How.ONE, 1), edge(1), edge(0, How.ONE, 0))
    report = replace(
        spec(2, "report", 1, *uses), arguments=(Argument("parts", "", 2), Argument("n", "3"), Argument("first", "", 1))
    )
    run = run_with(spec(0, "load", 3, mapped=True), spec(1, "clean", 3, mapped=True), report)
    assert inputs(run, "g2") == [("parts", "", ["load[1]", "clean"]), ("n", "3", []), ("first", "", ["load[0]"])]


def test_where_places_are_not_known_all_sources_stand_together() -> None:
    report = replace(spec(1, "report", 1, edge(0)), arguments=(Argument("other", "", 1), Argument("parts", "", 1)))
    run = run_with(spec(0, "load", 3, mapped=True), report)
    assert inputs(run, "g1") == [("other", "", []), ("parts", "", []), ("", "", ["load"])]


def test_an_item_of_a_value_is_told() -> None:
    pick = replace(
        spec(1, "pick", 1), uses=(Edge(GroupId("g0"), How.ONE, items=(2,)),), arguments=(Argument("x", "", 1),)
    )
    run = run_with(spec(0, "load"), pick)
    view = run.view_model
    told: Any = arguments_of(view, deck_of(run), view.groups[GroupId("g1")], 0)
    assert told[0]["sources"][0]["item"] == 2


def test_the_value_of_a_source_is_seen_where_all_of_it_is_the_argument() -> None:
    clean = replace(spec(1, "clean", 2, edge(0, How.EACH), mapped=True), arguments=(Argument("frame", "", 1),))
    pick = replace(
        spec(2, "pick", 1), uses=(Edge(GroupId("g0"), How.ONE, 1, items=(2,)),), arguments=(Argument("x", "", 1),)
    )
    run = run_with(spec(0, "load", 2, mapped=True), clean, pick)
    run.tell(replace(ended(0, 1), preview="[10, 20, 30]"))
    view, deck = run.view_model, deck_of(run)

    def seen(group: str, index: int | None) -> list[str]:
        told: Any = arguments_of(view, deck, view.groups[GroupId(group)], index)
        return [source["preview"] for source in told[0]["sources"]]

    assert seen("g1", 1) == ["[10, 20, 30]"]
    assert seen("g1", 0) == [""]  # not there yet
    assert seen("g1", None) == [""]  # of a whole map
    assert seen("g2", 0) == [""]  # an item of it


def test_elements_over_a_list_that_came_late_name_their_own_source() -> None:
    group = GroupId("g0")
    use = replace(
        spec(1, "use", 2, mapped=True),
        uses=(Edge(group, How.EACH),),
        spelled=(Edge(group, How.ONE, 4, at=0), Edge(group, How.ONE, 5, at=1)),
        arguments=(Argument("x", "", 1),),
    )
    run = run_with(spec(0, "load", 6, mapped=True), use)
    assert inputs(run, "g1", 1) == [("x", "", ["load[5]"])]


def test_what_is_only_waited_for_is_no_input() -> None:
    late = replace(spec(1, "late"), edges=(edge(0),), uses=())
    run = run_with(spec(0, "load", 3, mapped=True), late)
    view = run.view_model
    assert inputs(run, "g1") == []
    assert [place["name"] for place in waits_of(view, deck_of(run), view.groups[GroupId("g1")])] == ["load"]


def test_users_of_an_element_are_its_own_and_those_of_all() -> None:
    assert users(monthly(), "g1", 3) == ["delays[3]"]
    assert users(monthly(), "g2", 3) == ["best", "worst"]
    assert users(monthly(), "g1", None) == ["delays"]
    assert users(monthly(), "g6", 0) == []


def test_a_call_that_takes_single_elements_is_a_user_of_these() -> None:
    both = tuple(Edge(GroupId("g0"), How.ONE, element, at=at) for at, element in enumerate((1, 2, 1)))
    run = run_with(spec(0, "load", 3, mapped=True), spec(1, "use", 3, *both, mapped=True))
    assert users(run, "g0", 1) == ["use[0]", "use[2]"]
    assert users(run, "g0", 0) == []


def test_many_users_are_cut_and_counted() -> None:
    run = run_with(spec(0, "load"), *(spec(n, f"use{n}", 1, edge(0, How.ONE)) for n in range(1, 31)))
    run.tell(ended(0))
    places, more = consumers_of(run.view_model, deck_of(run), GroupId("g0"), 0)
    assert (len(places), more) == (20, 10)
