"""News of the cluster that no task tells: workers that died, keys that Dask gives up, nothing that can run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.task import task
from wfkit.core import wire
from wfkit.core.events import ErrorInfo, NodeCrashed, NodeFinished, NodeRetrying, NodeStarted, NodeWaiting
from wfkit.core.states import FailureKind, RunState, TaskState
from wfkit.engine.driver import spawning
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.past import Past

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


def test_a_node_that_is_condemned_while_it_counts_as_waiting_has_crashed(running: Run) -> None:
    """It went on, and the news of it died with its worker."""
    waiting = NodeWaiting(group=running.node("held")._ref.group, index=0, attempt=1, children=())
    _tell(running, "event", wire.encode(waiting))
    _tell(running, "lost", "tcp://w", "killed", [[_key(running, "held"), 1, ""]])
    assert running.nodes[0].state is TaskState.WAITING
    _tell(running, "lost", "tcp://w", "killed", [[_key(running, "held"), 3, "worker lost"]])
    gates.open_gates("held")
    assert running.wait(8).state is RunState.FAILED
    assert [(one.name, one.state) for one in running.failed] == [("held", TaskState.CRASHED)]


@pytest.mark.parametrize("state", [TaskState.FAILED, TaskState.SKIPPED])
def test_what_a_worker_that_was_closed_tells_of_failures_and_beginnings_counts_no_more(
    running: Run, state: TaskState
) -> None:
    """Dask has others execute what was not done there, and keeps what they make of it."""
    group = running.node("held")._ref.group
    node: dict[str, Any] = {"group": group, "index": 0, "attempt": 2, "worker": "tcp://closed", "at_s": 1.0}
    _tell(running, "late", wire.encode(NodeStarted(**node)))
    _tell(running, "late", wire.encode(NodeFinished(**node, state=state)))
    _tell(running, "late", wire.encode(NodeCrashed(**node, kind=FailureKind.WORKER_LOST, reason="killed")))
    assert (running.nodes[0].state, running.nodes[0].attempts) == (TaskState.RUNNING, 1)
    gates.open_gates("held")
    assert running.wait(8).state is RunState.COMPLETED


def test_a_value_that_a_worker_wrote_while_it_was_closed_counts(running: Run) -> None:
    group, worker = running.node("held")._ref.group, running.nodes[0].worker or ""
    end = NodeFinished(group=group, index=0, attempt=1, state=TaskState.COMPLETED, worker=worker, at_s=1.0)
    _tell(running, "late", wire.encode(end))
    assert running.nodes[0].state is TaskState.COMPLETED
    gates.open_gates("held")
    assert running.wait(8).state is RunState.COMPLETED


def test_an_attempt_that_was_lost_before_its_start_was_told_has_a_number_of_its_own(running: Run) -> None:
    running.groups[running.node("held")._ref.group].pasts[0] = Past(attempts=3, failures=1, crashes=1)
    _tell(running, "lost", "tcp://w", "killed", [[_key(running, "held"), 1, "worker lost"]])
    assert running.nodes[0].attempts == 4
    assert running.nodes[0].reason == "its worker tcp://w was lost while it ran, for the 2. time: killed"
    gates.open_gates("held")
    running.wait(8)


def test_who_executes_a_node_again_is_told_what_that_has_behind_it(
    running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = []
    monkeypatch.setattr(spawning, "_answer", lambda run, question, worker, answer: answers.append(answer))
    group, key = running.node("held")._ref.group, _key(running, "held")
    for attempt, error in enumerate(("ValueError", "ProcessDied", "ValueError"), start=1):
        info = ErrorInfo(type_name=error, message="", traceback="", pickled=None)
        running.record_events([NodeRetrying(group=group, index=0, attempt=attempt, delay_s=0, error=info, at_s=0)])
    _tell(running, "lost", "tcp://w", "killed", [[key, 1, ""]])
    for _ in range(2):  # the one that took over was lost before it told of its start
        _tell(running, "ask", "1", "tcp://v", "kept", group, [0], key, 1)
        _tell(running, "lost", "tcp://v", "killed", [[key, 2, ""]])
    assert answers == [[[4, 2, 1]], [[5, 2, 1]]]
    gates.open_gates("held")
    running.wait(8)


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


def test_nodes_on_a_worker_that_is_not_heard_of_say_so_until_it_is(running: Run) -> None:
    worker = running.nodes[0].worker or ""
    _tell(running, "silent", [worker, *(f"tcp://{number}" for number in range(3))])
    assert running.state is RunState.RUNNING
    assert running.view_model.reason == (
        f"stalled: nothing is heard of {worker}, tcp://0, tcp://1 and 1 more, where tasks run"
    )
    row = running.nodes[0]
    assert row.stalled.startswith(f"nothing is heard of its worker {worker}. It is frozen or cut off, or a task")
    assert 'isolate="process"' in row.stalled
    assert (row.state, row.reason) == (TaskState.RUNNING, f"stalled: {row.stalled}")
    assert running.nodes[2].stalled == "", "it has not begun"
    _tell(running, "silent", [])
    assert running.view_model.reason == running.nodes[0].stalled == running.nodes[0].reason == ""
    gates.open_gates("held")
    assert running.wait(8).state is RunState.COMPLETED


def test_nodes_of_a_worker_that_is_given_up_are_stalled_no_more(running: Run) -> None:
    worker = running.nodes[0].worker or ""
    _tell(running, "silent", [worker])
    assert running.nodes[0].stalled
    _tell(running, "lost", worker, "did not answer for 30 s", [[_key(running, "held"), 1, ""]])
    assert (running.nodes[0].state, running.nodes[0].stalled) == (TaskState.RETRYING, "")


def test_nodes_of_a_run_that_is_paused_are_stalled_too_and_its_reason_stays(running: Run) -> None:
    running.pause()
    _tell(running, "silent", [running.nodes[0].worker])
    assert (running.view_model.reason, bool(running.nodes[0].stalled)) == ("paused", True)
    running.resume()
    gates.open_gates("held")
    assert running.wait(8).state is RunState.COMPLETED
    version = running.view_model.version
    _tell(running, "silent", ["tcp://w"])
    assert running.view_model.version == version, "it has ended"


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
