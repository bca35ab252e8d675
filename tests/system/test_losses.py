"""Workers that die under a run, tasks that Dask executes twice, plugins that raise or go: what is executed and told."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import SchedulerPlugin

from tests.system.running import TIMEOUT_S, Workers, is_idle, kind, note, notes, ran, reason, started, states, until
from wfkit import Fail, allow_failure, current, task
from wfkit.core.states import FailureKind
from wfkit.engine.scheduler.plugin import NAME
from wfkit.session.session import session

pytestmark = pytest.mark.timeout(60)


@task
def count(begun: Path, x: int, seconds: float = 0.0) -> int:
    note(begun, x)
    time.sleep(seconds)
    return x


# --- workers that die (F01) ---


def test_who_kills_its_workers_is_crashed_and_those_beside_it_complete(cluster: Workers, tmp_path: Path) -> None:
    @task
    def culprit() -> None:
        note(tmp_path / "culprit", current.worker)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)

    def body() -> object:
        first = count.map([tmp_path / "first"] * 20, range(20))
        second = count.map([tmp_path / "second"] * 30, range(30), [0.1] * 30, wait_for=[first])
        return [first, second, culprit.submit(wait_for=[first])]

    run = ran(body)
    assert run.state == "FAILED"
    known = states(run)
    assert known.pop("culprit") == "CRASHED"
    assert set(known.values()) == {"COMPLETED"}
    assert kind(run, "culprit") is FailureKind.WORKER_LOST
    assert reason(run, "culprit").endswith("killed by signal 9 (SIGKILL)")
    killed = notes(tmp_path / "culprit")
    assert len(killed) == 3
    assert sorted(map(int, notes(tmp_path / "first"))) == list(range(20))
    assert set(map(int, notes(tmp_path / "second"))) == set(range(30))
    assert run.node("count#2").result() == list(range(30))
    until(lambda: cluster.are_replaced(*killed))


def test_attempts_that_kill_their_workers_at_once_are_all_counted(cluster: Workers, tmp_path: Path) -> None:
    @task
    def die(x: int) -> None:
        note(tmp_path / f"die{x}", current.worker)
        os.kill(os.getpid(), signal.SIGKILL)

    run = ran(lambda: die.map(range(2), chunk=1))
    assert {row.name: (row.state, row.attempts) for row in run.nodes} == {
        "die[0]": ("CRASHED", 3),
        "die[1]": ("CRASHED", 3),
    }
    killed = notes(tmp_path / "die0") + notes(tmp_path / "die1")
    until(lambda: cluster.are_replaced(*killed))


def test_a_task_may_be_allowed_to_lose_no_worker(cluster: Workers, tmp_path: Path) -> None:
    @task(crash_retries=0)
    def culprit() -> None:
        note(tmp_path / "culprit", current.worker)
        os.kill(os.getpid(), signal.SIGKILL)

    run = ran(lambda: culprit())  # noqa: PLW0108 - a task is no flow body
    (killed,) = notes(tmp_path / "culprit")
    assert states(run) == {"culprit": "CRASHED"}
    until(lambda: cluster.are_replaced(killed))


# --- what is not executed again, though its worker died ---


@task
def opened(gate: Path) -> int:
    until(gate.exists)
    return 1


@task
def returns_opened(begun: Path, gate: Path) -> object:
    note(begun, current.worker)
    return opened.submit(gate)


@task(retries=1, retry_delay_seconds=0.5)
def large_at_last(begun: Path, x: int) -> bytes:
    note(begun, f"{current.worker} {x} {current.attempt}")
    if current.attempt == 1:
        raise ValueError("once")
    return bytes(100_000)


@task
def raises() -> None:
    raise ValueError("no")


@task
def gets_over_it(begun: Path) -> bytes:
    note(begun, current.worker)
    return bytes(100_000) if raises.submit().exception() else b""


@task(retries=2, retry_delay_seconds=0.5)
def fails_twice(begun: Path) -> None:
    note(begun, current.attempt)
    if current.attempt > 1:
        raise Fail("for good")
    raise ValueError("no")


@task
def sees(given: object) -> str:
    return type(given).__name__


def dies_when_told(once: Path) -> Callable[..., None]:
    """What makes a worker die when it has told the driver to take a node back, before Dask hears of its end."""

    def prepare(dask_worker: Any) -> None:
        side = dask_worker.plugins["wfkit-worker"]
        hand_back = side.hand_back

        def told(*args: Any) -> Any:
            handed = hand_back(*args)
            if not once.exists():
                once.touch()
                time.sleep(0.1)  # the news get away
                os.kill(os.getpid(), signal.SIGKILL)
            return handed

        side.hand_back = told

    return prepare


def kill_one(cluster: Workers, worker: str) -> None:
    os.kill(cluster.pids()[worker], signal.SIGKILL)
    until(lambda: cluster.are_replaced(worker))


def test_a_parent_that_waits_for_what_it_returned_is_not_executed_again(cluster: Workers, tmp_path: Path) -> None:
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    run = started(lambda: returns_opened(begun, gate))
    until(lambda: states(run).get("returns_opened") == "WAITING")
    (worker,) = notes(begun)
    kill_one(cluster, worker)
    gate.touch()
    assert run.wait(TIMEOUT_S).state == "COMPLETED"
    assert notes(begun) == [worker]


def test_a_node_that_waits_for_its_next_attempt_is_not_executed_by_who_takes_over(
    cluster: Workers, tmp_path: Path
) -> None:
    cluster.client.run(dies_when_told(tmp_path / "died"))
    begun = tmp_path / "begun"

    def body() -> object:
        return sees.submit(allow_failure(fails_twice.submit(begun)))

    run = ran(body)
    assert states(run) == {"fails_twice": "FAILED", "sees": "COMPLETED"}
    assert run.node("sees").result() == "Missing"
    assert notes(begun) == ["1", "2"]
    until(lambda: cluster.are_replaced(*(set(run.view_model.workers) - set(cluster.addresses))))


def test_a_parent_that_has_told_what_it_returned_is_not_executed_by_who_takes_over(
    cluster: Workers, tmp_path: Path
) -> None:
    cluster.client.run(dies_when_told(tmp_path / "died"))
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    gate.touch()
    run = ran(lambda: returns_opened(begun, gate))
    assert run.node("returns_opened").result() == 1
    until(lambda: cluster.client.run_on_scheduler(is_idle))
    (worker,) = notes(begun)
    until(lambda: cluster.are_replaced(worker))


def test_a_value_that_a_later_attempt_left_on_another_worker_is_not_made_again(
    cluster: Workers, tmp_path: Path
) -> None:
    run = ran(lambda: large_at_last.map([tmp_path / "begun"] * 8, range(8), chunk=1))
    before = notes(tmp_path / "begun")
    victim = cluster.when_whole()[0]
    safe = [line.split()[1] for line in before if line.endswith(" 2") and not line.startswith(victim)]
    kill_one(cluster, victim)
    values: Any = run.node("large_at_last").result()
    assert values == [bytes(100_000)] * 8
    until(lambda: cluster.client.run_on_scheduler(is_idle))
    again = [line.split()[1] for line in notes(tmp_path / "begun")[len(before) :]]
    assert sorted(again) == sorted({*map(str, range(8))} - {*safe})


def test_a_body_that_is_executed_again_after_its_run_finds_the_children_it_had(
    cluster: Workers, tmp_path: Path
) -> None:
    run = ran(lambda: gets_over_it(tmp_path / "begun"))
    known = states(run)
    kill_one(cluster, notes(tmp_path / "begun")[0])
    until(lambda: len(notes(tmp_path / "begun")) == 2)
    value: Any = run.node("gets_over_it").result()
    assert value == bytes(100_000)
    assert states(run) == known == {"gets_over_it": "COMPLETED", "gets_over_it/raises": "FAILED"}


# --- what is executed twice (F13) ---


@pytest.mark.parametrize("size", [pytest.param(0, id="small"), pytest.param(1_000_000, id="large")])
def test_of_a_task_that_dask_executes_twice_one_result_counts(unharmed: Workers, tmp_path: Path, size: int) -> None:
    @task
    def twice() -> tuple[str, bytes]:
        note(tmp_path / "twice", current.worker)
        while not (tmp_path / "gate").exists():
            time.sleep(0.005)
        return current.worker, bytes(size)

    @task
    def after(made: tuple[str, bytes]) -> str:
        return made[0]

    def reschedule(dask_scheduler: Any) -> None:
        tasks = dask_scheduler.tasks.values()
        (ts,) = [ts for ts in tasks if ts.key.startswith("twice-") and ts.state == "processing"]
        (other,) = set(dask_scheduler.workers) - {ts.processing_on.address}
        dask_scheduler.set_restrictions(worker={ts.key: [other]})
        dask_scheduler._reschedule(ts.key, stimulus_id="test")

    def body() -> object:
        made = twice.submit()
        return [made, after.submit(made)]

    run = started(body)
    until(lambda: notes(tmp_path / "twice"))
    unharmed.client.run_on_scheduler(reschedule)
    until(lambda: len(notes(tmp_path / "twice")) == 2)
    second = notes(tmp_path / "twice")[1]
    assert run.until(lambda: {row.worker for row in run.nodes if row.name == "twice"} == {second}, TIMEOUT_S)
    (tmp_path / "gate").touch()
    run.wait(TIMEOUT_S)
    assert states(run) == {"twice": "COMPLETED", "after": "COMPLETED"}
    result: Any = run.node("twice").result()
    assert result[0] == run.node("after").result()
    assert len(set(notes(tmp_path / "twice"))) == 2
    run.release()


# --- plugins (F18) ---


class Raising(SchedulerPlugin):
    """Somebody else's plugin, which raises wherever it is called."""

    name = "raising"

    def transition(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("mine")

    add_worker = remove_worker = transition


def test_a_plugin_that_raises_everywhere_changes_nothing(cluster: Workers, tmp_path: Path) -> None:
    cluster.client.register_plugin(Raising())
    try:
        run = ran(lambda: count.map([tmp_path / "begun"] * 20, count.map([tmp_path / "begun"] * 20, range(20))))
        assert Counter(states(run).values()) == {"COMPLETED": 40}
    finally:
        cluster.client.unregister_scheduler_plugin("raising")


def test_wfkits_own_plugin_comes_back_when_somebody_unregisters_it(cluster: Workers, tmp_path: Path) -> None:
    run = started(lambda: count.map([tmp_path / "begun"] * 20, range(20), [0.1] * 20))
    until(lambda: notes(tmp_path / "begun"))
    cluster.client.unregister_scheduler_plugin(NAME)
    run.wait(TIMEOUT_S)
    assert run.node("count").result() == list(range(20))

    @task
    def culprit() -> None:
        note(tmp_path / "culprit", current.worker)
        time.sleep(0.1)  # the news of its start get away
        os.kill(os.getpid(), signal.SIGKILL)

    run = ran(lambda: culprit())  # noqa: PLW0108
    assert states(run) == {"culprit": "CRASHED"}
    killed = notes(tmp_path / "culprit")
    assert len(killed) == 3
    until(lambda: cluster.are_replaced(*killed))


@contextmanager
def slow_transitions(cluster: Workers) -> Iterator[None]:
    """What wfkit's plugin does at transitions takes 30 ms; and in the end it is called at them as before."""

    def slow_down(dask_scheduler: Any) -> None:
        executing = dask_scheduler.plugins[NAME].executing
        left = executing.left

        def slow(key: object) -> None:
            time.sleep(0.03)
            left(key)

        executing.left = slow

    def recover(dask_scheduler: Any) -> None:
        del dask_scheduler.plugins[NAME].executing.left

    cluster.client.run_on_scheduler(slow_down)
    try:
        yield
    finally:
        cluster.client.run_on_scheduler(recover)
        for run in session().runs:
            run.release()
        until(lambda: not cluster.client.run_on_scheduler(is_polled))


def is_polled(dask_scheduler: Any) -> bool:
    """Whether wfkit's plugin looks for what it would be told at transitions."""
    return bool(dask_scheduler.plugins[NAME].polling.is_on)


def test_wfkits_own_plugin_that_takes_too_long_at_transitions_looks_instead(cluster: Workers, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    @task
    def culprit() -> None:
        note(tmp_path / "culprit", current.worker)
        time.sleep(0.1)  # the news of its start get away
        os.kill(os.getpid(), signal.SIGKILL)

    @task
    def abandoned() -> None:
        note(tmp_path / "abandoned", current.worker)
        until(gate.exists)

    def give_up_at_the_next_loss(dask_scheduler: Any) -> None:
        (ts,) = [ts for key, ts in dask_scheduler.tasks.items() if key.startswith("abandoned-")]
        ts.suspicious = dask_scheduler.allowed_failures

    with slow_transitions(cluster):
        run = ran(lambda: count.map([tmp_path / "begun"] * 100, range(100), chunk=1))
        assert cluster.client.run_on_scheduler(is_polled)
        assert run.node("count").result() == list(range(100))
        assert Counter(states(run).values()) == {"COMPLETED": 100}
        assert sorted(map(int, notes(tmp_path / "begun"))) == list(range(100))

        run = ran(lambda: [culprit.submit(), count.map([tmp_path / "beside"] * 20, range(20), [0.05] * 20, chunk=1)])
        known = states(run)
        assert known.pop("culprit") == "CRASHED"
        assert set(known.values()) == {"COMPLETED"}
        assert reason(run, "culprit").endswith("killed by signal 9 (SIGKILL)")
        killed = notes(tmp_path / "culprit")
        assert len(killed) == 3
        until(lambda: cluster.are_replaced(*killed))

        run = started(lambda: abandoned())  # noqa: PLW0108
        until(lambda: notes(tmp_path / "abandoned"))
        cluster.client.run_on_scheduler(give_up_at_the_next_loss)
        kill_one(cluster, notes(tmp_path / "abandoned")[0])
        run.wait(TIMEOUT_S)
        assert states(run) == {"abandoned": "CRASHED"}
        assert reason(run, "abandoned").startswith("Dask gave it up")
        assert cluster.client.run_on_scheduler(is_polled)
