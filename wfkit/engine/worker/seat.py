"""Seat: the Dask task in which nodes are executed: its key, its place on the worker, and what is noted about it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, cast

from distributed import Reschedule
from distributed.core import Status
from distributed.worker import thread_state  # type: ignore[attr-defined]  # what Dask itself asks for its key

from wfkit.engine.worker.side import Note, WorkerSide
from wfkit.engine.worker.slot import Slot, may_start
from wfkit.engine.worker.spec import Spec
from wfkit.engine.worker.stop import Shield

#: A worker on which as many tasks wait as may, and nothing else is there, tries again after so long.
_AGAIN_S: Final = 0.02
#: The driver says so soon enough whether somebody waits for a node.
_ANSWER_S: Final = 10.0
#: A task that stands ready for so long goes back to the scheduler: another worker may have a place for it.
_READY_S: Final = 0.5
#: A suspect that waits for another one looks up so often, to be stopped.
_LOOK_S: Final = 0.5


class Seat:
    """One Dask task while a worker executes it.

    Attributes
    ----------
    key : str
    slot : Slot
    note : Note or None
    refused : bool
        As many tasks wait here as may, and the node holds named slots that what they wait for may need: it goes back to
        the driver, which gives the slots to others meanwhile.
    """

    __slots__ = ("_alone", "_closed", "_lock", "_run_id", "_side", "key", "note", "refused", "slot")

    def __init__(self, side: WorkerSide, run_id: str, key: str) -> None:
        self._side, self._run_id = side, run_id
        self.key = key
        self.note: Note | None = None
        self.refused = False
        self.slot = Slot.of_this_thread(side.places)
        self._lock = threading.RLock()  #: guards the two below, and what is noted beside them
        self._alone = False  #: holds the place of the one suspect that runs here
        self._closed = False

    @classmethod
    @contextmanager
    def taken(cls, side: WorkerSide, spec: Spec) -> Iterator[Seat]:
        """Take a seat for the nodes of a group.

        Raises
        ------
        Reschedule : this worker has no place for it soon; or too many of its tasks wait, and this one is no descendant
            of theirs
        """
        key = thread_state.key
        seat = cls(side, spec.run_id, key)
        try:
            seat._take_place(spec)
            if not seat.refused:
                seat.execute()
            yield seat
        finally:
            seat._close()

    def _take_place(self, spec: Spec) -> None:
        if not self.slot.take_place(_READY_S):
            raise Reschedule
        if self._side.worker.status is not Status.running:  # Dask begins nothing there any more, or not now
            self.slot.refuse_place()
            raise Reschedule
        self.note = self._side.note_of(self.key)
        if may_start(spec.run_id, spec.group, spec.bounds.waiting_threads) or _is_awaited(self._side, spec):
            return
        self.slot.refuse_place()
        self.refused = spec.others.limited and not (self.note and (self.note.lost or self.note.condemned))
        if not self.refused:
            self._let_pass(spec.run_id)
            raise Reschedule

    def _let_pass(self, run_id: str) -> None:
        """Go behind all other tasks: among them are those that the waiting ones wait for, some of them later ones."""
        priority = cast("tuple[float, ...]", self._side.worker.state.tasks[self.key].priority)
        first, *others, _ = priority  # the last one is the worker's own
        if first < math.inf:
            self._side.request("postpone", run_id, key=self.key, priority=[math.inf, *others])
        else:
            time.sleep(_AGAIN_S)

    @property
    def closed(self) -> bool:
        """Whether the task has ended, and the thread that asks outlives it."""
        return self._closed

    def execute(self) -> None:
        """Execute user code from now on; a suspect waits until no other one does."""
        if self.note is not None and self.note.alone:
            with Shield() as shield:
                while not self._alone and not self._closed and not shield.wanted:
                    if self._side.suspect.acquire(timeout=_LOOK_S):
                        self._alone = True
        with self._lock:
            if self._closed:  # a thread that outlives its task
                self._let_others()
            else:
                self._side.began(self._run_id, self.key)

    def rest(self) -> None:
        """Wait for other tasks, suspects too, from now on."""
        with self._lock:
            if not self._closed:
                self._side.rested(self._run_id, self.key)
            self._let_others()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Wait for others within the block, and hold nothing that these may need."""
        self.rest()
        try:
            with self.slot.given_back():
                yield
        finally:
            self.execute()

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            self._side.ended(self.key)
            self._let_others()
        self.slot.close()

    def _let_others(self) -> None:
        if self._alone:
            self._alone = False
            self._side.suspect.release()


def _is_awaited(side: WorkerSide, spec: Spec) -> bool:
    """Whether nodes descend from one that waits on another worker, which the driver knows."""
    if not spec.depth:
        return False
    with suppress(TimeoutError):
        (awaited,) = side.ask_and_wait(spec.run_id, ["awaited", spec.group], _ANSWER_S)
        return bool(awaited)
    return False
