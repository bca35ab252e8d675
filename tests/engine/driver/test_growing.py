"""A run whose graph grows: by its body, by branches, by flows in flows, never beyond what it may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from tests.engine.driver.repeating import Repeater, states
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.flow import flow
from wfkit.authoring.task import task
from wfkit.core.states import RunState
from wfkit.engine.driver.order import position
from wfkit.engine.driver.reuse import Reuse
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.spec import Bounds
from wfkit.errors import TooManyTasks

Start = Callable[..., Run]


@task
def first(x: Any) -> Any:
    gates.come(f"first {x}")
    return x


@task
def second(x: Any) -> Any:
    gates.come(f"second {x}")
    return x


@task
def items(n: Any) -> Any:
    return list(range(n))


@task
def spreads(x: Any) -> Any:
    return second.map([x, x])


@flow
def branch(x: Any) -> Any:
    return second(first(x))


@flow
def outer(x: Any) -> Any:
    return [branch(x), spreads(x)]


@task
def runs_a_flow(x: Any) -> Any:
    return branch(x)


@task
def maps_a_flow(xs: Any) -> Any:
    return branch.map(xs)


def _places(run: Run) -> dict[str, set[int]]:
    return {
        group.spec.name: {position(number)[0] for number in group.numbers}
        for group in run.groups.values()
        if group.spec.kind == "task"
    }


def test_a_body_makes_no_more_nodes_than_its_run_may_have(new_run: Start) -> None:
    run = new_run(bounds=Bounds(max_tasks=5))
    with inside(FlowBody(run, "flow")):
        first.map(range(3))
        with pytest.raises(TooManyTasks, match="the run may still have tasks: 2"):
            second.map(range(3))
        kept = second.map(range(1))[0]
        second(1)
        with pytest.raises(TooManyTasks, match="beyond the 5 nodes"):
            second(1)
    run.close_body(None, {})
    assert run.wait(8).state is RunState.COMPLETED
    assert (len(run.nodes), run.count_nodes(), kept.result()) == (5, 5, 0)


@pytest.mark.usefixtures("whole_bodies")
def test_branches_of_a_mapped_flow_are_places_and_end_one_by_one(run_of: Start) -> None:
    run = run_of(lambda: branch.map(range(12)))
    assert run.result() == list(range(12))
    assert list(_places(run).values()) == [{branch} for branch in range(12) for _ in ("first", "second")]
    began = through = 0
    for name in gates.came():
        began += name.startswith("first")
        through += name.startswith("second")
        assert began - through <= 4


def test_what_branches_spawn_and_the_flows_in_them_stay_at_their_place(run_of: Start) -> None:
    run = run_of(lambda: outer.map([5, 6]))
    assert run.result() == [[5, [5, 5]], [6, [6, 6]]]
    places = {"first": {0}, "first#2": {1}, "spreads": {0}, "spreads#2": {1}}
    found = _places(run)
    assert {name: found[name] for name in places} == places
    assert found["spreads/second"] == {0}
    assert found["spreads#2/second"] == {1}


def test_the_members_of_a_flows_group_are_those_of_the_flows_within_it_too(run_of: Start) -> None:
    run = run_of(lambda: outer(1))
    (group, inner) = [group.spec for group in run.view_model.ordered() if group.spec.kind == "flow"]
    assert (group.name, inner.parent) == ("outer", group.id)
    assert [run.groups[name].spec.name for name in run.members(group.id)] == ["first", "second", "spreads"]
    assert [run.groups[name].spec.name for name in run.members(inner.id)] == ["first", "second"]


def test_flows_in_tasks_are_groups_under_the_node_that_called_them(run_of: Start) -> None:
    run = run_of(lambda: [runs_a_flow(1), maps_a_flow([2, 3])])
    assert run.result() == [1, [2, 3]]
    groups = {group.spec.id: group.spec for group in run.view_model.ordered()}
    inner = next(spec for spec in groups.values() if spec.kind == "flow" and spec.name == "runs_a_flow/branch")
    assert inner.parent is not None
    assert groups[inner.parent].name == "runs_a_flow"
    assert [spec.name for spec in groups.values() if spec.parent == inner.id] == [
        "runs_a_flow/first",
        "runs_a_flow/second",
    ]


def test_a_flow_is_mapped_over_a_handle_when_its_items_are_there(run_of: Start) -> None:
    def body() -> object:
        branches = branch.map(items(3))
        return {"ends": branches, "again": second.map(branches)}

    run = run_of(body)
    assert run["ends"].result() == [0, 1, 2]
    assert run["again"].result() == [0, 1, 2]


def test_failures_of_a_group_are_known(run_of: Start) -> None:
    @task
    def fails() -> Any:
        raise ValueError

    run = run_of(lambda: [fails(), first(1)])
    bad, good = run.groups
    assert run.has_failures(bad)
    assert not run.has_failures(good)
    assert run.has_value(run.node("first"))
    assert not run.has_value(run.node("fails"))


def test_a_run_ends_where_it_cannot_be_told_what_a_node_keeps(
    run_of: Start, again: Repeater, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run_of(lambda: first(1))

    def refuse(*_: object) -> None:
        raise LookupError("no such thing")

    monkeypatch.setattr(Reuse, "settle", refuse)
    new = again.open(before)
    with pytest.raises(LookupError), inside(FlowBody(new, "flow")):
        first(1)
    new.fail_body(RunState.FAILED, "LookupError: no such thing (body)", {})
    assert (new.state, states(new)) == (RunState.FAILED, {"first": "FAILED"})
    assert next(iter(new.nodes)).reason == "LookupError: no such thing"
