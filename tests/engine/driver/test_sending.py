"""Which nodes go to the cluster, and when: a window, depth-first, and nothing that has to wait for something else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from distributed import Client, Scheduler, SchedulerPlugin

from tests.engine.driver import gates
from wfkit.authoring.task import task
from wfkit.core.ids import GroupId
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver import sending
from wfkit.engine.driver.group import SENT, UNSENT
from wfkit.engine.driver.run import Run

Start = Callable[..., Run]


@task
def one(x: Any) -> Any:
    gates.come(f"one {x}")
    return x


@task
def two(x: Any) -> Any:
    gates.come(f"two {x}")
    return x


@task
def three(x: Any) -> Any:
    gates.come(f"three {x}")
    return x


@task
def held(x: Any) -> Any:
    gates.wait_at("held")
    return x


@task
def total(xs: Any) -> Any:
    gates.come("total")
    return sum(xs)


@task
def late(x: Any) -> Any:
    gates.come(f"late {x}")
    if x == 1 and gates.came().count("late 1") == 1:
        raise ValueError("once")
    return x


@task
def kid(x: Any) -> Any:
    return x


@task
def waits_for_kid(x: Any) -> Any:
    return kid.submit(x).result()


def _at_cluster(client: Client, run: Run) -> int:
    """How many tasks of a run the scheduler has that have not ended."""
    assert client.cluster is not None
    prefixes = tuple(group.key for group in run.groups.values())
    tasks = list(client.cluster.scheduler.tasks.values())
    unended = {"waiting", "queued", "no-worker", "processing"}
    return sum(1 for task in tasks if task.key.startswith(prefixes) and task.state in unended)


def test_never_more_than_a_window_of_nodes_is_at_the_cluster(
    start: Start, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WINDOW", 6)
    run = start(lambda: {"sum": total(two.map(held.map(range(40), chunk=1), chunk=1))})
    found: list[int] = []
    run.subscribe(lambda: found.append(_at_cluster(client, run)))
    gates.until(lambda: gates.came() == ["held", "held"])
    gates.until(lambda: _at_cluster(client, run) == 6)
    gates.open_gates("held")
    assert run.wait(8)["sum"].result() == sum(range(40))
    assert 0 < max(found) <= 6 + 2, "the end of a node may be told before that of its Dask task, once a thread"


@pytest.mark.usefixtures("whole_bodies")
def test_the_window_is_filled_depth_first(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WINDOW", 4)
    run = start(lambda: two.map(held.map(range(9), chunk=1), chunk=1))
    gates.until(lambda: len(gates.came()) == 2)
    first, second = run.groups.values()
    assert [list(group.status).count(SENT) for group in (first, second)] == [2, 2]
    assert list(first.status[:2]) == list(second.status[:2]) == [SENT] * 2
    gates.open_gates("held")
    assert run.wait(8).state is RunState.COMPLETED


class Messages(SchedulerPlugin):
    """Counts the tasks of each message of a client."""

    name = "messages"

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def update_graph(self, scheduler: Scheduler, *, tasks: Sequence[str], **_: object) -> None:  # type: ignore[override]
        self.sizes.append(len(tasks))


def test_the_first_message_is_short_so_that_its_tasks_run_while_the_next_ones_are_made(
    start: Start, client: Client
) -> None:
    assert client.cluster is not None
    messages = Messages()
    client.cluster.scheduler.add_plugin(messages)
    run = start(lambda: one.map(range(2_500), chunk=1))
    gates.until(lambda: sum(messages.sizes) >= 2_500)
    client.cluster.scheduler.remove_plugin(messages.name)
    run.cancel()
    run.wait(8)
    assert messages.sizes == [sending.FIRST_SLICE, sending.SLICE, sending.SLICE, 400]


@pytest.mark.usefixtures("whole_bodies")
def test_branches_reach_their_end_before_others_begin(run_of: Start) -> None:
    run = run_of(lambda: three.map(two.map(one.map(range(60), chunk=1), chunk=1), chunk=1))
    assert run.state is RunState.COMPLETED
    began = through = 0
    for name in gates.came():
        began += name.startswith("one")
        through += name.startswith("three")
        assert began - through <= 8, "no more than four for each thread"


@pytest.mark.usefixtures("whole_bodies")
def test_a_call_of_higher_priority_goes_first_with_all_behind_it(run_of: Start) -> None:
    def body() -> None:
        one.map(range(30), chunk=1)
        two(one.with_options(priority=5)(99))

    run = run_of(body)
    assert run.state is RunState.COMPLETED
    assert {"one 99", "two 99"} <= set(gates.came()[:16]), "it was called last"


def test_an_element_that_waits_long_is_taken_back_with_all_behind_it_and_nothing_else_is(start: Start) -> None:
    def body() -> dict[str, object]:
        xs = late.with_options(retries=1, retry_delay_seconds=2.0).map(range(4), chunk=1)
        ys = two.map(xs, chunk=1)
        return {"ys": ys, "sum": total(ys), "beside": three.map(one.map(range(2), chunk=1), chunk=1)}

    run = start(body)
    gates.until_came("two 0", "two 2", "two 3", "late 1")
    assert run.until(lambda: run.node("late[1]").state is TaskState.RETRYING, 2.0)
    assert run.wait(8)["ys"].result() == [0, 1, 2, 3]
    assert run["sum"].result() == 6
    sent_again = {group.spec.name: dict(group.generations) for group in run.groups.values() if group.generations}
    assert sent_again == {"late": {1: 1}, "two": {1: 1}, "total": {0: 1}}
    assert sorted(gates.came()) == sorted(
        [f"late {i}" for i in range(4)]
        + ["late 1", "total"]
        + [f"two {i}" for i in range(4)]
        + [f"{name} {i}" for name in ("one", "three") for i in range(2)]
    )
    assert [row.attempts for row in run.nodes][:4] == [1, 2, 1, 1]


def test_nodes_that_wait_long_hold_no_thread(start: Start) -> None:
    started_s = time.monotonic()
    waits = late.with_options(retries=1, retry_delay_seconds=1.0)
    run = start(lambda: [waits(1), one.map(range(20), chunk=1)])
    gates.until_came("late 1", *(f"one {i}" for i in range(20)))
    assert run.wait(8).state is RunState.COMPLETED
    assert time.monotonic() - started_s >= 1.0


def test_no_more_elements_of_a_map_run_at_once_than_it_allows(run_of: Start) -> None:
    @task
    def inside(x: Any) -> Any:
        gates.counted("map")
        return x

    run = run_of(lambda: {"xs": inside.map(one.map(range(12)), max_concurrency=1)})
    assert run["xs"].result() == list(range(12))
    assert gates.most("map") == 1


def test_a_place_in_a_map_is_free_again_while_an_element_waits_for_its_next_attempt(start: Start) -> None:
    waits = late.with_options(retries=1, retry_delay_seconds=0.6)
    run = start(lambda: {"xs": waits.map([1, 2, 3], max_concurrency=1)})
    assert run.wait(8)["xs"].result() == [1, 2, 3]
    assert gates.came() == ["late 1", "late 2", "late 3", "late 1"]


def test_children_of_nodes_that_wait_are_sent_though_the_window_is_full(
    run_of: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WINDOW", 4)
    run = run_of(lambda: {"xs": waits_for_kid.map(range(12), chunk=1)})
    assert run["xs"].result() == list(range(12))


def test_a_result_of_another_run_is_waited_for(start: Start) -> None:
    first = start(lambda: {"xs": held.map(range(2))})
    second = start(lambda: {"ys": two.map(first["xs"]), "sum": total(first["xs"])})
    gates.until(lambda: len(gates.came()) == 2)
    assert {group.status[0] for group in second.groups.values()} == {UNSENT}
    gates.open_gates("held")
    assert second.wait(8)["ys"].result() == [0, 1]
    assert second["sum"].result() == 1
    assert first.wait(8).state is RunState.COMPLETED


def test_dropped_nodes_are_those_that_the_cluster_does_not_have(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WINDOW", 2)
    run = start(lambda: held.map(range(5), chunk=1))
    gates.until(lambda: len(gates.came()) == 2)
    (group,) = run.groups
    with run.lock:
        assert run.sender.drop() == [(GroupId(group), index) for index in (2, 3, 4)]
    run.cancel()
    gates.open_gates("held")
    assert run.wait(8).state is RunState.CANCELLED


def test_the_end_of_what_another_run_waits_for_takes_no_lock_of_that_run(start: Start) -> None:
    first = start(lambda: {"value": held(1)})
    gates.until_came("held")
    second = start(lambda: {"value": two(first["value"])})
    gates.until_quiet(second)
    with second.lock:
        gates.open_gates("held")
        gates.until(lambda: first.node("held").state is TaskState.COMPLETED)
        assert first.lock.acquire(timeout=gates.PATIENCE_S), "who holds it waits for the other one"
        first.lock.release()
    assert second.wait(8)["value"].result() == 1
