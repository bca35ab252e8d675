"""Slot: the place of a running Dask task among its worker's threads, given back while the task waits for others.

`distributed.secede` and `distributed.rejoin` do this too, but only in the thread of the pool itself, and an exception
that is raised in the middle of them costs the worker a thread for good. So their steps are made here by hand, with the
same locks and lists: those of `distributed.threadpoolexecutor.secede` and `rejoin`, and the event of
`distributed.worker.secede`, without which the worker would begin no other task.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from distributed.threadpoolexecutor import thread_state as pool_state
from distributed.threadpoolexecutor import threads_lock
from distributed.worker import thread_state as task_state  # type: ignore[attr-defined]  # the task of this thread
from distributed.worker_state_machine import SecedeEvent

from wfkit.core.ids import GroupId, spawners
from wfkit.engine.worker.places import Place, Places
from wfkit.engine.worker.stop import Shield
from wfkit.errors import WaitingHoldsResources

#: Who waits: run, group and index of a node.
Waiter = tuple[str, str, int]

#: A thread that waits for a place looks up so often, to be stopped or to see that the worker closes.
_LOOK_S: Final = 0.5
_NOTHING: Final[Mapping[str, float]] = {}

_waiting: Final[dict[Slot, Waiter | None]] = {}


def waiting_count() -> int:
    """How many tasks wait in this process without a slot."""
    return len(_waiting)


def may_start(run_id: str, group: str, cap: int) -> bool:
    """Whether a node may begin: fewer than `cap` tasks wait here, or one of them waits for what this node descends to.

    Parameters
    ----------
    run_id, group : str
        Of the node.
    cap : int
    """
    if len(_waiting) < cap:
        return True
    waiters = set(_waiting.values())
    return any((run_id, parent, index) in waiters for parent, index in spawners(GroupId(group)))


class Slot:
    """The place of one running Dask task among its worker's threads.

    It is given back as soon as one thread of the task waits, and taken again when none does. While a thread waits for
    its return another one of the task may begin to wait; the slot is then given back once more as soon as it is there.
    """

    def __init__(
        self, thread: threading.Thread, pool: dict[str, Any], task: dict[str, Any], places: Places | None
    ) -> None:
        self._thread = thread
        self._place = Place(places, self._has_left)
        # What Dask keeps for the thread. Their dicts, unlike themselves, show it to other threads too.
        self._pool, self._task = pool, task
        self._lock = threading.Lock()
        self._waits: set[object] = set()
        self._given = self._returning = self._closed = False

    @classmethod
    def of_this_thread(cls, places: Places | None = None) -> Slot:
        """The slot of the task that Dask executes in this thread, and its place among those of the worker."""
        return cls(threading.current_thread(), vars(pool_state), vars(task_state), places)

    def take_place(self, timeout_s: float) -> bool:
        """Wait for a place, to execute the task; False if the time passed first."""
        return self._place.take(timeout_s)

    def refuse_place(self) -> None:
        """Do not execute the task now: what the place was taken for says nothing about how long tasks are."""
        self._place.give(counts=False)

    def _has_left(self) -> bool:
        executor = self._pool.get("executor")
        return executor is not None and self._thread not in executor._threads

    @contextmanager
    def given_back(
        self, waiter: Waiter | None = None, *, name: str = "", resources: Mapping[str, float] = _NOTHING
    ) -> Iterator[None]:
        """Hold no slot within the block; from any thread of the task, from several at once, and nested.

        At its end the last one blocks until a place is free.

        Parameters
        ----------
        waiter : tuple, optional
            The node that waits; those that descend from it always may start.
        name : str
            The node, for the message of an error.
        resources : mapping
            What the task holds while it waits.

        Raises
        ------
        WaitingHoldsResources : there are some
        """
        if resources:
            held = ", ".join(f"{amount:g} {resource}" for resource, amount in resources.items())
            raise WaitingHoldsResources(
                f"`{name}` waits for other tasks while it holds resources ({held}), which these may need.",
                "Return the handles instead of waiting, or take `resources=` off the task that waits.",
            )
        wait = object()
        try:
            with Shield():
                self._leave(wait, waiter)
            yield
        finally:
            with Shield() as shield:
                self._come_back(wait, shield)

    def close(self) -> None:
        """The task ends; in its Dask thread, when nothing is raised in it any more.

        What was given back stays so: the thread then leaves the pool, which has another one in its stead.
        """
        with self._lock:
            self._closed = True
            self._place.give()
            _waiting.pop(self, None)
            if self._given or self._returning or self._waits:
                self._settle()

    def _leave(self, wait: object, waiter: Waiter | None) -> None:
        with self._lock:
            if self._closed:
                return
            self._waits.add(wait)
            _waiting.setdefault(self, waiter)
            if not self._returning:
                self._give()

    def _come_back(self, wait: object, shield: Shield) -> None:
        with self._lock:
            self._waits.discard(wait)
            if self._waits or self._closed or self._returning:
                return
            if not self._given:
                _waiting.pop(self, None)
                return
            self._returning = True
        try:
            self._take(shield)
        finally:
            with self._lock:
                self._returning = False
                if self._closed:
                    self._place.give()
                else:
                    self._settle()
                    if self._waits:
                        self._give()
                    else:
                        _waiting.pop(self, None)

    def _give(self) -> None:
        """Leave the pool, which then starts another thread, as `distributed.threadpoolexecutor.secede` does."""
        executor = self._pool.get("executor")
        if executor is None:
            return  # not a thread of a pool
        with threads_lock:
            if self._thread not in executor._threads:
                self._place.give()
                return  # it has left already
            self._given = True
            self._place.give()
            self._pool["proceed"] = False
            executor._threads.remove(self._thread)
            executor._adjust_thread_count()
        # The rest of `distributed.worker.secede`.
        worker = self._task["execution_state"]["worker"]
        event = SecedeEvent(
            key=self._task["key"],
            compute_duration=time.time() - self._task["start_time"],
            stimulus_id=f"secede-{time.time()}",
        )
        worker.loop.add_callback(worker.handle_stimulus, event)

    def _take(self, shield: Shield) -> None:
        """Enter the pool in exchange for the next thread that is free, as `distributed.threadpoolexecutor.rejoin`."""
        executor, free = self._pool["executor"], threading.Event()
        with self._lock, executor._rejoin_lock:
            if self._closed:
                return
            executor._rejoin_list.append((self._thread, free))
        try:
            executor.submit(_wake)
        except RuntimeError:
            return  # the worker closes

        def is_over() -> bool:
            return shield.wanted or executor._shutdown or self._closed

        while not free.wait(_LOOK_S):
            if is_over():
                return
        while not is_over() and not self._place.take(_LOOK_S):
            pass

    def _settle(self) -> None:
        """Bring the marks in line with the pool, wherever the way back was broken off."""
        executor = self._pool.get("executor")
        if executor is None:
            return
        with executor._rejoin_lock:  # under which the pool's threads make the exchange
            executor._rejoin_list[:] = [entry for entry in executor._rejoin_list if entry[0] is not self._thread]
            inside = self._thread in executor._threads
            self._pool["proceed"] = inside
            self._given = not inside


def _wake() -> None:
    """Make a thread of the pool look whether somebody wants its place."""
