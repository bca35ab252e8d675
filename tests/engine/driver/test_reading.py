"""What people ask of a run, and what a view tells of its nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.core.histories import group
from wfkit import task
from wfkit.authoring.handle import Ref
from wfkit.core.columns import move
from wfkit.core.events import ErrorInfo
from wfkit.core.ids import GroupId
from wfkit.core.states import CODES, TaskState
from wfkit.core.view import GroupView
from wfkit.engine.driver.reading import described, ended_in, name_in
from wfkit.engine.driver.run import Run
from wfkit.errors import FlowFailed, NoSuchNode

S = TaskState


def a_group(*states: TaskState, mapped: bool = True) -> GroupView:
    made = GroupView(group(0, len(states), name="clean", mapped=mapped))
    for index, state in enumerate(states):
        move(made, index, CODES[state])
    return made


@pytest.mark.parametrize(
    ("states", "length", "whole"),
    [
        ([], 0, S.COMPLETED),
        ([], None, S.PENDING),
        ([S.PENDING, S.PENDING], 2, S.PENDING),
        ([S.PENDING, S.COMPLETED], 2, S.RUNNING),
        ([S.COMPLETED, S.COMPLETED], None, S.RUNNING),
        ([S.COMPLETED, S.REUSED], 2, S.COMPLETED),
        ([S.REUSED, S.SKIPPED], 2, S.REUSED),
        ([S.COMPLETED, S.FAILED, S.CANCELLED], 3, S.FAILED),
    ],
)
def test_a_map_is_described_as_a_whole(states: list[TaskState], length: int | None, whole: TaskState) -> None:
    assert described(a_group(*states), None, length) is whole


def test_a_node_is_described_by_its_own_state() -> None:
    made = a_group(S.FAILED, S.RUNNING)
    assert [described(made, index, 2) for index in range(3)] == [S.FAILED, S.RUNNING, S.PENDING]


def test_names_of_maps_elements_and_items() -> None:
    made, identity = a_group(S.PENDING), GroupId("g0")
    refs = [Ref(identity, None), Ref(identity, 0), Ref(identity, 0, 2)]
    assert [name_in(made, ref) for ref in refs] == ["clean", "clean[0]", "clean[0].item(2)"]


def test_the_error_of_a_failure_is_that_of_its_last_attempt() -> None:
    made = a_group(S.FAILED, S.COMPLETED)
    first, last = (ErrorInfo(type_name=name, message="", traceback="") for name in ("First", "Last"))
    made.errors = {0: {1: first, 2: last}, 1: {1: first}}
    assert (ended_in(made, 0).error, ended_in(made, 1).error) == (last, None)


@task
def inc(x: int) -> int:
    if x == 1:
        raise ValueError(x)
    return x + 1


def test_nodes_failures_and_handles_are_found_by_name(run_of: Callable[..., Run]) -> None:
    run: Any = run_of(lambda: inc.map([0, 1]))
    assert [handle.name for handle in run.failed] == ["inc[1]"]
    assert run.node("inc[0]").result() == 1
    with pytest.raises(NoSuchNode, match=r"no node 'dec'\. It has inc\."):
        run.node("dec")
    with pytest.raises(NoSuchNode, match="bound no handle named 'xs'"):
        run["xs"]
    with pytest.raises(FlowFailed, match=r"`inc\[1\]` FAILED\. Look at run\.failed"):
        run.raise_if_failed()
