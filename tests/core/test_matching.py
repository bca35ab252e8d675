"""Matching: which recorded call each call of a rerun is, and which recorded element each element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.repeats import call, each, elements, matched, one, over, plain, recorded, whole
from wfkit.core.events import GroupSpec, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.matching import Matching, stretches
from wfkit.core.reducer import fold

Found = dict[str, str]


def calls_of(matching: Matching) -> Found:
    return {str(new): str(old) for new, old in matching.groups.items()}


def with_values(values: Sequence[object], task: str = "clean", start: int = 1) -> list[GroupSpec]:
    """One call for each value."""
    return [call(f"g{number}", task, plain("x", value)) for number, value in enumerate(values, start)]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("ab", "ab", {"g1": "g1", "g2": "g2"}),
        ("ab", "ba", {"g1": "g2", "g2": "g1"}),  # in another order
        ("aab", "baa", {"g1": "g3", "g2": "g1", "g3": "g2"}),  # repeats in order
        ("ab", "b", {"g1": "g2"}),  # one is gone
        ("ab", "aab", {"g1": "g1", "g2": "g2", "g3": "g2"}),  # g2 was lent its place, and b owns it
        ("ab", "abc", {"g1": "g1", "g2": "g2"}),  # one is new
        ("ab", "ax", {"g1": "g1", "g2": "g2"}),  # other inputs, at its place
        ("abc", "xbc", {"g1": "g1", "g2": "g2", "g3": "g3"}),
        ("", "a", {}),
        ("a", "", {}),
    ],
)
def test_calls_are_matched_by_equal_inputs_first_and_the_rest_by_order(before: str, after: str, found: Found) -> None:
    matching = matched(recorded(*with_values(before)), *with_values(after))
    assert calls_of(matching) == found


def test_who_has_equal_inputs_is_equal_and_who_has_a_place_only_is_not() -> None:
    matching = matched(recorded(*with_values("ab")), *with_values("bx"))
    assert calls_of(matching) == {"g1": "g2", "g2": "g1"}
    assert matching.is_equal((GroupId("g1"), 0))
    assert not matching.is_equal((GroupId("g2"), 0))


def test_a_recorded_call_is_the_one_with_equal_inputs_before_the_one_that_has_its_place() -> None:
    matching = matched(recorded(*with_values("ab")), *with_values("aab"))
    assert matching.new_of(GroupId("g2")) == "g3"
    assert matching.new_of(GroupId("g1")) == "g1"
    assert matching.new_of(GroupId("g9")) is None


@pytest.mark.parametrize(
    ("before", "after", "may_come"),
    [
        ("a", "ab", True),
        ("ab", "ab", False),  # it is there
        ("ab", "ba", False),
        ("ac", "ab", False),  # another one is in its place
        ("ab", "xbc", True),  # x has the place of a
        ("ab", "bc", True),  # a is gone
    ],
)
def test_a_call_may_come_where_none_is_equal_or_behind_those_found(before: str, after: str, may_come: bool) -> None:
    calls = with_values(after)
    matching = matched(recorded(*with_values(before)), *calls[:-1])
    assert matching.may_come(calls[-1], lambda _: "task") is may_come


def test_nothing_may_come_in_a_place_that_the_recorded_run_does_not_have() -> None:
    matching = matched(recorded(), replace(call("g1", "part"), kind="flow"))
    assert not matching.may_come(replace(call("g2"), parent=GroupId("g1")), lambda _: "flow")


def test_calls_of_other_tasks_do_not_count() -> None:
    past = recorded(call("g1", "load"), call("g2", "clean", plain("x", 1)))
    assert calls_of(matched(past, call("g1", "clean", plain("x", 1)))) == {"g1": "g2"}


def test_a_single_call_is_never_a_map() -> None:
    past = recorded(call("g1", "clean", length=1))
    assert calls_of(matched(past, call("g1", "clean"))) == {}


def test_handles_are_equal_by_the_node_that_they_were_matched_to() -> None:
    past = recorded(*with_values("ab", "load"), call("g3", uses=[one("g1")]), call("g4", uses=[one("g2")]))
    swapped = [*with_values("ba", "load"), call("g3", uses=[one("g1")]), call("g4", uses=[one("g2")])]
    matching = matched(past, *swapped)
    assert calls_of(matching) == {"g1": "g2", "g2": "g1", "g3": "g4", "g4": "g3"}
    assert all(matching.is_equal((GroupId(group), 0)) for group in ("g3", "g4"))


def test_a_handle_of_a_new_node_makes_other_inputs() -> None:
    past = recorded(call("g1", "load"), call("g2", uses=[one("g1")]))
    matching = matched(past, call("g1", "fetch"), call("g2", uses=[one("g1")]))
    assert calls_of(matching) == {"g2": "g2"}
    assert not matching.is_equal((GroupId("g2"), 0))


def test_another_item_of_the_same_value_is_another_input() -> None:
    past = recorded(call("g1", "load"), call("g2", uses=[one("g1", items=(0,))]))
    matching = matched(past, call("g1", "load"), call("g2", uses=[one("g1", items=(1,))]))
    assert not matching.is_equal((GroupId("g2"), 0))


def test_who_takes_a_map_whole_takes_another_input_than_who_takes_it_element_by_element() -> None:
    past = recorded(call("g1", "load", length=2), call("g2", length=2, uses=[over("g1")]))
    matching = matched(past, call("g1", "load", length=2), call("g2", length=2, uses=[whole("g1")]))
    assert not matching.is_equal((GroupId("g2"), 0))


# --- within a parent ---


def test_calls_in_a_branch_are_looked_for_in_the_branch_that_it_was() -> None:
    def branches(first: str, second: str) -> list[GroupSpec]:
        return [
            call("g1", "part[0]", plain("item", first), kind="flow"),
            call("g2", "clean", plain("x", 1), parent="g1"),
            call("g3", "part[1]", plain("item", second), kind="flow"),
            call("g4", "clean", plain("x", 1), parent="g3"),
        ]

    matching = matched(recorded(*branches("a", "b")), *branches("b", "a"))
    assert calls_of(matching) == {"g1": "g3", "g2": "g4", "g3": "g1", "g4": "g2"}


def test_calls_in_a_new_branch_are_new() -> None:
    past = recorded(call("g1", "part[0]", plain("item", 1), kind="flow"), call("g2", "clean", parent="g1"))
    matching = matched(past, call("g1", "other", kind="flow"), call("g2", "clean", parent="g1"))
    assert calls_of(matching) == {}


def test_children_are_looked_for_below_the_node_that_their_spawner_was() -> None:
    past = recorded(
        call("g1", "parent", each("x", "ab"), length=2),
        call("g1.0/1", "child", plain("x", 1)),
        call("g1.1/1", "child", plain("x", 1)),
    )
    again = [
        call("g1", "parent", each("x", "ba"), length=2),
        call("g1.0/1", "child", plain("x", 1)),
        call("g1.1/1", "child", plain("x", 1)),
    ]
    assert calls_of(matched(past, *again)) == {"g1": "g1", "g1.0/1": "g1.1/1", "g1.1/1": "g1.0/1"}


def test_a_child_that_is_made_anew_is_what_the_one_before_it_was() -> None:
    children = [call(f"g1.0/{number}", "child", length=2) for number in (1, 2)]
    past = recorded(call("g1", "parent"), *children)
    anew = call("g1.0/1x2", "child", length=2)
    matching = matched(past, call("g1", "parent"), children[0], anew, children[1])
    assert calls_of(matching) == {"g1": "g1", "g1.0/1": "g1.0/1", "g1.0/1x2": "g1.0/1", "g1.0/2": "g1.0/2"}
    assert elements(matching, anew) == elements(matching, children[1]) == [0, 1]
    assert matching.new_of(GroupId("g1.0/1")) == "g1.0/1x2"


def test_children_of_a_new_node_are_new() -> None:
    past = recorded(call("g1", "parent", each("x", "a"), length=1), call("g1.0/1", "child"))
    again = [call("g1", "parent", each("x", "ab"), length=2), call("g1.1/1", "child")]
    assert calls_of(matched(past, *again)) == {"g1": "g1"}


# --- elements ---


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("abc", "abc", [0, 1, 2]),
        ("abc", "cab", [2, 0, 1]),
        ("aab", "baa", [2, 0, 1]),
        ("abc", "ac", [0, 2]),
        ("abc", "abcd", [0, 1, 2, None]),
        ("abc", "zabc", [None, 0, 1, 2]),
        ("abc", "axc", [0, 1, 2]),
        ("", "ab", [None, None]),
        ("ab", "", []),
    ],
)
def test_elements_are_matched_by_equal_inputs_first(before: str, after: str, found: list[int | None]) -> None:
    spec = call("g1", "clean", each("x", after), length=len(after))
    matching = matched(recorded(call("g1", "clean", each("x", before), length=len(before))), spec)
    assert elements(matching, spec) == found
    equal = [index for index, value in enumerate(after) if value in before]
    assert [index for index in range(len(after)) if matching.is_equal((spec.id, index))] == equal


@given(before=st.lists(st.integers(0, 4), max_size=8), after=st.lists(st.integers(0, 4), max_size=8))
def test_no_recorded_element_is_found_twice_by_equal_inputs_and_none_is_missed(
    before: list[int], after: list[int]
) -> None:
    spec = call("g1", "clean", each("x", after), length=len(after))
    matching = matched(recorded(call("g1", "clean", each("x", before), length=len(before))), spec)
    equal = [index for index in range(len(after)) if matching.is_equal((spec.id, index))]
    old = [matching.old((spec.id, index)) for index in equal]
    assert len(set(old)) == len(old)
    assert [before[found[1]] for found in old if found] == [after[index] for index in equal]
    for value in set(before) | set(after):
        assert sum(after[index] == value for index in equal) == min(before.count(value), after.count(value))


def test_a_plain_value_that_all_elements_have_is_compared_too() -> None:
    past = recorded(call("g1", "clean", each("x", "ab"), plain("year", 2013), length=2))
    spec = call("g1", "clean", each("x", "ba"), plain("year", 2014), length=2)
    matching = matched(past, spec)
    assert elements(matching, spec) == [0, 1]
    assert not matching.is_equal((spec.id, 0))
    assert matching.changed_inputs((spec.id, 0)) == ["x", "year"]


def test_an_element_that_goes_over_a_map_is_the_one_that_went_over_the_same_node() -> None:
    def calls(values: str) -> tuple[GroupSpec, GroupSpec]:
        return (
            call("g1", "load", each("x", values), length=len(values)),
            call("g2", "clean", length=len(values), uses=[over("g1")]),
        )

    load, clean = calls("bca")
    matching = matched(recorded(*calls("abc")), load, clean)
    assert elements(matching, clean) == [1, 2, 0]
    assert all(matching.is_equal((clean.id, index)) for index in range(3))


def test_elements_over_items_of_one_value_are_matched_by_their_places() -> None:
    items = one("g1", items=(-1,))
    past = recorded(call("g1", "load"), call("g2", length=3, uses=[items]))
    spec = call("g2", length=2, uses=[items])
    matching = matched(past, call("g1", "load"), spec)
    assert elements(matching, spec) == [0, 1]
    assert matching.is_equal((spec.id, 1))


def test_elements_whose_handles_are_spelled_out_are_matched_by_them() -> None:
    def calls(order: Sequence[int]) -> list[GroupSpec]:
        spelled = [one("g1", index, at) for at, index in enumerate(order)]
        return [call("g1", "load", each("x", "abc"), length=3), call("g2", length=3, spelled=spelled)]

    again = calls([2, 0, 1])
    assert elements(matched(recorded(*calls([0, 1, 2])), *again), again[1]) == [2, 0, 1]


def test_items_of_parts_are_found_however_the_parts_arrived() -> None:
    def calls(parts: tuple[tuple[int, int], ...]) -> list[GroupSpec]:
        return [
            call("g1", "lists", each("x", "ab"), length=2),
            call("g2", "flatten", kind="flatten", uses=[whole("g1")], mapped=True),
            call("g3", "clean", length=3, uses=[over("g2")], parts=parts),
        ]

    again = calls(((1, 2), (0, 1)))  # before, the one item of part 0 came first
    matching = matched(recorded(*calls(((0, 1), (1, 2)))), *again)
    assert elements(matching, again[2]) == [1, 2, 0]
    assert matching.is_same_list(GroupId("g3"))


def test_elements_that_arrive_later_are_looked_for_among_those_that_nobody_has() -> None:
    past = recorded(call("g1", "clean", each("x", "abca"), length=4))
    matching = Matching(past)
    spec = call("g1", "clean", each("x", "aaca"), length=4)
    matching.add(spec, lambda _: "task")
    matching.find_elements(spec, [0, 1])
    matching.find_elements(spec, [2, 3])
    assert elements(matching, spec) == [0, 3, 2, None]


def test_a_recorded_map_that_grows_meanwhile_is_found_to_its_end() -> None:
    first = call("g1", "clean", length=1, uses=[over("g0")], parts=((0, 1),))
    past = recorded(first, going_on=True)
    matching = Matching(past)
    matching.add(first, lambda _: "task")
    matching.find_elements(first, [0])
    grown = replace(first, length=2, parts=((0, 1), (1, 1)))
    fold(past, [NodesAdded(groups=(grown,), seq=100)])
    matching.find_elements(grown, [1])
    assert elements(matching, grown) == [0, 1]
    assert matching.new_index(grown.id, 1) == 1


def test_calls_that_are_recorded_meanwhile_are_found() -> None:
    first, second, child = call("g1", "load"), call("g2", "load"), call("g1.0/1", "part")
    past = recorded(first, going_on=True)
    matching = matched(past, first)
    fold(past, [NodesAdded(groups=(replace(second, order=7), replace(child, order=8)), seq=100)])
    assert matching.add(child, lambda _: "task") == child.id
    assert matching.add(second, lambda _: "task") == second.id


# --- by keys ---


def test_elements_are_matched_by_their_keys_whatever_their_inputs() -> None:
    past = recorded(call("g1", "clean", each("x", "abc"), each("", [1, 2, 3]), length=3))
    spec = call("g1", "clean", each("x", "zcy"), each("", [2, 3, 4]), length=3)
    matching = matched(past, spec)
    assert elements(matching, spec) == [1, 2, None]
    assert [matching.is_equal((spec.id, index)) for index in range(3)] == [False, True, False]
    assert matching.changed_inputs((spec.id, 0)) == ["x"]


def test_an_element_that_is_found_by_its_key_may_go_over_another_node_than_before() -> None:
    keys = each("", [1, 2])
    past = recorded(
        call("g1", "load", each("x", "ab"), length=2), call("g2", "clean", keys, length=2, uses=[over("g1")])
    )
    spec = call("g2", "clean", keys, length=2, uses=[over("g1")])
    matching = matched(past, call("g1", "load", each("x", "ba"), length=2), spec)
    assert elements(matching, spec) == [0, 1]
    assert not matching.is_equal((spec.id, 0))


# --- what it tells ---


def test_names_of_changed_inputs_are_those_whose_tokens_differ_or_that_one_side_lacks() -> None:
    past = recorded(call("g1", "clean", plain("x", 1), plain("y", 1), plain("gone", 1)))
    spec = call("g1", "clean", plain("x", 1), plain("y", 2), plain("more", 1))
    matching = matched(past, spec)
    assert matching.changed_inputs((spec.id, 0)) == ["y", "gone", "more"]
    assert matching.changed_inputs((GroupId("g9"), 0)) == []


def test_inputs_that_cannot_be_digested_are_equal_and_named() -> None:
    past = recorded(call("g1", "clean", plain("engine", None), each("x", [1, None]), length=2))
    spec = call("g1", "clean", plain("engine", None), each("x", [1, None]), length=2)
    matching = matched(past, spec)
    assert elements(matching, spec) == [0, 1]
    assert matching.unknown_inputs((spec.id, 0)) == ["engine"]
    assert matching.unknown_inputs((spec.id, 1)) == ["engine", "x"]


@pytest.mark.parametrize(
    ("after", "same"),
    [("abc", True), ("acb", False), ("ab", False), ("abcd", False), ("abx", True)],
)
def test_a_list_is_the_same_where_it_has_the_same_nodes_in_the_same_order(after: str, same: bool) -> None:
    past = recorded(call("g1", "clean", each("x", "abc"), length=3))
    matching = matched(past, call("g1", "clean", each("x", after), length=len(after)))
    assert matching.is_same_list(GroupId("g1")) is same


def test_a_list_of_a_new_call_is_not_the_same() -> None:
    assert not matched(recorded(), call("g1", length=1)).is_same_list(GroupId("g1"))


def test_a_flatten_is_the_same_list_where_its_parts_are() -> None:
    def calls(values: str) -> list[GroupSpec]:
        return [
            call("g1", "lists", each("x", values), length=len(values)),
            call("g2", "flatten", kind="flatten", uses=[whole("g1")], mapped=True),
        ]

    past = recorded(*calls("ab"))
    assert matched(past, *calls("ab")).is_same_list(GroupId("g2"))
    assert not matched(past, *calls("ba")).is_same_list(GroupId("g2"))
    assert not matched(past, *calls("a")).is_same_list(GroupId("g2"))


def test_an_index_is_found_in_both_directions() -> None:
    spec = call("g1", "clean", each("x", "cab"), length=3)
    matching = matched(recorded(call("g1", "clean", each("x", "abc"), length=3)), spec)
    assert [matching.new_index(spec.id, index) for index in range(3)] == [1, 2, 0]
    assert matching.new_index(GroupId("g9"), 0) is None
    assert matching.new_index(spec.id, 7) is None


def test_to_be_the_same_is_to_be_equal_everywhere() -> None:
    past = recorded(call("g1", "load", each("x", "ab"), length=2), call("g2", uses=[whole("g1")]))
    matching = Matching(past)
    matching.be_the_same()
    assert calls_of(matching) == {"g1": "g1", "g2": "g2"}
    assert matching.old((GroupId("g1"), 1)) == ("g1", 1)
    assert matching.is_equal((GroupId("g1"), 1))
    assert matching.is_same_list(GroupId("g1"))


@pytest.mark.parametrize(
    ("indices", "found"),
    [([], ()), ([3], (3, 4)), ([0, 1, 2], (0, 3)), ([0, 2, 3, 7], (0, 1, 2, 4, 7, 8))],
)
def test_indices_are_told_as_stretches(indices: list[int], found: tuple[int, ...]) -> None:
    assert stretches(indices) == found


@given(st.sets(st.integers(0, 30)))
def test_stretches_hold_the_indices_and_no_others(indices: set[int]) -> None:
    bounds = stretches(sorted(indices))
    held = [index for first, end in zip(bounds[::2], bounds[1::2], strict=True) for index in range(first, end)]
    assert held == sorted(indices)
