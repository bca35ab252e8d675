"""Named limits: what all runs on a cluster share is taken when a node can run, and given back when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.task import task
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.engine.worker import node
from wfkit.engine.worker.spec import Bounds

Start = Callable[..., Run]


@task(limits={"one db": 1})
def query(x: Any) -> Any:
    gates.counted("db")
    return x


@task(limits={"one db": 1})
def held(x: Any) -> Any:
    gates.wait_at("held")
    return x


@task(limits={"one db": 1}, retries=1, retry_delay_seconds=0.6)
def flaky(x: Any) -> Any:
    gates.come("flaky")
    if gates.came().count("flaky") == 1:
        raise ValueError("once")
    return x


@task
def first(x: Any) -> Any:
    gates.wait_at("first")
    return x


@task(limits={"one db": 1})
def kid(x: Any) -> Any:
    gates.come("kid")
    return x


@task(limits={"one db": 1})
def asks_a_kid(x: Any) -> Any:
    return kid.submit(x).result()


@task
def plain_kid(x: Any) -> Any:
    return x


@task(limits={"two dbs": 2})
def asks_a_plain_kid(x: Any) -> Any:
    return plain_kid.submit(x).result()


@task
def waits_for_one_that_waits(x: Any) -> Any:
    return asks_late.submit(x).result()


@task
def asks_late(x: Any) -> Any:
    gates.wait_at("asks late")
    return query.submit(x)


def test_two_runs_share_a_limit(start: Start) -> None:
    runs = [start(lambda: {"xs": query.map(range(6))}) for _ in range(2)]
    assert [run.wait(8)["xs"].result() for run in runs] == [list(range(6))] * 2
    assert gates.most("db") == 1


def test_a_slot_is_taken_only_when_all_inputs_are_there(start: Start) -> None:
    waiting = start(lambda: query(first(1)))
    gates.until_came("first")
    assert start(lambda: {"x": query(2)}).wait(8)["x"].result() == 2
    gates.open_gates("first")
    assert waiting.wait(8).state is RunState.COMPLETED


def test_a_slot_is_given_back_while_a_node_waits_for_its_next_attempt(start: Start) -> None:
    run = start(lambda: {"x": flaky.with_options(retry_delay_seconds=60)(1)})
    gates.until(lambda: run.node("flaky").state is TaskState.RETRYING)
    assert start(lambda: {"x": query(2)}).wait(8)["x"].result() == 2
    assert gates.came() == ["flaky"], "it still waits"
    run.wake(run.node("flaky")._ref.group, 0)
    assert run.wait(8)["x"].result() == 1


def test_a_slot_is_given_back_while_a_node_waits_for_its_children(run_of: Start) -> None:
    run = run_of(lambda: {"x": asks_a_kid(7)})
    assert run["x"].result() == 7


def test_a_slot_is_given_back_by_a_cancelled_node_and_one_that_waits_for_it_leaves_the_queue(start: Start) -> None:
    run = start(lambda: {"xs": held.map(range(3))})
    gates.until(lambda: len(gates.came()) == 1)
    run.cancel()
    assert run.wait(8).state is RunState.CANCELLED
    assert start(lambda: {"x": query(2)}).wait(8)["x"].result() == 2


def test_the_others_follow_one_by_one(start: Start) -> None:
    run = start(lambda: {"xs": held.map(range(3))})
    gates.until(lambda: [row.state for row in run.nodes].count(TaskState.RUNNING) == 1)
    gates.until_came("held")
    assert gates.came() == ["held"]
    gates.open_gates("held")
    assert run.wait(8)["xs"].result() == [0, 1, 2]


def test_elements_beyond_max_concurrency_hold_no_slots_that_a_parent_wants_back(run_of: Start) -> None:
    run = run_of(lambda: {"xs": asks_a_plain_kid.map(range(4), max_concurrency=1)})
    assert run["xs"].result() == [0, 1, 2, 3]


def test_the_place_of_a_node_that_was_cancelled_before_its_turn_goes_to_the_next(start: Start) -> None:
    run = start(lambda: {"xs": first.map(range(4), max_concurrency=1)})
    gates.until_came("first")
    run["xs"][1].cancel()
    run["xs"][2].cancel()
    gates.open_gates("first")
    run.wait(8)
    assert [row.state for row in run.nodes] == ["COMPLETED", "CANCELLED", "CANCELLED", "COMPLETED"]


def test_what_may_not_begin_because_too_many_wait_keeps_no_slot_from_what_they_wait_for(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "PUT_OFF_S", 0.05)
    body = lambda: {"x": query(first(1)), "y": waits_for_one_that_waits(2)}  # noqa: E731
    run = start(body, bounds=Bounds(waiting_threads=1))
    gates.until_came("first", "asks late")
    gates.until(lambda: run["y"].state is TaskState.WAITING)
    gates.open_gates("first")
    gates.until(lambda: run.node("first").state is TaskState.COMPLETED, "that the first one asks for the slot")
    gates.open_gates("asks late")
    assert run.wait(8).state is RunState.COMPLETED
    assert (run["x"].result(), run["y"].result()) == (1, 2)
    assert [row.attempts for row in run.nodes if "query" in row.group] == [1, 1]
