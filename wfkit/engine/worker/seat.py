"""Seat: the Dask task in which nodes are executed: its key, its place on the worker, and what is noted about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from distributed import Reschedule
from distributed.worker import thread_state  # type: ignore[attr-defined]  # what Dask itself asks for its key

from wfkit.engine.worker.side import Note, WorkerSide
from wfkit.engine.worker.slot import Slot, may_start
from wfkit.engine.worker.spec import Spec

#: A worker on which as many tasks wait as may tries again after so long whether another one may begin.
_AGAIN_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Seat:
    """One Dask task while a worker executes it."""

    key: str
    slot: Slot
    note: Note | None

    @classmethod
    @contextmanager
    def taken(cls, side: WorkerSide, spec: Spec) -> Iterator[Seat]:
        """Take a seat for the nodes of a group.

        Raises
        ------
        Reschedule : too many tasks of this worker wait, and this one is no descendant of theirs
        """
        if not may_start(spec.run_id, spec.group, spec.bounds.waiting_threads):
            time.sleep(_AGAIN_S)
            raise Reschedule
        key = thread_state.key
        note = side.note_of(key)
        slot = Slot.of_this_thread()
        alone = note is not None and note.alone
        if alone:
            side.suspect.acquire()
        try:
            side.began(spec.run_id, key)
            yield cls(key, slot, note)
        finally:
            slot.close()
            if alone:
                side.suspect.release()
