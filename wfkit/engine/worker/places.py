"""Places: so many tasks of a worker execute at a time; where they are short, the next ones stand ready behind them.

When a task is done its thread has nothing to do until Dask has put the result away and begun another one: 1 to 3 ms,
a tenth of a task of 20 ms. So Dask may begin more tasks than there are places, and those that it begins too early wait
here, unpacked, for the next place. What stands ready cannot go to another worker; so nothing does behind long tasks.
"""

from __future__ import annotations

import threading
import time
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


class Places:
    """The places of one worker: one for each of its threads.

    Attributes
    ----------
    count : int
    """

    def __init__(self, worker: Worker) -> None:
        self.count = self._free = worker.state.nthreads
        self._state: Any = worker.state
        self._pool: Any = worker.executors["default"]
        self._waiting = 0
        self._mean_s = SHORT_S
        self._changed = threading.Condition()

    @classmethod
    def of(cls, worker: Worker) -> Places | None:
        """The places of a worker; None where Dask alone says how many tasks it executes."""
        if dask.config.get(PREFETCH, default=False) and isinstance(worker.executors["default"], ThreadPoolExecutor):
            return cls(worker)
        return None

    def take(self, timeout_s: float) -> bool:
        """Wait for a place; False if the time passed first: what is executed is long, and nothing stands ready then."""
        with self._changed:
            self._waiting += 1
            try:
                if not self._changed.wait_for(self._is_free, timeout_s):
                    self._mean_s = max(self._mean_s, SHORT_S)
                    return False
                self._free -= 1
                return True
            finally:
                self._waiting -= 1
                self._adjust()

    def give(self, held_s: float) -> None:
        """Give a place back.

        Parameters
        ----------
        held_s : float
            For so long it was taken.
        """
        with self._changed:
            self._free += 1
            self._mean_s += _WEIGHT * (held_s - self._mean_s)
            self._adjust()
            self._changed.notify()

    def _is_free(self) -> bool:
        return self._free > 0

    def _adjust(self) -> None:
        """Say how many tasks Dask may begin: where only tasks that are not wfkit's are there, as many as ever."""
        is_used = self._free < self.count or self._waiting > 0
        most = 2 * self.count if is_used and self._mean_s < SHORT_S else self.count
        self._state.nthreads = self._pool._max_workers = most


class Place:
    """The place of one task, while it has one.

    Parameters
    ----------
    places : Places or None
        None: there is always one.
    """

    def __init__(self, places: Places | None) -> None:
        self._places = places
        self._since_s: float | None = None

    def take(self, timeout_s: float) -> bool:
        """Wait for a place; False if the time passed first."""
        if self._places is None:
            return True
        if self._since_s is None and self._places.take(timeout_s):
            self._since_s = time.monotonic()
        return self._since_s is not None

    def give(self) -> None:
        """Give it back, if there is one."""
        if self._places is not None and self._since_s is not None:
            held_s, self._since_s = time.monotonic() - self._since_s, None
            self._places.give(held_s)
