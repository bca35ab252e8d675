"""Attempt: one execution of a task's function, within its time limit."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from distributed.worker import thread_state  # type: ignore[attr-defined]  # the only door for other threads

from wfkit.engine.worker.failure import stack_of
from wfkit.errors import TaskTimeout

#: How long a task that was told to stop may take to do so before it is left behind in its thread.
GRACE_S: Final = 1.0


def call(
    function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object], timeout_s: float | None
) -> object:
    """Call a function, or run a coroutine function on a loop of its own, within a time limit.

    Parameters
    ----------
    function : callable
    args, kwargs
    timeout_s : float, optional
        Seconds. A coroutine is cancelled then, Python code that still runs is interrupted; code that can be neither
        (a call into C) is left behind in its thread.

    Raises
    ------
    TaskTimeout : the time passed
    """

    def work() -> object:
        value = function(*args, **kwargs)
        return asyncio.run(_within(value, timeout_s)) if inspect.iscoroutine(value) else value

    if timeout_s is None:
        return work()
    # A coroutine is asked first, and has the time to clean up.
    thread_s = timeout_s + GRACE_S if inspect.iscoroutinefunction(function) else timeout_s
    return _in_thread(work, thread_s, timeout_s)


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


class StoppedByTimeLimit(BaseException):
    """Raised inside a thread whose time is over; its traceback says where the task was."""


def _in_thread(work: Callable[[], object], thread_s: float, timeout_s: float) -> object:
    results: list[object] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()
    dask_state = dict(vars(thread_state))

    def run() -> None:
        vars(thread_state).update(dask_state)  # so that `get_worker()` and `get_client()` work
        try:
            try:
                results.append(context.run(work))
            except BaseException as error:  # noqa: BLE001 - carried over to the waiting thread
                errors.append(error)
        except StoppedByTimeLimit:
            pass  # it came a moment too late

    thread = threading.Thread(target=run, name=f"{threading.current_thread().name}-limited", daemon=True)
    thread.start()
    thread.join(thread_s)
    if thread.is_alive():
        _interrupt(thread)
        thread.join(GRACE_S)
        if not thread.is_alive():
            raise _timed_out(timeout_s) from (errors[0] if errors else None)
        left = _timed_out(timeout_s, ", and it could not be stopped: its thread goes on in the background")
        left.add_note(f"Its thread was here:\n{stack_of(thread)}")
        raise left
    if errors:
        raise errors[0]
    return results[0]


def _interrupt(thread: threading.Thread) -> None:
    """Raise in a thread at its next bytecode; a call into C is not interrupted."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(StoppedByTimeLimit))
