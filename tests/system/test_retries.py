"""Retries on real workers: when they come, what they cost, what is told of each attempt."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.system.running import Workers, errors, ran, reason, started, states
from wfkit import Fail, Retry, current, exponential_backoff, task
from wfkit.core.states import TaskState

pytestmark = pytest.mark.usefixtures("unharmed")


@task(retries=3)
def try_hard(action: Callable[[int], object]) -> object:
    return action(current.attempt)


def fail_until(
    attempt: int, error: Callable[[int], BaseException] = lambda n: ValueError(f"no {n}")
) -> Callable[[int], int]:
    def act(now: int) -> int:
        if now < attempt:
            raise error(now)
        return now

    return act


def delays(run: object, name: str) -> dict[int, float]:
    group, index = run.view_model.by_name(name)  # type: ignore[attr-defined]
    return group.delays_s.get(index or 0, {})


def test_every_attempt_is_told_with_its_error() -> None:
    run = ran(lambda: try_hard(fail_until(3)))
    assert run.node("try_hard").result() == 3
    assert {attempt: info.message for attempt, info in errors(run, "try_hard").items()} == {1: "no 1", 2: "no 2"}
    assert [row.attempts for row in run.nodes] == [3]


def test_the_last_attempt_decides() -> None:
    run = ran(lambda: try_hard(fail_until(9)))
    assert (states(run), reason(run, "try_hard")) == ({"try_hard": "FAILED"}, "ValueError: no 4")
    assert sorted(errors(run, "try_hard")) == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="no 4"):
        run.node("try_hard").result()


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (0.05, [0.05, 0.05, 0.05]),
        ([0.02, 0.06], [0.02, 0.06, 0.06]),
        (lambda attempt: attempt / 50, [0.02, 0.04, 0.06]),
        (exponential_backoff(0.01), [0.01, 0.02, 0.04]),
        (0, [0, 0, 0]),
    ],
    ids=["number", "list", "callable", "exponential", "at once"],
)
def test_delays_are_those_asked_for(delay: Any, expected: list[float]) -> None:
    def note(now: int) -> list[float]:
        raise LookupError(str(time.time()))

    run = ran(lambda: try_hard.with_options(retry_delay_seconds=delay)(note))
    assert list(delays(run, "try_hard").values()) == pytest.approx(expected)
    times = [float(info.message) for info in errors(run, "try_hard").values()]
    for (earlier, later), wanted in zip(itertools.pairwise(times), expected, strict=True):
        assert wanted <= later - earlier < wanted + 1


def test_jitter_stretches_delays_within_its_bound() -> None:
    jittery = try_hard.with_options(retry_delay_seconds=0.02, retry_jitter_factor=1.0)
    run = ran(lambda: jittery.map([fail_until(4)] * 8))
    drawn = [delay for index in range(8) for delay in delays(run, f"try_hard[{index}]").values()]
    assert len(set(drawn)) == 24
    assert all(0.02 <= delay < 0.04 for delay in drawn)


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(lambda _: KeyError(), 4), (lambda _: LookupError(), 4), (lambda _: ValueError(), 1), (lambda _: SystemExit(), 1)],
    ids=["subclass", "class", "other", "SystemExit"],
)
def test_only_errors_of_the_classes_named_are_retried(error: Callable[[int], BaseException], attempts: int) -> None:
    run = ran(lambda: try_hard.with_options(retry_on=LookupError)(fail_until(9, error)))
    assert [row.attempts for row in run.nodes] == [attempts]


def test_a_condition_may_refuse_a_retry_and_may_fail_itself() -> None:
    asked = try_hard.with_options(retry_condition_fn=lambda error: "1" in str(error))
    assert [row.attempts for row in ran(lambda: asked(fail_until(9))).nodes] == [2]

    broken = try_hard.with_options(retry_condition_fn=lambda error: cast("Any", error).no_such_thing)
    run = ran(lambda: broken(fail_until(9)))
    assert [row.attempts for row in run.nodes] == [1]
    assert reason(run, "try_hard").startswith("ValueError: no 1 (no retry, because asking for it raised AttributeError")


@pytest.mark.parametrize("delay", [lambda n: "soon", lambda n: -1, lambda n: 1 / 0], ids=["text", "below 0", "raises"])
def test_a_delay_that_is_none_ends_the_node_with_the_error_and_why(delay: Any) -> None:
    run = ran(lambda: try_hard.with_options(retry_delay_seconds=delay)(fail_until(9)))
    assert states(run) == {"try_hard": "FAILED"}
    assert reason(run, "try_hard").startswith("ValueError: no 1 (no retry, because")


def test_the_retry_signal_brings_its_own_delay() -> None:
    run = ran(lambda: try_hard.with_options(retry_delay_seconds=60)(fail_until(2, lambda _: Retry(delay_seconds=0.1))))
    assert run.node("try_hard").result() == 2
    assert delays(run, "try_hard") == {1: 0.1}


def test_the_retry_signal_spends_retries() -> None:
    run = ran(lambda: try_hard.with_options(retry_on=KeyError)(fail_until(9, lambda _: Retry("again"))))
    assert [row.attempts for row in run.nodes] == [4]
    assert reason(run, "try_hard") == "Retry: again (no attempt was left, retries=3)"


def test_the_fail_signal_is_never_retried() -> None:
    run = ran(lambda: try_hard(fail_until(9, lambda _: Fail("no use"))))
    assert [(row.state, row.attempts, row.reason) for row in run.nodes] == [(TaskState.FAILED, 1, "no use")]


def test_waiting_for_an_attempt_holds_no_slot(cluster: Workers, tmp_path: Path) -> None:
    """Two tasks wait for their retries on a worker of two threads; a third one runs there meanwhile."""
    worker = cluster.when_whole()[0]
    gone_on = tmp_path / "gone on"

    def patient(now: int) -> int:
        if now == 1:
            raise ValueError
        assert gone_on.exists(), "it did not run while we waited"
        return now

    @task(workers=worker)
    def meanwhile() -> None:
        gone_on.touch()

    waiting = try_hard.with_options(workers=worker, retry_delay_seconds=[4, 60])

    run = ran(lambda: [waiting.map([patient, patient]), meanwhile()])
    assert set(states(run).values()) == {"COMPLETED"}
    assert [row.attempts for row in run.nodes] == [2, 2, 1]


def test_a_node_that_waits_for_its_attempt_shows_it() -> None:
    run = started(lambda: try_hard.with_options(retry_delay_seconds=0.5)(fail_until(2)))
    assert run.until(lambda: states(run) == {"try_hard": TaskState.RETRYING}, 5)
    assert run.until(lambda: states(run) == {"try_hard": TaskState.COMPLETED}, 5)
