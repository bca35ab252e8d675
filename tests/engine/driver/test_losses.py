"""News of the cluster that no task tells: workers that died, keys that Dask gives up, nothing that can run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.task import task
from wfkit.core.states import FailureKind, RunState, TaskState
from wfkit.engine.driver.run import Run

Start = Callable[..., Run]


@task
def held(x: Any) -> Any:
    gates.wait_at("held")
    return x


@pytest.fixture
def running(start: Start, unhurried: None) -> Iterator[Run]:
    """A run of which two nodes run: one alone, and the first element of a carrier."""
    run = start(lambda: [held("single"), held.map(range(3), chunk=3)])
    gates.until(lambda: len(gates.came()) == 2)
    gates.until(lambda: [row.state for row in run.nodes].count(TaskState.RUNNING) == 2)
    yield run
    gates.open_gates("held")
    gates.until(lambda: len(gates.came()) == 4, "the end of what the cluster has")


def _tell(run: Run, *news: Any) -> None:
    run.take([list(news)])


def _key(run: Run, name: str) -> str:
    return next(group for group in run.groups.values() if group.spec.name == name).where(0)[0]


def test_a_node_whose_worker_died_is_tried_again_and_the_cause_is_told(running: Run) -> None:
    _tell(running, "lost", "tcp://w", "killed by signal 9", [[_key(running, "held"), 1, ""]])
    group = running.view_model.groups[running.node("held")._ref.group]
    assert group.causes == {0: {1: "its worker tcp://w was lost: killed by signal 9"}}
    assert running.nodes[0].state is TaskState.RETRYING
    gates.open_gates("held")
    assert running.wait(8).state is RunState.COMPLETED


def test_of_a_carrier_only_the_element_that_ran_is_tried_again(running: Run) -> None:
    _tell(running, "lost", "tcp://w", "killed", [[_key(running, "held#2"), 1, ""]])
    assert [row.state.value for row in running.nodes][1:] == ["RETRYING", "PENDING", "PENDING"]
    gates.open_gates("held")
    running.wait(8)


@pytest.mark.parametrize(
    ("condemned", "kind"), [("memory", FailureKind.MEMORY), ("worker lost", FailureKind.WORKER_LOST)]
)
def test_a_node_that_is_condemned_has_crashed_with_the_cause_in_words(
    running: Run, condemned: str, kind: FailureKind
) -> None:
    _tell(running, "lost", "tcp://w", "out of memory: 1.9 GiB of 2.0 GiB", [[_key(running, "held"), 3, condemned]])
    row = running.nodes[0]
    assert row.state is TaskState.CRASHED
    assert row.reason == (
        "its worker tcp://w was lost while it ran, for the 3. time: out of memory: 1.9 GiB of 2.0 GiB"
    )
    assert running.view_model.groups[running.node("held")._ref.group].kinds[0] is kind
    gates.open_gates("held")
    assert running.wait(8).state is RunState.FAILED
    assert [one.name for one in running.failed] == ["held"]


def test_what_ended_before_its_worker_died_stays_as_it_is(running: Run) -> None:
    key = _key(running, "held")
    gates.open_gates("held")
    running.wait(8)
    _tell(running, "lost", "tcp://w", "killed", [[key, 1, "worker lost"]])
    _tell(running, "refused", [key])
    assert running.nodes[0].state is TaskState.COMPLETED


def test_a_key_that_dask_gives_up_has_crashed(running: Run) -> None:
    _tell(running, "crashed", _key(running, "held"), None, "KilledWorker: x\nmore", ["tcp://a", "tcp://b"])
    assert running.nodes[0].state is TaskState.CRASHED
    assert running.nodes[0].reason == "Dask gave it up (tcp://a, tcp://b): KilledWorker: x"
    gates.open_gates("held")
    running.wait(8)


def test_keys_that_the_scheduler_refuses_have_failed_and_those_of_others_are_nothing(running: Run) -> None:
    _tell(running, "refused", [_key(running, "held"), "held-0f-1", "other"])
    assert running.nodes[0].state is TaskState.FAILED
    assert "did not accept the task" in running.nodes[0].reason
    gates.open_gates("held")
    running.wait(8)


def test_a_run_that_cannot_go_on_says_why_until_it_can(running: Run) -> None:
    _tell(running, "stuck", "no worker offers {'GPU': 1}", 31.4, 2)
    assert running.state is RunState.RUNNING
    assert running.view_model.reason == "no worker offers {'GPU': 1} for 31 s, 2 tasks wait"
    _tell(running, "stuck", "no workers", 5, 1)
    assert running.view_model.reason == "no workers for 5 s, 1 task waits"
    _tell(running, "stuck", "", 0, 0)
    assert running.view_model.reason == ""
    gates.open_gates("held")
    assert running.wait(8).state is RunState.COMPLETED


def test_a_run_that_cannot_go_on_for_too_long_is_interrupted(running: Run) -> None:
    _tell(running, "stuck", "no workers", running.engine.no_workers_timeout_s, 4)
    assert running.state is RunState.INTERRUPTED
    assert running.view_model.reason == "no workers for 600 s"


def test_a_restarted_cluster_interrupts_its_runs(running: Run) -> None:
    _tell(running, "restarted")
    assert (running.state, running.view_model.reason) == (RunState.INTERRUPTED, "the cluster was restarted")
    assert all(row.state is TaskState.CANCELLED for row in running.nodes)


def test_unknown_news_change_nothing(running: Run) -> None:
    version = running.view_model.version
    _tell(running, "something new", 1, 2)
    _tell(running, "cancelled", "no request of ours", [])
    _tell(running, "gone", "tcp://w")
    assert running.view_model.version == version
    gates.open_gates("held")
    running.wait(8)
