"""A node finds its value among those that earlier runs have left, or leaves its own there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from wfkit import INPUTS, NO_CACHE, Secret, current, task
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.task import Task
from wfkit.core.ids import run_id
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run
from wfkit.history.home import home
from wfkit.history.results import open_results

WAIT_S = 20
_NUMBERS = iter(range(10_000_000, 20_000_000))
RunOf = Callable[[Callable[[], Any]], Run]


@pytest.fixture
def start(dask: tuple[Client, LocalCluster], tmp_path: Path) -> Iterator[RunOf]:
    """Starts runs of bodies, with a store of results."""
    results = open_results(home({"WFKIT_HOME": str(tmp_path / "home")}))
    results.write_probe()
    engine = Engine(dask[0], results=results)

    def run(body: Callable[[], Any]) -> Run:
        made = Run(engine, run_id(next(_NUMBERS), bytes(10)), "flow")
        with inside(FlowBody(made, "flow")):
            value = body()
        made.close_body(value, {})
        return made

    yield run
    engine.close()


@pytest.fixture
def run_of(start: RunOf) -> RunOf:
    """The same, each to its end."""
    return lambda body: start(body).wait(WAIT_S)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def noting(log: Path, **options: Any) -> Task[..., Any]:
    @task(**options)
    def work(x: Any) -> Any:
        with log.open("a") as file:
            file.write(f"{x} ")
        return [x] * 3

    return work


def executed(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def states(run: Run) -> list[str]:
    return [row.state.value for row in run.nodes]


def test_a_call_with_the_same_inputs_and_code_is_executed_once(run_of: RunOf, log: Path) -> None:
    _, again = (run_of(lambda: noting(log, cache_policy=INPUTS)(1)) for _ in range(2))
    assert executed(log) == ["1"]
    assert states(again) == ["REUSED"]
    assert again.result() == [1, 1, 1]
    assert next(iter(again.nodes)).reason.startswith("from the cache, ")


def test_other_inputs_and_other_code_are_executed(run_of: RunOf, log: Path) -> None:
    work = noting(log, cache_policy=INPUTS)
    run_of(lambda: work(1))
    run_of(lambda: work(2))
    run_of(lambda: work.with_options(version="2")(1))
    assert executed(log) == ["1", "2", "1"]


def test_without_a_policy_nothing_is_kept(run_of: RunOf, log: Path) -> None:
    for _ in range(2):
        run_of(lambda: noting(log, cache_policy=NO_CACHE)(1))
    assert executed(log) == ["1", "1"]


def test_a_key_of_the_users_own_stands_for_a_call(run_of: RunOf, log: Path) -> None:
    work = noting(log, cache_key_fn=lambda context, given: f"{context.task_name} {given['x'] % 10}")
    assert run_of(lambda: work(1)).result() == [1, 1, 1]
    assert run_of(lambda: work(11)).result() == [1, 1, 1]
    assert executed(log) == ["1"]


def test_no_key_means_no_cache_and_a_bad_one_is_the_tasks_error(run_of: RunOf, log: Path) -> None:
    for _ in range(2):
        run_of(lambda: noting(log, cache_key_fn=lambda *_: None)(1))
    assert executed(log) == ["1", "1"]
    failed = run_of(lambda: noting(log, cache_key_fn=lambda *_: 3)(1))
    assert "cache_key_fn" in next(iter(failed.nodes)).reason


def test_an_old_value_counts_no_more(run_of: RunOf, log: Path) -> None:
    work = noting(log, cache_policy=INPUTS, cache_expiration=timedelta(seconds=0.2))
    run_of(lambda: work(1))
    at_s = time.time()
    while time.time() < at_s + 0.25:
        time.sleep(0.05)  # stands for time that passes
    run_of(lambda: work(1))
    assert executed(log) == ["1", "1"]


def test_a_refresh_executes_and_keeps_the_new_value(run_of: RunOf, log: Path) -> None:
    work = noting(log, cache_policy=INPUTS)
    run_of(lambda: work(1))
    assert states(run_of(lambda: work.with_options(refresh_cache=True)(1))) == ["COMPLETED"]
    assert states(run_of(lambda: work(1))) == ["REUSED"]
    assert executed(log) == ["1", "1"]


def test_two_that_want_the_same_at_once_execute_it_once(run_of: RunOf, log: Path) -> None:
    work = noting(log, cache_policy=INPUTS)
    run = run_of(lambda: work.map([7, 7, 7, 7]))
    assert executed(log) == ["7"]
    assert sorted(states(run)) == ["COMPLETED", "REUSED", "REUSED", "REUSED"]


def test_who_waits_for_the_value_of_another_run_can_be_cancelled(start: RunOf, log: Path) -> None:
    gate = log.with_name("gate")

    @task(cache_key_fn=lambda *_: "one")
    def work(x: int) -> int:
        with log.open("a") as file:
            file.write(f"{x} ")
        while not gate.exists():
            time.sleep(0.005)
        return x

    first = start(lambda: work(1))
    assert first.until(lambda: bool(executed(log)), WAIT_S)
    second = start(lambda: work(2))
    assert second.until(lambda: states(second) == ["RUNNING"], WAIT_S)
    second.cancel()
    assert states(second.wait(WAIT_S)) == ["CANCELLED"]
    gate.touch()
    assert states(first.wait(WAIT_S)) == ["COMPLETED"]
    assert states(start(lambda: work(3)).wait(WAIT_S)) == ["REUSED"]
    assert executed(log) == ["1"]


def test_a_failure_is_never_kept(run_of: RunOf, log: Path) -> None:
    @task(cache_policy=INPUTS)
    def fail() -> None:
        with log.open("a") as file:
            file.write("fail ")
        raise ValueError(current.task_name)

    for _ in range(2):
        assert states(run_of(fail)) == ["FAILED"]
    assert executed(log) == ["fail", "fail"]


def test_a_secret_is_not_left_in_the_cache(run_of: RunOf, log: Path) -> None:
    @task(cache_policy=INPUTS)
    def login() -> object:
        with log.open("a") as file:
            file.write("login ")
        return Secret("a-password-of-ours")

    for _ in range(2):
        run_of(login)
    assert executed(log) == ["login", "login"]
