"""The envelope: one node or a carrier of several, from their inputs to their outcomes, on a worker."""

from __future__ import annotations

import os
import pickle
import threading
import time
from typing import Any

import pytest
from distributed import Worker

from tests.engine.worker.driving import ONE, Driver, frozen, slotted
from tests.system import hostile
from wfkit.authoring.freeze import Frozen, Use
from wfkit.core.events import NodeFinished, NodeStarted
from wfkit.core.states import TaskState
from wfkit.engine.worker import envelope
from wfkit.engine.worker.assembly import Assembly
from wfkit.engine.worker.envelope import More
from wfkit.engine.worker.layout import Each, Pick
from wfkit.engine.worker.outcome import Bounced, Err, Ok, Outcomes
from wfkit.engine.worker.past import Past

pytestmark = pytest.mark.timeout(60)
NOTHING = Frozen(pickle.dumps(((), {})), ())


def test_a_single_node_gives_its_outcome_and_two_events(driver: Driver) -> None:
    outcome = driver.execute(lambda x: [x], 5)
    assert isinstance(outcome, Ok)
    assert (outcome.value(), outcome.maker) == ([5], "load[7]")
    started, finished = driver.events(2)
    assert isinstance(started, NodeStarted)
    assert isinstance(finished, NodeFinished)
    assert (started.group, started.index, started.attempt, started.worker) == ("g4", 7, 1, driver.worker)
    assert (finished.state, finished.preview) == (TaskState.COMPLETED, "[5]")


def test_a_node_with_a_bounced_input_bounces_and_says_nothing(driver: Driver) -> None:
    spec = driver.spec(lambda x: x)
    arguments = frozen((ONE,), Use())
    assert isinstance(driver.outcome(spec, 7, arguments, [Bounced("load[1]")]), Bounced)
    assert isinstance(driver.outcome(spec, 7, arguments, [[Ok(1, "a"), Bounced("load[1]")]]), Bounced)
    assert isinstance(driver.outcome(spec, 7, NOTHING, [Bounced("load[1]")]), Bounced)
    assert isinstance(driver.outcome(spec, 8, arguments, [Ok(1, "a")]), Ok)
    assert [event.index for event in driver.events(2)] == [8, 8]  # type: ignore[union-attr]


def test_attempts_failures_and_crashes_before_this_sending_count(driver: Driver) -> None:
    def fail() -> None:
        raise ValueError("no")

    driver.outcome(driver.spec(fail, retries=3), more=More(None, Past(6, 2, 1)))
    assert driver.end().attempt == 8  # three of the six were lost with workers that were closed


def test_a_carrier_gives_the_outcomes_of_its_elements_in_order(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "SLICE_S", 600.0)

    def pick(x: int) -> int:
        if x == 1:
            raise ValueError("one")
        return 10 * x

    carrier = driver.outcome(driver.spec(pick), (4, 5, 6), [frozen((x,)) for x in range(3)])
    assert isinstance(carrier, Outcomes)
    first, failed, last = carrier.outcomes
    assert isinstance(first, Ok)
    assert isinstance(failed, Err)
    assert isinstance(last, Ok)
    assert (first.value(), failed.reason, last.value()) == (0, "ValueError: one", 20)
    assert [one.maker for one in carrier.outcomes] == ["load[4]", "load[5]", "load[6]"]
    assert [event.index for event in driver.events(6)] == [4, 4, 5, 5, 6, 6]  # type: ignore[union-attr]


def test_the_elements_of_a_carrier_use_those_of_another_one(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "SLICE_S", 600.0)
    others = Outcomes([Ok(x, f"a[{x}]") for x in range(5)])
    carrier = driver.outcome(
        driver.spec(lambda x: -x), (7, 8), frozen((ONE,), Use()), [others], More(layout=(Each(0, 3),))
    )
    assert [one.value() for one in carrier.outcomes] == [-3, -4]


def test_a_carrier_whose_time_is_over_leaves_the_rest_and_says_so(driver: Driver) -> None:
    def nap() -> int:
        time.sleep(0.6 * envelope.SLICE_S)
        return 1

    carrier = driver.outcome(driver.spec(nap), range(10, 16), NOTHING)
    done = [one for one in carrier.outcomes if isinstance(one, Ok)]
    assert 1 <= len(done) <= 2
    assert [type(one) for one in carrier.outcomes[len(done) :]] == [Bounced] * (6 - len(done))
    driver.until(lambda: driver.told("bounced"), "that elements are left")
    assert driver.told("bounced") == [["bounced", "g4", [*range(10 + len(done), 16)]]]
    assert len(driver.events(2 * len(done))) == 2 * len(done)


