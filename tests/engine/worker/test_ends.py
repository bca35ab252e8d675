"""Ends: which exceptions end a node, which are tried again and after how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.system import hostile
from wfkit.authoring.options import task_options
from wfkit.authoring.signals import Fail, Retry, Skip
from wfkit.core.states import FailureKind, TaskState
from wfkit.engine.worker.ends import end_of
from wfkit.errors import TaskTimeout


def end(error: BaseException, attempt: int = 1, **options: Any) -> Any:
    return end_of(error, task_options(options), attempt)


def test_an_error_fails_the_node_and_is_described() -> None:
    found = end(ValueError("no"))
    assert (found.state, found.reason, found.kind) == (TaskState.FAILED, "ValueError: no", FailureKind.ERROR)
    assert found.error.type_name == "ValueError"
    assert found.retry_in_s is None


def test_a_timeout_is_a_kind_of_its_own() -> None:
    assert end(TaskTimeout("long")).kind is FailureKind.TIMEOUT
    assert end(TimeoutError("of the user's")).kind is FailureKind.ERROR


def test_exits_and_recursion_are_explained() -> None:
    assert end(SystemExit(3)).reason == "SystemExit: 3 (the task called sys.exit or exit)"
    assert "first and the last calls" in end(RecursionError("deep")).reason


@pytest.mark.parametrize(
    ("given", "told"),
    [("why", "why"), (5, "5"), (hostile.Destructive(), "<its text cannot be read: SystemExit in __str__>")],
    ids=["text", "number", "destructive"],
)
def test_signals_tell_their_reason_whatever_it_is(given: Any, told: str) -> None:
    assert (end(Skip(given)).state, end(Skip(given)).reason) == (TaskState.SKIPPED, told)
    assert (end(Fail(given)).state, end(Fail(given)).reason) == (TaskState.FAILED, told)


def test_signals_without_a_reason_still_say_something() -> None:
    assert (end(Skip()).reason, end(Fail()).reason) == ("skipped", "failed")
    assert (end(Skip(None)).reason, end(Fail(None)).reason) == ("skipped", "failed")  # type: ignore[arg-type]


def test_who_asks_for_an_attempt_and_has_none_left_is_told_so() -> None:
    found = end(Retry())
    assert (found.state, found.reason) == (TaskState.FAILED, "Retry (no attempt was left, retries=0)")
    assert found.error.message == "no attempt was left, retries=0"
    assert found.retry_in_s is None
    found = end(Retry("not yet"), attempt=3, retries=2)
    assert found.reason == "Retry: not yet (no attempt was left, retries=2)"
    assert found.error.message == "not yet (no attempt was left, retries=2)"
    assert "but no attempt was left, retries=2." in found.error.traceback


def test_attempts_are_counted() -> None:
    assert [end(ValueError(), attempt, retries=2).retry_in_s for attempt in (1, 2, 3)] == [0, 0, None]


def test_fail_and_skip_are_never_tried_again() -> None:
    assert end(Fail("x"), retries=9).retry_in_s is None
    assert end(Skip("x"), retries=9).retry_in_s is None


@pytest.mark.parametrize(
    ("error", "retried"),
    [(KeyError(), True), (ValueError(), False), (Retry(), True), (SystemExit(), False)],
    ids=lambda value: type(value).__name__,
)
def test_only_the_classes_named_are_tried_again(error: BaseException, retried: bool) -> None:
    assert (end(error, retries=1, retry_on=[LookupError]).retry_in_s is not None) is retried


def test_a_condition_is_asked_after_the_class() -> None:
    asked: list[BaseException] = []

    def ask(error: BaseException) -> bool:
        asked.append(error)
        return "yes" in str(error)

    options: dict[str, Any] = {"retries": 1, "retry_on": [ValueError], "retry_condition_fn": ask}
    assert end(ValueError("yes"), **options).retry_in_s == 0
    assert end(ValueError("no"), **options).retry_in_s is None
    assert end(KeyError("yes"), **options).retry_in_s is None
    assert len(asked) == 2


@pytest.mark.parametrize("broken", [lambda error: 1 / 0, lambda error: hostile.raiser(SystemExit)()])
def test_a_condition_that_raises_ends_the_node_and_is_named(broken: Callable[[BaseException], bool]) -> None:
    found = end(ValueError("no"), retries=1, retry_condition_fn=broken)
    assert found.retry_in_s is None
    assert found.reason.startswith("ValueError: no (no retry, because asking for it raised ")


@pytest.mark.parametrize(
    ("delay", "expected"),
    [(2, [2, 2, 2]), ([1, 5], [1, 5, 5]), (lambda attempt: attempt * 10, [10, 20, 30])],
    ids=["number", "list", "callable"],
)
def test_delays(delay: object, expected: list[float]) -> None:
    found = [end(ValueError(), n, retries=3, retry_delay_seconds=delay).retry_in_s for n in (1, 2, 3)]
    assert found == expected


def test_a_callable_is_asked_once_for_the_attempt_that_failed() -> None:
    asked: list[int] = []

    def note(attempt: int) -> float:
        asked.append(attempt)
        return 1.0

    end(ValueError(), 2, retries=1_000, retry_delay_seconds=note)
    assert asked == [2]


@given(st.floats(0, 1e6), st.floats(0, 10))
def test_jitter_stretches_and_never_shortens(delay: float, factor: float) -> None:
    found = end(ValueError(), retries=1, retry_delay_seconds=delay, retry_jitter_factor=factor).retry_in_s
    assert delay <= found <= delay * (1 + factor)


def test_the_retry_signal_brings_its_own_delay_without_jitter() -> None:
    options: dict[str, Any] = {"retries": 1, "retry_delay_seconds": 60, "retry_jitter_factor": 1.0}
    assert end(Retry(delay_seconds=2), **options).retry_in_s == 2
    assert end(Retry(), **options).retry_in_s >= 60
    assert end(Retry(), 2, **options).retry_in_s is None


@pytest.mark.parametrize("delay", ["soon", -1, float("nan"), float("inf"), hostile.Destructive()], ids=range(5))
def test_what_is_no_number_of_seconds_ends_the_node(delay: Any) -> None:
    for found in (
        end(Retry("again", delay_seconds=delay), retries=1),
        end(ValueError("no"), retries=1, retry_delay_seconds=lambda _: delay),
    ):
        assert (found.state, found.retry_in_s) == (TaskState.FAILED, None)
        assert "(no retry, because" in found.reason
