"""Executing: which tasks run where at this moment, as far as the workers have told."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Scheduler


class Move(Enum):
    """What a worker has told last of a task that it has."""

    READY = "ready"  #: it is unpacked, and takes the next place that is free
    BEGAN = "began"  #: it runs
    RESTED = "rested"  #: it waits without a slot


class Executing:
    """Kept exact by Dask itself: what is no longer processing anywhere is forgotten at once."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._moves: dict[Hashable, Move] = {}

    def take(self, worker: str, ready: Collection[str], began: Collection[str], rested: Collection[str]) -> None:
        """What a worker tells; a key that is in several lists is where the last one says."""
        for move, keys in ((Move.READY, ready), (Move.BEGAN, began), (Move.RESTED, rested)):
            for key in keys:
                ts = self._scheduler.tasks.get(key)
                if ts is not None and ts.processing_on is not None and ts.processing_on.address == worker:
                    self._moves[key] = move

    def left(self, key: Hashable) -> None:
        """A task is no longer processing on any worker."""
        self._moves.pop(key, None)

    def forget(self) -> None:
        """Nothing is known any more: Dask has not told for a while which tasks left their workers."""
        self._moves.clear()

    def last(self, key: Hashable) -> Move | None:
        """What was told last of a task."""
        return self._moves.get(key)

    def __bool__(self) -> bool:
        return Move.BEGAN in self._moves.values()