def test_one_element_is_always_run_however_long_it_takes(driver: Driver) -> None:
    def nap() -> None:
        time.sleep(1.2 * envelope.SLICE_S)

    carrier = driver.outcome(driver.spec(nap), (3,), NOTHING)
    assert [type(one) for one in carrier.outcomes] == [Ok]
    assert driver.told("bounced") == []


def note(workers: list[Worker], key: str, **fields: Any) -> None:
    """What the scheduler's plugin tells workers about a key."""
    for worker in workers:
        worker.stream_handlers["wfkit-notes"](notes={key: fields})


def never() -> None:
    raise AssertionError("it was executed")


def test_a_carrier_that_is_executed_again_keeps_what_is_known_and_runs_nothing(
    driver: Driver, workers: list[Worker]
) -> None:
    note(workers, "carried-1", crashes=1, alone=True)
    failed = ["FAILED", "ValueError: no", ["ValueError", "no", "Traceback", None], None]
    driver.answers["kept"] = [["COMPLETED", "", None, pickle.dumps(5)], failed, ["", "", None, None]]
    carrier = driver.outcome(driver.spec(never), (4, 5, 6), NOTHING, key="carried-1")
    known, err, rest = carrier.outcomes
    assert (known.value(), known.maker) == (5, "load[4]")
    assert (err.state, err.reason, err.error.type_name) == (TaskState.FAILED, "ValueError: no", "ValueError")
    assert isinstance(rest, Bounced)
    assert driver.asked("kept") == [["kept", "g4", [4, 5, 6], "carried-1", 1]]
    assert driver.told("event") == []


def test_what_is_kept_and_cannot_be_loaded_harms_only_who_uses_it(driver: Driver, workers: list[Worker]) -> None:
    note(workers, "carried-2", lost=True)
    driver.answers["kept"] = [["COMPLETED", "", None, pickle.dumps(hostile.Unloadable())]]
    carrier = driver.outcome(driver.spec(never), (4,), NOTHING, key="carried-2")
    used = driver.outcome(driver.spec(lambda x: x), 1, frozen((ONE,), Use()), carrier.outcomes)
    assert isinstance(used, Err)
    assert "The result of `load[4]` cannot be loaded here" in used.reason


def test_an_assembly_puts_the_values_of_children_into_their_parents(driver: Driver) -> None:
    assembly = Assembly(Frozen(slotted({"child": ONE}), (Use(),)), 0.25)
    outcome = driver.outcome(driver.spec(never), 7, assembly, [Ok(3, "child")], More(None, Past(2)))
    assert outcome.value() == {"child": 3}
    finished = driver.end()
    assert (finished.attempt, finished.wall_s, finished.state) == (2, 0.25, TaskState.COMPLETED)


def test_a_condemned_assembly_is_not_put_together(driver: Driver, workers: list[Worker]) -> None:
    note(workers, "assembled-1", crashes=3, condemned="worker lost")
    assembly = Assembly(Frozen(slotted({"child": ONE}), (Use(),)), 0.25)
    outcome = driver.outcome(driver.spec(never), 7, assembly, [Ok(3, "child")], key="assembled-1")
    assert outcome.state is TaskState.CRASHED
    assert driver.told("event") == []


def test_an_item_of_a_result_that_cannot_be_loaded_fails_the_node_that_uses_it(driver: Driver) -> None:
    arrived = pickle.loads(pickle.dumps(Ok([hostile.Unloadable()], "make"), protocol=4))
    outcome = driver.outcome(
        driver.spec(lambda x: x), 7, frozen((ONE,), Use()), [arrived], More(layout=(Pick(0, items=(0,)),))
    )
    assert isinstance(outcome, Err)
    assert outcome.state is TaskState.FAILED
    assert "The result of `make` cannot be loaded here" in outcome.reason
    assert driver.end().state is TaskState.FAILED


def test_a_task_that_forks_answers_once(driver: Driver) -> None:
    def fork() -> int:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return child

    assert driver.execute(fork).value() > 0
    assert len(driver.events(2)) == 2


def test_what_a_task_starts_in_threads_is_its_own(driver: Driver) -> None:
    def names() -> list[str]:
        from wfkit.authoring.context import current

        found: list[str] = []
        thread = threading.Thread(target=lambda: found.append(current.task_name))
        thread.start()
        thread.join()
        return found

    assert driver.execute(names).value() == ["load"]
