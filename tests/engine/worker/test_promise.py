"""Promises: a node whose body returned handles waits for them without a slot, a thread or a Dask task."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.engine.worker.conftest import RunOf
from tests.engine.worker.driving import Driver
from wfkit.authoring.handle import Handle
from wfkit.authoring.task import task
from wfkit.core.events import NodeWaiting
from wfkit.core.states import TaskState
from wfkit.engine.worker.calls import HandleFacts, unpack
from wfkit.engine.worker.outcome import Bounced, Err
from wfkit.engine.worker.promise import Promise

pytestmark = pytest.mark.timeout(60)


@task
def inc(x: Any) -> Any:
    return x + 1


def promise_of(driver: Driver) -> tuple[list[Any], Promise]:
    driver.until(lambda: driver.told("promise"), "a promise")
    (told,) = driver.told("promise")
    asked: list[HandleFacts] = []

    def handle(facts: HandleFacts) -> Handle:
        asked.append(facts)
        return Handle(driver, facts)  # type: ignore[arg-type]  # it is only looked at

    promise = unpack(told[-1], handle)
    assert isinstance(promise, Promise)
    return told[:-1], promise


def test_the_driver_is_told_what_a_value_is_made_of(driver: Driver) -> None:
    driver.answers["spawn"] = 500_000

    def parent() -> Any:
        return {"a": inc.submit(1), "rest": [3, inc.map([1, 2])]}

    assert isinstance(driver.execute(parent), Bounced)
    told, promise = promise_of(driver)
    assert told == ["promise", "g4", 7, [1, 0, 0]]
    assert [slot.how for slot in promise.slots] == ["one", "all"]
    assert promise.handles is None
    waiting = driver.events(2)[1]
    assert isinstance(waiting, NodeWaiting)
    assert waiting.children == ("g4.7/1", "g4.7/2")
    assert waiting.handles == ()


@pytest.mark.parametrize("several", [False, True])
def test_a_value_of_nothing_but_handles_is_followed_by_maps(driver: Driver, several: bool) -> None:
    driver.answers["spawn"] = 500_000
    if several:
        driver.execute(lambda: (inc.submit(1), inc.submit(2)))
    else:
        driver.execute(lambda: inc.submit(1))
    _, promise = promise_of(driver)
    assert isinstance(promise.handles, tuple if several else Handle)
    waiting = driver.events(2)[1]
    assert isinstance(waiting, NodeWaiting)
    assert [(one.group, one.index, one.mapped) for one in waiting.handles] == [
        ("g4.7/1", 0, False),
        ("g4.7/2", 0, False),
    ][: 1 + several]
    assert waiting.is_list == several


def test_a_value_with_a_part_that_cannot_travel_fails(driver: Driver) -> None:
    driver.answers["spawn"] = 500_000
    outcome = driver.execute(lambda: [inc.submit(1), threading.Lock()])
    assert isinstance(outcome, Err)
    assert "`result[1]` is" in outcome.reason
    assert driver.end().state is TaskState.FAILED


def test_the_values_of_children_become_that_of_their_parent(run_of: RunOf) -> None:
    @task
    def tree(depth: int) -> Any:
        return [tree.submit(depth - 1), tree.submit(depth - 1)] if depth else "leaf"

    @task
    def leaves(value: Any) -> int:
        return 1 if isinstance(value, str) else sum(leaves.fn(part) for part in value)

    run = run_of(lambda: leaves(tree(3)))
    assert run.result() == 8
