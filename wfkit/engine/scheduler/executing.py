"""Executing: which tasks run where at this moment, as far as the workers have told."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Scheduler


class Executing:
    """What workers have told, as long as it holds.

    It holds until Dask assigns the task anew. Each assignment has its number, so what a worker told of an earlier one
    counts no more, whether or not Dask has told us that the task left.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        #: The assignment, and whether it runs, or waits without a slot or has just ended.
        self._told: dict[Hashable, tuple[int | None, bool]] = {}

    def take(self, worker: str, began: Collection[str], rested: Collection[str]) -> None:
        """What a worker tells; a key that is in both lists has begun and ended since the last time."""
        for key in began:
            self._note(worker, key, runs=True)
        for key in rested:
            self._note(worker, key, runs=False)

    def _note(self, worker: str, key: str, *, runs: bool) -> None:
        ts = self._scheduler.tasks.get(key)
        if ts is not None and ts.processing_on is not None and ts.processing_on.address == worker:
            self._told[key] = (ts.run_id, runs)

    def left(self, key: Hashable) -> None:
        """A task is no longer processing on any worker."""
        self._told.pop(key, None)

    def forget_ended(self) -> None:
        """Forget those of which nobody told that they left."""
        for key in list(self._told):
            if self._runs(key) is None:
                del self._told[key]

    def runs(self, key: Hashable) -> bool:
        """Whether a task was said to run, and not to rest since."""
        return self._runs(key) is True

    def rests(self, key: Hashable) -> bool:
        """Whether a task was said to wait without a slot, or to have ended."""
        return self._runs(key) is False

    def _runs(self, key: Any) -> bool | None:
        assignment, runs = self._told.get(key, (None, None))
        ts = self._scheduler.tasks.get(key)
        holds = ts is not None and ts.processing_on is not None and ts.run_id == assignment
        return runs if holds else None

    def __bool__(self) -> bool:
        return any(self.runs(key) for key in self._told)
