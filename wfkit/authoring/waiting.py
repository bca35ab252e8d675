"""Waiting for several handles: all of them, or each as its task ends."""

from __future__ import annotations

import contextlib
import functools
import queue
import time
from collections.abc import Iterable, Iterator
from typing import Final

from wfkit.authoring.handle import Handle, Source, refuse_to_block
from wfkit.authoring.patience import check_timeout
from wfkit.errors import HandleMisuse, WaitTimeout

#: Waiting is done in slices, so that an interrupt of the kernel is noticed.
_SLICE_S: Final = 0.2
_NAMED: Final = 3


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
    waited = handles_of(handles, "wait()")
    for _ in _in_order_of_end(waited, timeout, "wait()", work_between=False):
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
    UnknownLength : how many elements a mapped handle has is not known yet
    WaitTimeout : the time passed first; it names what still runs
    """
    spread: list[Handle] = []
    for handle in handles_of(handles, "as_completed()"):
        spread.extend(handle if handle._mapped else (handle,))
    return _in_order_of_end(spread, timeout, "as_completed()")


def handles_of(given: object, where: str) -> list[Handle]:
    """What was given as a list of handles; one handle stands for itself, None for no handles.

    Raises
    ------
    HandleMisuse : something else is among them; the message names it
    """
    if given is None or isinstance(given, Handle):
        return [] if given is None else [given]
    found = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    handles = [item for item in found if isinstance(item, Handle)]
    for item in found:
        if not isinstance(item, Handle):
            raise HandleMisuse(f"{where} got {type(item).__name__} {item!r:.60}.", "It takes handles of tasks.")
    return handles


def _in_order_of_end(
    handles: list[Handle], timeout: float | None, where: str, *, work_between: bool = True
) -> Iterator[Handle]:
    refuse_to_block(where, "Await the handles instead.")
    check_timeout(timeout)
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    for place, handle in enumerate(handles):
        handle._source.when_done(handle._ref, functools.partial(ended.put, place))
    return _taken(handles, ended, timeout, where, work_between=work_between)


def _taken(
    handles: list[Handle], ended: queue.SimpleQueue[int], timeout: float | None, where: str, *, work_between: bool
) -> Iterator[Handle]:
    """Handles as they end. A task that waits gives its slot back, and has it for the work between two of them."""
    deadline = None if timeout is None else time.monotonic() + timeout
    running = dict(enumerate(handles))
    with contextlib.ExitStack() as waits:
        waiting = False
        while running:
            if not waiting and ended.empty():
                _give_back(waits, running.values())
                waiting = True
            place = _next(ended, deadline)
            if place is None:
                names = [f"`{handle.name}`" for handle in running.values()]
                listed = ", ".join(names if len(names) <= _NAMED else [*names[:_NAMED], f"{len(names) - _NAMED} more"])
                raise WaitTimeout(f"{where}: {listed} still to end after {timeout:g} s.", "Give it more time.")
            if work_between:
                waits.close()
                waiting = False
            yield running.pop(place)


def _give_back(waits: contextlib.ExitStack, handles: Iterable[Handle]) -> None:
    sources: dict[int, Source] = {id(handle._source): handle._source for handle in handles}
    for source in sources.values():
        waits.enter_context(source.waiting())


def _next(ended: queue.SimpleQueue[int], deadline: float | None) -> int | None:
    while True:
        left = _SLICE_S if deadline is None else min(_SLICE_S, deadline - time.monotonic())
        with contextlib.suppress(queue.Empty):
            return ended.get(timeout=max(left, 0.001))
        if deadline is not None and time.monotonic() >= deadline:
            return None
