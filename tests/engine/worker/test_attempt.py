"""Attempts: calls within a time limit, in the thread of the worker or in one of their own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from distributed.worker import thread_state  # type: ignore[attr-defined]  # the only door for other threads

from wfkit.engine.worker import attempt
from wfkit.engine.worker.stop import Stop, Stopped, StoppedByTimeLimit
from wfkit.errors import TaskTimeout


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "GRACE_S", 0.05)


def call(
    function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object], limit: float | None
) -> Any:
    """A call that nobody stops."""
    return attempt.call(function, args, kwargs, limit, Stop())


async def double(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


@pytest.mark.parametrize("limit", [None, 5.0])
def test_functions_and_coroutines_give_their_value(limit: float | None) -> None:
    assert call(lambda x, y: x - y, (5,), {"y": 2}, limit) == 3
    assert call(double, (4,), {}, limit) == 8
    assert call(lambda x: double(x), (4,), {}, limit) == 8  # noqa: PLW0108 - a plain function that returns a coroutine


@pytest.mark.parametrize("limit", [None, 5.0])
@pytest.mark.parametrize("error", [ValueError, SystemExit, asyncio.CancelledError, TimeoutError])
def test_what_it_raises_passes_through(error: type[BaseException], limit: float | None) -> None:
    def fail() -> None:
        raise error

    async def fail_later() -> None:
        raise error

    for function in (fail, fail_later):
        with pytest.raises(error) as caught:
            call(function, (), {}, limit)
        assert type(caught.value) is error


def test_without_a_limit_it_runs_in_the_callers_thread() -> None:
    assert call(threading.get_ident, (), {}, None) == threading.get_ident()


def test_within_a_limit_it_finds_the_context_and_what_dask_keeps_for_the_thread() -> None:
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)
    thread_state.mark = "here"
    try:
        assert call(lambda: (variable.get(), thread_state.mark), (), {}, 5.0) == (7, "here")
    finally:
        del thread_state.mark


def test_python_code_is_interrupted_and_told_where() -> None:
    def spin() -> None:
        while True:
            time.sleep(0.001)

    with pytest.raises(TaskTimeout, match=r"timeout_seconds=0.05\. ") as caught:
        call(spin, (), {}, 0.05)
    assert isinstance(caught.value.__cause__, StoppedByTimeLimit)


def test_what_it_raises_or_returns_when_it_is_interrupted_does_not_count() -> None:
    def stubborn(how: str) -> str:
        try:
            while True:
                time.sleep(0.001)
        except BaseException:
            if how == "raises":
                raise ValueError from None
            return "done"

    for how in ("raises", "returns"):
        with pytest.raises(TaskTimeout):
            call(stubborn, (how,), {}, 0.05)


@pytest.mark.usefixtures("short_grace")
def test_code_that_cannot_be_interrupted_is_left_behind() -> None:
    gate = threading.Lock()
    gate.acquire()

    def block() -> None:
        gate.acquire()

    start_s = time.monotonic()
    with pytest.raises(TaskTimeout, match="goes on in the background") as caught:
        call(block, (), {}, 0.05)
    assert time.monotonic() - start_s < 2
    assert "in block" in caught.value.__notes__[0]
    gate.release()


def test_a_coroutine_is_cancelled_and_may_clean_up() -> None:
    cleaned: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("up")

    with pytest.raises(TaskTimeout) as caught:
        call(wait, (), {}, 0.05)
    assert cleaned == ["up"]
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)


# --- stopped on request ---


LIMITS = pytest.mark.parametrize("limit", [None, 9.0])


class Outcome:
    """What came of a call in a thread of its own."""

    def __init__(self, function: Callable[..., object], limit: float | None, stop: Stop) -> None:
        self.value: object = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(function, limit, stop), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[..., object], limit: float | None, stop: Stop) -> None:
        try:
            self.value = attempt.call(function, (), {}, limit, stop)
        except BaseException as error:
            self.error = error

    def wait(self) -> Outcome:
        self._thread.join(8)
        assert not self._thread.is_alive(), "it did not stop"
        return self


def spin(begun: threading.Event) -> None:
    begun.set()
    while True:
        time.sleep(0.001)


def stopped(function: Callable[[threading.Event], object], limit: float | None) -> Outcome:
    """A call that is stopped when it has begun."""
    begun, stop = threading.Event(), Stop()
    outcome = Outcome(lambda: function(begun), limit, stop)
    assert begun.wait(8)
    stop.request("cancelled")
    return outcome.wait()


@LIMITS
def test_running_python_is_stopped_on_request(limit: float | None) -> None:
    error = stopped(spin, limit).error
    assert isinstance(error, Stopped)
    assert error.reason == "cancelled"


@LIMITS
@pytest.mark.parametrize("function", [lambda: 1, lambda: double(1)])
def test_what_is_stopped_before_it_begins_never_begins(function: Callable[[], object], limit: float | None) -> None:
    called: list[int] = []
    stop = Stop()
    stop.request("first")
    stop.request("second")
    assert stop.requested == "first"
    with pytest.raises(Stopped) as caught:
        attempt.call(lambda: called.append(1), (), {}, limit, stop)
    assert (called, caught.value.reason) == ([], "first")


@LIMITS
def test_a_value_that_is_returned_in_spite_of_a_request_counts(limit: float | None) -> None:
    def stubborn(begun: threading.Event) -> str:
        try:
            spin(begun)
        except BaseException:
            return "done"
        return ""

    outcome = stopped(stubborn, limit)
    assert (outcome.value, outcome.error) == ("done", None)


@LIMITS
def test_an_error_while_it_is_stopped_is_the_cause(limit: float | None) -> None:
    def clumsy(begun: threading.Event) -> None:
        try:
            spin(begun)
        finally:
            raise ValueError("on the way out")

    error = stopped(clumsy, limit).error
    assert isinstance(error, Stopped)
    assert str(error.__cause__) == "on the way out"


@LIMITS
def test_code_that_swallows_the_request_is_asked_again(limit: float | None) -> None:
    swallowed: list[BaseException] = []

    def swallow(begun: threading.Event) -> None:
        while len(swallowed) < 2:
            try:
                spin(begun)
            except BaseException as error:
                swallowed.append(error)
        spin(begun)

    start_s = time.monotonic()
    assert isinstance(stopped(swallow, limit).error, Stopped)
    assert [type(error) for error in swallowed] == [Stopped, Stopped]
    assert time.monotonic() - start_s < 3


@LIMITS
def test_a_coroutine_is_cancelled_on_request_while_it_waits(limit: float | None) -> None:
    cleaned: list[str] = []

    def waits(begun: threading.Event) -> object:
        async def wait() -> None:
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                cleaned.append("up")

        return wait()

    error = stopped(waits, limit).error
    assert isinstance(error, Stopped)
    assert isinstance(error.__cause__, asyncio.CancelledError)
    assert cleaned == ["up"]


@LIMITS
def test_a_coroutine_that_swallows_its_cancellation_or_never_awaits_is_stopped_too(limit: float | None) -> None:
    def swallows(begun: threading.Event) -> object:
        async def wait() -> None:
            begun.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            await asyncio.sleep(60)

        return wait()

    def never_awaits(begun: threading.Event) -> object:
        async def wait() -> None:
            spin(begun)

        return wait()

    for function in (swallows, never_awaits):
        assert isinstance(stopped(function, limit).error, Stopped)


@pytest.mark.usefixtures("short_grace")
def test_code_that_cannot_be_interrupted_is_left_behind_as_stopped() -> None:
    gate = threading.Lock()
    gate.acquire()

    def block(begun: threading.Event) -> None:
        begun.set()
        gate.acquire()

    error = stopped(block, 1.0).error
    assert isinstance(error, Stopped)
    assert isinstance(error.__cause__, TaskTimeout)
    gate.release()
