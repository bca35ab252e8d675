"""Attempt: one execution of a task's function, within its time limit, and until somebody stops it."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from distributed.worker import thread_state  # type: ignore[attr-defined]  # the only door for other threads

from wfkit.engine.worker.failure import stack_of
from wfkit.engine.worker.stop import Stop, Stopped, StoppedByTimeLimit, take_back
from wfkit.errors import TaskTimeout

__all__ = ["Stop", "Stopped", "StoppedByTimeLimit", "call"]

#: How long a task that was told to stop may take to do so before it is left behind in its thread.
GRACE_S: Final = 1.0


def call(
    function: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    timeout_s: float | None,
    stop: Stop,
) -> object:
    """Call a function, or run a coroutine function on a loop of its own, within a time limit.

    Without a limit it is called in this very thread. Whatever happens, no exception that was meant for it waits for
    this thread afterwards.

    Parameters
    ----------
    function : callable
    args, kwargs
    timeout_s : float, optional
        Seconds. A coroutine is cancelled then, Python code that still runs is interrupted; code that can be neither
        (a call into C) is left behind in its thread.
    stop : Stop
        A request ends it in the same way, as soon as it executes Python again. What returns a value in spite of it
        has that value.

    Raises
    ------
    TaskTimeout : the time passed
    Stopped : it was requested; what user code raised meanwhile is the cause
    """
    if timeout_s is None:
        return _call_here(function, args, kwargs, None, stop)
    return _in_thread(function, args, kwargs, timeout_s, stop)


def _call_here(
    function: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    timeout_s: float | None,
    stop: Stop,
) -> object:
    try:
        try:
            stop.begin()
            value = function(*args, **kwargs)
            if inspect.iscoroutine(value):
                stop.target.value = 0  # a loop is asked in another way
                return _on_loop(value, timeout_s, stop)
            return value
        finally:
            stop.target.value = 0  # before any call, which might be hit
            stop.running = False
            if stop.asked:
                take_back()
    except BaseException as error:
        if not stop.requested:
            raise
        if isinstance(error, Stopped):
            error.reason = stop.requested
            raise
        raise Stopped(stop.requested) from error


def _on_loop(coroutine: Coroutine[Any, Any, object], timeout_s: float | None, stop: Stop) -> object:
    if stop.asked:
        take_back()
    try:
        return asyncio.run(_stoppable(coroutine, timeout_s, stop))
    finally:
        coroutine.close()  # where it never began


async def _stoppable(coroutine: Coroutine[Any, Any, object], timeout_s: float | None, stop: Stop) -> object:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    waiting: list[None] = []  # a request that the loop has not seen yet

    def cancel() -> None:
        waiting.clear()
        task.cancel()

    def ask() -> None:
        if waiting:
            stop.strike()  # it was asked some time ago, and does not come back to its loop
            return
        waiting.append(None)
        try:
            loop.call_soon_threadsafe(cancel)
        except RuntimeError:  # it has just ended
            waiting.clear()

    with stop.by(ask):
        stop.target.value = threading.get_ident()
        try:
            return await _within(coroutine, timeout_s)
        finally:
            stop.target.value = 0
            if stop.asked:
                take_back()


async def _within(coroutine: Coroutine[Any, Any, object], timeout_s: float | None) -> object:
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            return await coroutine
    except TimeoutError as error:
        if limit.expired():
            raise _timed_out(timeout_s) from error.__cause__  # where it was cancelled
        raise


def _timed_out(timeout_s: float | None, and_then: str = "") -> TaskTimeout:
    return TaskTimeout(
        f"It ran longer than its timeout_seconds={timeout_s:g}{and_then}.", "Raise the limit or make it faster."
    )


def _in_thread(
    function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object], timeout_s: float, stop: Stop
) -> object:
    results: list[object] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()
    dask_state = dict(vars(thread_state))

    def run() -> None:
        vars(thread_state).update(dask_state)  # so that `get_worker()` and `get_client()` work
        try:
            results.append(context.run(_call_here, function, args, kwargs, timeout_s, stop))
        except BaseException as error:  # noqa: BLE001 - carried over to the waiting thread
            errors.append(error)

    thread = threading.Thread(target=run, name=f"{threading.current_thread().name}-limited", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive() and stop.has_own_way:
        thread.join(GRACE_S)  # a coroutine was cancelled by its loop, and has the time to clean up
    if thread.is_alive():
        stop.expire()
        thread.join(GRACE_S)
        if errors and isinstance(errors[0], Stopped | TaskTimeout):
            raise errors[0]
        if not thread.is_alive():
            raise _timed_out(timeout_s) from (errors[0] if errors else None)
        left = _timed_out(timeout_s, ", and it could not be stopped: its thread goes on in the background")
        left.add_note(f"Its thread was here:\n{stack_of(thread)}")
        if stop.requested:
            raise Stopped(stop.requested) from left
        raise left
    if errors:
        raise errors[0]
    return results[0]
