"""Layouts: every slot of every element finds its outcome, in whatever carrier it travels."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.system import hostile
from wfkit.core.states import TaskState
from wfkit.engine.worker.layout import Column, Each, Layout, Pick, laid_out
from wfkit.engine.worker.outcome import Bounced, Err, Ok, Outcome, Outcomes


def ok(value: object) -> Ok:
    return Ok(value, f"make[{value}]")


def shown(outcome: Outcome | list[Outcome]) -> object:
    if isinstance(outcome, list):
        return [shown(one) for one in outcome]
    return outcome.value() if isinstance(outcome, Ok) else str(outcome.state)


def test_without_a_layout_each_result_fills_one_slot() -> None:
    bounced = Bounced("b")
    assert laid_out([ok(1), (ok(2), ok(3)), bounced], None, 0, "r-1")[2] is bounced
    assert [shown(one) for one in laid_out([ok(1), (ok(2), ok(3))], None, 0, "r-1")] == [1, [2, 3]]


@given(size=st.integers(1, 5), start=st.integers(0, 5), data=st.data())
def test_an_element_uses_its_part_of_what_is_given(size: int, start: int, data: st.DataObject) -> None:
    carrier = Outcomes([ok(number) for number in range(start + size)])
    columns = data.draw(st.lists(st.integers(0, start + size - 1), min_size=size, max_size=size))
    layout: Layout = (
        Each(0, start),
        Column(tuple(Pick(0, offset) for offset in columns)),
        Pick(1),
        (Pick(1), Pick(0, 0)),
    )
    for element in range(size):
        found = [shown(one) for one in laid_out([carrier, ok("alone")], layout, element, "r-1")]
        assert found == [start + element, columns[element], "alone", ["alone", 0]]


def test_items_are_taken_one_after_the_other_and_ends_stay_what_they_are() -> None:
    failed = Err(TaskState.FAILED, "no", None, "make")
    picks = (Pick(0, items=(1, 0)), Pick(1, items=(1,)), Pick(2, items=(1,)))
    nested, err, bounced = laid_out([ok([["a"], ["b"]]), failed, Bounced("b")], picks, 0, "r-1")
    assert isinstance(nested, Ok)
    assert (nested.value(), nested.maker) == ("b", "make[[['a'], ['b']]]")
    assert err is failed
    assert isinstance(bounced, Bounced)


@pytest.mark.parametrize("value", [[1], 5, hostile.Destructive()], ids=["short", "int", "hostile"])
def test_an_item_that_cannot_be_taken_is_a_failure_without_a_maker(value: object) -> None:
    (found,) = laid_out([Ok(value, "make")], (Pick(0, items=(3,)),), 0, "r-1")
    assert isinstance(found, Err)
    assert (found.state, found.maker) == (TaskState.FAILED, "")


def test_a_layout_travels_whole() -> None:
    layout: Layout = (Each(0, 3), Column((Pick(1, 2, (3,)),)), (Pick(0),))
    assert pickle.loads(pickle.dumps(layout)) == layout
