"""Waiting for several handles: all of them, or each as its task ends."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Iterator

from wfkit.authoring.context import in_async_body
from wfkit.authoring.handle import Handle
from wfkit.errors import BlockingInAsync, HandleMisuse, WaitTimeout


def wait(handles: Iterable[Handle], timeout: float | None = None) -> list[Handle]:
    """Wait until all tasks have ended, however they ended.

    Parameters
    ----------
    handles : iterable of Handle
    timeout : float, optional
        Seconds to wait at most, for all of them together.

    Returns
    -------
    list of Handle : the same handles, in order

    Raises
    ------
    WaitTimeout : the time passed first; it names what still runs
    """
    waited = _checked(handles, "wait")
    for _ in _in_order_of_end(waited, timeout, "wait"):
        pass
    return waited


def as_completed(handles: Iterable[Handle], timeout: float | None = None) -> Iterator[Handle]:
    """Give the handles in the order in which their tasks end; a mapped handle gives its elements.

    Parameters
    ----------
    handles : iterable of Handle
    timeout : float, optional
        Seconds to wait at most, for all of them together.

    Raises
    ------
    WaitTimeout : the time passed first
    """
    spread: list[Handle] = []
    for handle in [handles] if isinstance(handles, Handle) else _checked(handles, "as_completed"):
        spread.extend(handle if handle._mapped else (handle,))
    return _in_order_of_end(spread, timeout, "as_completed")


def _checked(handles: Iterable[Handle], function: str) -> list[Handle]:
    found = [handles] if isinstance(handles, Handle) else list(handles)
    for item in found:
        if not isinstance(item, Handle):
            raise HandleMisuse(f"{function}() got {type(item).__name__} {item!r:.60}.", "Give it handles of tasks.")
    return found


def _in_order_of_end(handles: list[Handle], timeout: float | None, function: str) -> Iterator[Handle]:
    if in_async_body():
        raise BlockingInAsync(f"{function}() would block the event loop of this async flow.", "Await the handles.")
    ended: queue.SimpleQueue[Handle] = queue.SimpleQueue()
    for handle in handles:
        handle._source.when_done(handle._ref, lambda handle=handle: ended.put(handle))
    deadline = None if timeout is None else time.monotonic() + timeout
    for count in range(len(handles)):
        yield _next_ended(ended, deadline, f"{function}(): {len(handles) - count} of {len(handles)} still run")


def _next_ended(ended: queue.SimpleQueue[Handle], deadline: float | None, still: str) -> Handle:
    # Short slices, so that an interrupt of the kernel is noticed.
    while True:
        left = 0.2 if deadline is None else min(0.2, deadline - time.monotonic())
        try:
            return ended.get(timeout=max(left, 0.001))
        except queue.Empty:
            if deadline is not None and time.monotonic() >= deadline:
                raise WaitTimeout(f"{still} after the given time.", "Give it more time.") from None
