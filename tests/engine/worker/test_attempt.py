"""Attempts: calls within a time limit, in the thread of the worker or in one of their own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import pytest
from distributed.worker import thread_state  # type: ignore[attr-defined]  # the only door for other threads

from wfkit.engine.worker import attempt
from wfkit.engine.worker.attempt import call
from wfkit.errors import TaskTimeout


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "GRACE_S", 0.05)


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
    assert isinstance(caught.value.__cause__, attempt.StoppedByTimeLimit)


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
