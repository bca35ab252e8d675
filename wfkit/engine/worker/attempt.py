"""Attempt: one execution of a task's function, with its context, logs and time limit."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import inspect
import threading
from collections.abc import Callable
from typing import Final

from distributed.worker import thread_state

from wfkit.errors import TaskTimeout

#: How long a task that was told to stop may take to do so before it is left alone.
_GRACE_S: Final = 1.0


def call(
    function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object], timeout_s: float | None
) -> object:
    """Call a function, or run a coroutine function on a loop of its own, within a time limit.

    Parameters
    ----------
    function : callable
    args, kwargs
    timeout_s : float, optional
        Seconds. Python code that is still running then is interrupted; code that cannot be is left behind in its thread.

    Raises
    ------
    TaskTimeout : the time passed
    """
    if inspect.iscoroutinefunction(function):
        return asyncio.run(_awaited(function, args, kwargs, timeout_s))
    if timeout_s is None:
        return function(*args, **kwargs)
    return _in_thread(lambda: function(*args, **kwargs), timeout_s)


async def _awaited(
    function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object], timeout_s: float | None
) -> object:
    try:
        async with asyncio.timeout(timeout_s) as limit:
            return await function(*args, **kwargs)  # type: ignore[misc]  # a coroutine function
    except TimeoutError:
        if limit.expired():
            raise _timed_out(timeout_s) from None
        raise


def _timed_out(timeout_s: float | None) -> TaskTimeout:
    return TaskTimeout(f"It ran longer than its timeout_seconds={timeout_s:g}.", "Raise the limit or make it faster.")


class _Stop(BaseException):
    """Raised inside a thread whose time is over."""


def _in_thread(work: Callable[[], object], timeout_s: float) -> object:
    results: list[object] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()
    dask_state = dict(vars(thread_state))

    def run() -> None:
        vars(thread_state).update(dask_state)
        try:
            results.append(context.run(work))
        except BaseException as error:  # noqa: BLE001 - carried over to the waiting thread
            errors.append(error)

    thread = threading.Thread(target=run, name=f"{threading.current_thread().name}-limited", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        _interrupt(thread)
        thread.join(_GRACE_S)
    if results:
        return results[0]
    if errors and not isinstance(errors[0], _Stop):
        raise errors[0]
    raise _timed_out(timeout_s)


def _interrupt(thread: threading.Thread) -> None:
    """Raise `_Stop` in a thread at its next bytecode; a call into C is not interrupted."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Stop))
