"""Stored: results that last: a worker writes them beside its tasks, and loads them for tasks that need them again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from wfkit.core.states import TaskState
from wfkit.engine.worker.failure import describe, in_one_line
from wfkit.engine.worker.outcome import Err, Outcome, arrived

#: Beyond so many bytes that wait to be written, tasks write their results themselves.
_WAITING_BYTES: Final = 200_000_000
_WRITERS: Final = 2

#: A pickle, and the buffers that were kept apart.
Pickled = tuple[bytes, Sequence[Any]]
_Read = tuple[bytes | bytearray, Sequence[Any]]


class Store(Protocol):
    """The part of the store of results that one run has. It travels to the workers, and is given by the session."""

    def write(self, name: str, payload: bytes, buffers: Sequence[Any] = ()) -> str:
        """Write a value, whole or not at all; gives the reference under which it can be read.

        Raises
        ------
        WfkitError : it cannot be written
        """

    def read(self, reference: str) -> _Read:
        """Read a value.

        Raises
        ------
        ResultLost : it is not there, or not what was written
        """

    def is_shared(self) -> bool:
        """Whether this process sees the files that the kernel sees."""


def load_stored(reference: str, store: Store) -> Outcome:
    """Load a stored value; the function of the Dask task that stands for it."""
    try:
        payload, buffers = store.read(reference)
    except BaseException as error:  # noqa: BLE001 - the point of an envelope
        reason = f"its stored result cannot be had: {in_one_line(error)}"
        return Err(TaskState.CRASHED, reason, describe(error), reference)
    return arrived(bytes(payload), reference, *buffers)


def shares(store: Store) -> bool:
    """Whether this worker sees what the kernel writes; for `Client.run`."""
    return store.is_shared()


class Writers:
    """Writes results in threads of its own, so that no task waits for a disk."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], None], int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0

    def write(self, store: Store, name: str, pickled: Pickled, done: Callable[[str, str], None]) -> None:
        """Write a value soon.

        Parameters
        ----------
        store, name, pickled
            Where, for which node, and what.
        done : callable
            Called in any thread, with the reference, and with why there is none.
        """

        def work() -> None:
            done(*_written(store, name, pickled))

        size = len(pickled[0]) + sum(memoryview(one).nbytes for one in pickled[1])
        with self._changed:
            now = self._bytes + size > _WAITING_BYTES
            if not now:
                self._bytes += size
                self._waiting.append((work, size))
                if not self._idle and self._threads < _WRITERS:
                    self._threads += 1
                    threading.Thread(target=self._work, name="wfkit-results", daemon=True).start()
                self._changed.notify()
        if now:
            work()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                while not self._waiting:
                    self._changed.wait()
                self._idle -= 1
                work, size = self._waiting.popleft()
            work()
            with self._changed:
                self._bytes -= size
                self._changed.notify_all()

    def finish(self, timeout_s: float) -> bool:
        """Wait until all is written; False if the time passed first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._bytes, timeout_s)


def _written(store: Store, name: str, pickled: Pickled) -> tuple[str, str]:
    try:
        if not store.is_shared():
            return "", "this worker does not share the store of results"
        return store.write(name, *pickled), ""
    except BaseException as error:  # noqa: BLE001 - a store that fails costs the store, not the run
        return "", in_one_line(error)
