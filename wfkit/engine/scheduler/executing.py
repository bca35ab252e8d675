"""Executing: which tasks run where at this moment, as far as the workers have told."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Scheduler


class Executing:
    """Kept exact by Dask itself: what is no longer processing anywhere is forgotten at once."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._states: dict[Hashable, bool] = {}  #: True: it runs; False: it waits without a slot, or has just ended

    def take(self, worker: str, began: Collection[str], rested: Collection[str]) -> None:
        """What a worker tells; a key that is in both lists has begun and ended since the last time."""
        for key in began:
            self._note(worker, key, runs=True)
        for key in rested:
            self._note(worker, key, runs=False)

    def _note(self, worker: str, key: str, *, runs: bool) -> None:
        ts = self._scheduler.tasks.get(key)
        if ts is not None and ts.processing_on is not None and ts.processing_on.address == worker:
            self._states[key] = runs

    def left(self, key: Hashable) -> None:
        """A task is no longer processing on any worker."""
        self._states.pop(key, None)

    def forget(self) -> None:
        """Nothing is known any more: Dask has not told for a while which tasks left their workers."""
        self._states.clear()

    def runs(self, key: Hashable) -> bool:
        """Whether a task was said to run, and not to rest since."""
        return self._states.get(key, False)

    def rests(self, key: Hashable) -> bool:
        """Whether a task was said to wait without a slot, or to have ended."""
        return not self._states.get(key, True)

    def __bool__(self) -> bool:
        return any(self._states.values())
