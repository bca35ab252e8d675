"""Places: so many tasks of a worker execute at a time; where they are short, the next ones stand ready behind them.

When a task is done its thread has nothing to do until Dask has put the result away and begun another one: 1 to 3 ms,
a tenth of a task of 20 ms. So Dask may begin more tasks than there are places, and those that it begins too early wait
here, unpacked, for the next place. What stands ready cannot go to another worker; so nothing does behind long tasks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import dask.config
from distributed.threadpoolexecutor import ThreadPoolExecutor

if TYPE_CHECKING:
    from distributed import Worker

#: In the configuration of a worker whose threads are wfkit's to count: those of our own cluster.
PREFETCH: Final = "wfkit.prefetch"
#: Tasks that hold their place for less than this, in the mean, have others stand ready behind them.
SHORT_S: Final = 0.2
#: How much the last task counts for the mean.
_WEIGHT: Final = 0.2
#: Who waits for a place looks so often whether one is taken for nothing.
_LOOK_S: Final = 0.02


class Places:
    """The places of one worker: one for each of its threads.

    Attributes
    ----------
    count : int
    """

    def __init__(self, worker: Worker) -> None:
        self.count: int = worker.state.nthreads
        self._state: Any = worker.state
        self._pool: Any = worker.executors["default"]
        self._taken: dict[Place, float] = {}  #: and since when
        self._waiting = 0
        self._mean_s = SHORT_S
        self._changed = threading.Condition()  # of a lock that its owner may take again

    @classmethod
    def of(cls, worker: Worker) -> Places | None:
        """The places of a worker; None where Dask alone says how many tasks it executes."""
        if dask.config.get(PREFETCH, default=False) and isinstance(worker.executors["default"], ThreadPoolExecutor):
            return cls(worker)
        return None

    def take(self, place: Place, timeout_s: float) -> bool:
        """Wait for a place; False if the time passed first: what is executed is long, and nothing stands ready then."""
        until_s = time.monotonic() + timeout_s
        with self._changed:
            self._waiting += 1
            while len(self._taken) >= self.count and (left_s := until_s - time.monotonic()) > 0:
                self._changed.wait(min(left_s, _LOOK_S))
                self._take_from_those_who_left()
            self._waiting -= 1
            is_free = len(self._taken) < self.count
            if is_free:
                self._taken[place] = time.monotonic()
            elif timeout_s:
                self._mean_s = max(self._mean_s, SHORT_S)
            self._adjust()
            return is_free

    def give(self, place: Place, *, counts: bool) -> None:
        """Give a place back, if it is taken.

        Parameters
        ----------
        place : Place
        counts : bool
            Whether a task was executed there, so that its time says something.
        """
        with self._changed:
            since_s = self._taken.pop(place, None)
            if since_s is None:
                return
            if counts:
                self._mean_s += _WEIGHT * (time.monotonic() - since_s - self._mean_s)
            self._adjust()
            self._changed.notify()

    def holds(self, place: Place) -> bool:
        """Whether a place is taken."""
        return place in self._taken

    def _take_from_those_who_left(self) -> None:
        """Tasks that leave the pool by Dask's own means need no place; Dask tells of that only the first time."""
        for place in [place for place in self._taken if place.has_left()]:
            self.give(place, counts=True)

    def _adjust(self) -> None:
        """Say how many tasks Dask may begin: where only tasks that are not wfkit's are there, as many as ever."""
        is_used = bool(self._taken) or self._waiting > 0
        most = 2 * self.count if is_used and self._mean_s < SHORT_S else self.count
        self._state.nthreads = self._pool._max_workers = most


class Place:
    """The place of one task, while it has one.

    Parameters
    ----------
    places : Places or None
        None: there is always one.
    has_left : callable
        Whether the task's thread is in the worker's pool no more.
    """

    def __init__(self, places: Places | None, has_left: Callable[[], bool]) -> None:
        self._places = places
        self.has_left = has_left

    def take(self, timeout_s: float) -> bool:
        """Wait for a place; False if the time passed first."""
        return self._places is None or self._places.holds(self) or self._places.take(self, timeout_s)

    def give(self, *, counts: bool = True) -> None:
        """Give it back, if there is one.

        Parameters
        ----------
        counts : bool
            Whether a task was executed there.
        """
        if self._places is not None:
            self._places.give(self, counts=counts)
