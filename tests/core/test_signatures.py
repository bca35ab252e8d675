"""Signatures: equal for equal inputs in terms of one run, whatever the order and the form of the calls."""

from __future__ import annotations

from tests.core.repeats import call, each, one, over, plain, token, whole
from wfkit.core.edges import Node
from wfkit.core.events import GroupSpec
from wfkit.core.ids import GroupId
from wfkit.core.signatures import Keys, Side, call_signature, handles_among, token_of


def side(*specs: GroupSpec, renamed: dict[str, str] | None = None) -> Side:
    """A run with these calls, some of which have other names in the recorded one."""
    names = {GroupId(new): GroupId(old) for new, old in (renamed or {}).items()}

    def group(name: GroupId) -> GroupId:
        return names.get(name, name)

    def node(found: Node) -> Node:
        return group(found[0]), found[1]

    return Side(group, node, {spec.id: spec for spec in specs}.get)


def test_calls_are_equal_where_their_values_and_what_they_use_are() -> None:
    before = call("g2", "clean", plain("x", 1), uses=[one("g1"), whole("g3")])
    after = call("g5", "clean", plain("x", 1), uses=[one("g4"), whole("g6")])
    renamed = side(renamed={"g4": "g1", "g6": "g3"})
    assert call_signature(after, renamed) == call_signature(before, side())
    assert call_signature(after, side()) != call_signature(before, side())


def test_which_element_of_a_call_a_handle_is_for_counts() -> None:
    before, after = call("g2", uses=[one("g1", at=0)]), call("g2", uses=[one("g1", at=1)])
    assert call_signature(before, side()) != call_signature(after, side())


def test_a_token_is_one_for_all_or_one_for_each() -> None:
    assert token_of(plain("x", 7), 3) == token(7)
    assert token_of(each("x", [5, 6, 7]), 2) == token(7)


def test_keys_stand_for_all_other_inputs() -> None:
    spec = call("g1", "clean", each("x", "ab"), each("", "kl"), length=2)
    assert Keys(spec, side()).of(1) == (token("l"),)
    without_keys = call("g1", "clean", each("x", "ab"), length=2)
    assert Keys(spec, side(), by_key=False).of(1) == Keys(without_keys, side()).of(1)


def test_which_parameter_a_value_is_for_counts_and_the_order_of_the_parameters_does_not() -> None:
    before = call("g1", "minus", plain("left", 1), plain("right", 2))
    reordered = call("g1", "minus", plain("right", 2), plain("left", 1))
    swapped = call("g1", "minus", plain("right", 1), plain("left", 2))
    assert call_signature(before, side()) == call_signature(reordered, side()) != call_signature(swapped, side())
    assert Keys(before, side()).of(0) == Keys(reordered, side()).of(0) != Keys(swapped, side()).of(0)


def test_which_parameter_a_handle_is_for_counts() -> None:
    before = call("g2", "inc", uses=[one("g1")], handles=["x"])
    moved = call("g2", "inc", uses=[one("g1")], handles=["by"])
    assert call_signature(before, side()) != call_signature(moved, side())
    assert Keys(before, side()).of(0) != Keys(moved, side()).of(0)


def test_handles_within_an_argument_are_no_arguments_of_their_own() -> None:
    within = call("g2", "inc", plain("x", "a list of handles"), uses=[one("g1")], handles=["x", "by"])
    assert handles_among(within) == ("by",)


def test_handles_of_single_elements_are_equal_whatever_the_place_of_the_element() -> None:
    before = call("g2", length=2, spelled=[one("g1", 0, at=0), one("g1", 1, at=1)])
    after = call("g2", length=2, spelled=[one("g1", 1, at=0), one("g1", 0, at=1)])
    assert [Keys(after, side()).of(at) for at in (0, 1)] == [Keys(before, side()).of(at) for at in (1, 0)]


def test_items_of_parts_go_by_what_the_part_is() -> None:
    lists = call("g1", length=2)
    flat = call("g2", kind="flatten", uses=[whole("g1")], mapped=True)
    before = call("g3", length=3, uses=[over("g2")], parts=((0, 1), (1, 2)))
    after = call("g3", length=3, uses=[over("g2")], parts=((1, 2), (0, 1)))
    there = side(lists, flat)
    assert [Keys(after, there).of(at) for at in range(3)] == [Keys(before, there).of(at) for at in (1, 2, 0)]


def test_a_list_over_a_flatten_is_in_the_order_of_its_parts() -> None:
    flat = call("g2", kind="flatten", uses=[whole("g1")], mapped=True)
    spec = call("g3", length=3, uses=[over("g2")], parts=((1, 2), (0, 1)))
    assert list(side(call("g1", length=2), flat).in_list_order(spec, 3)) == [2, 0, 1]
    assert list(side().in_list_order(call("g3", length=3), 3)) == [0, 1, 2]


def test_parts_that_came_late_themselves_are_ordered_by_their_own_parts() -> None:
    outer = call("g2", kind="flatten", uses=[whole("g1")], mapped=True)
    lists = call("g3", length=2, uses=[over("g2")], parts=((1, 1), (0, 1)))
    inner = call("g4", kind="flatten", uses=[whole("g3")], mapped=True)
    spec = call("g5", length=4, uses=[over("g4")], parts=((0, 2), (1, 2)))
    assert list(side(call("g1", length=2), outer, lists, inner).in_list_order(spec, 4)) == [2, 3, 0, 1]
