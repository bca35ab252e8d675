"""What the driver keeps of a call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.driver.groups import each, every, group_of, one, single
from wfkit.core.events import How
from wfkit.engine.driver.group import UNSENT
from wfkit.engine.worker.assembly import Assembly


def test_a_node_that_is_sent_again_has_another_key() -> None:
    group = group_of("a", 3, mapped=True)
    group.grow(3)
    before = group.key_of(1)
    group.renew(1)
    assert group.key_of(1) == f"{before}-1"
    assert group.elements_of_key("1-1") == (1,)
    assert group.elements_of_key("1") == (), "an earlier key stands for nothing any more"
    assert group.elements_of_key("0") == (0,)


def test_an_element_of_a_carrier_is_found_by_its_key_and_its_place() -> None:
    group = group_of("a", 6, mapped=True)
    group.grow(6)
    assert group.put_in_carrier((2, 4, 5)) == "a-0abc-c0"
    assert group.where(4) == ("a-0abc-c0", 1)
    assert group.where(3) == ("a-0abc-3", -1)
    assert group.elements_of_key("c0") == [2, 4, 5]
    assert group.elements_of_key("4") == (), "it travels in a carrier"
    group.renew(4)
    assert group.where(4) == ("a-0abc-4-1", -1)
    assert group.elements_of_key("c0") == [2, 5]


@given(st.lists(st.integers(0, 9), max_size=30))
def test_every_element_is_behind_exactly_one_key_at_any_time(steps: list[int]) -> None:
    group = group_of("a", 10, mapped=True)
    group.grow(10)
    for step in steps:
        if step % 2:
            group.renew(step)
        else:
            group.put_in_carrier(tuple(index for index in range(step, 10) if group.carrier_of[index] < 0) or (step,))
        for index in range(10):
            rest = group.where(index)[0].removeprefix("a-0abc-")
            assert index in group.elements_of_key(rest)


def test_a_map_grows_by_nodes_that_were_not_sent() -> None:
    group = group_of("a", 0, mapped=True)
    assert group.grow(2) == range(2)
    assert group.grow(5) == range(2, 5)
    assert group.grow(3) == range(5, 5), "it never shrinks"
    assert set(group.status) == {UNSENT}
    assert len(group.carrier_of) == len(group.offset_of) == 5


def test_elements_share_their_arguments_where_only_their_place_differs() -> None:
    shared = group_of("b", 2, mapped=True, slots=(each("a"), single("c")))
    assert shared.frozen_of(0) is shared.frozen_of(1)
    assert shared.slots_of(0) is shared.slots_of(1)
    assert [how for _, how in shared.inputs_of(1)] == [How.EACH, How.ONE]


def test_a_node_that_returned_handles_depends_on_these_alone() -> None:
    group = group_of("b", slots=(single("a"),), wait_for=(one("w"),))
    assert [handle._ref.group for handle, _ in group.inputs_of(0)] == ["a", "w"]
    assembly = Assembly(group.frozen, 1.0)  # type: ignore[arg-type]
    group.assemblies[0] = assembly, (every("child"),)
    assert group.frozen_of(0) is assembly
    assert [(handle._ref.group, how) for handle, how in group.inputs_of(0)] == [("child", How.ALL)]
    assert group.has_inputs


def test_a_call_without_handles_has_no_inputs() -> None:
    assert not group_of("a").has_inputs
    assert group_of("a", wait_for=(one("w"),)).has_inputs
    assert [handle._ref.group for handle in group_of("a", 1, slots=[(single("x"),)]).handles()] == ["x"]
