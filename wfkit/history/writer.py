"""Writer: the one thread of a process that changes the database; whoever has something to write only queues it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast

from sqlalchemy.exc import DBAPIError

from wfkit.core.ids import RunId
from wfkit.core.lease import RENEW_S, Lease
from wfkit.core.states import RUN_ENDS
from wfkit.core.wire import Encoded
from wfkit.errors import HistoryUnusable
from wfkit.history import writes
from wfkit.history.backlog import Backlog
from wfkit.history.database import Database, in_words
from wfkit.history.records import RunRecord
from wfkit.history.seal import Seal

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

#: Events wait at most so long for others to be written with …
BATCH_S: Final = 0.2
#: … or until there are so many.
BATCH_EVENTS: Final = 20_000
#: What waits while the database cannot be written, packed; some millions of events.
BACKLOG_BYTES: Final = 64 * 2**20
_RETRY_S: Final = 0.5
#: Of one transaction, so that other processes get their turn after an outage.
_ROWS: Final = 100


class Driver(Protocol):
    """Who drives a run. Both are called in the writer's thread, and must not wait for the history."""

    def counts(self) -> Mapping[str, int]:
        """How many nodes of the run are in each state."""

    def lose(self) -> None:
        """The run has another owner now, or was given up: this process has become a viewer of it."""


@dataclass(slots=True)
class _Stream:
    """What is written of one run."""

    backlog: Backlog
    record: RunRecord | None = None  #: of a new run, until it is there
    held: Lease | None = None  #: None until the run is there
    driver: Driver | None = None
    fresh: list[Encoded] = field(default_factory=list)  #: under the writer's lock
    ended: bool = False

    @property
    def waits(self) -> bool:
        """Whether there is something to write."""
        return self.held is None or bool(self.backlog.rows)


class Writer:
    """Writes what is queued, renews leases, and does what others ask for.

    Parameters
    ----------
    database : Database
    holder : str
        Who this process is.
    backlog_bytes : int
        What may wait in all.
    seal : Seal, optional
        Signs what is written.
    """

    def __init__(
        self, database: Database, holder: str, backlog_bytes: int = BACKLOG_BYTES, seal: Seal | None = None
    ) -> None:
        self.holder = holder
        self.seal = seal or Seal()
        self._lines_dropped = 0
        self._events_dropped = 0
        self._database = database
        self._backlog_bytes = backlog_bytes
        self._changed = threading.Condition()
        self._streams: dict[RunId, _Stream] = {}
        self._orders: deque[Callable[[], None]] = deque()
        self._fresh = 0
        self._due_s = inf
        self._renew_s = time.monotonic() + RENEW_S
        #: Numbers of the last pass that began, and of the last that left nothing behind.
        self._begun = 0
        self._clean = 0
        self._fault = ""
        self._fault_since_s = 0.0
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="wfkit-history", daemon=True)
        self._thread.start()

    # What any thread may call

    def begin(self, record: RunRecord, driver: Driver | None) -> None:
        """Queue a new run, which this process drives."""
        with self._changed:
            self._streams[record.id] = _Stream(Backlog(self.seal.of_run(record.id)), record=record, driver=driver)
            self._soon()

    def adopt(self, lease: Lease, driver: Driver | None) -> None:
        """From now on write what is queued of a run under this lease."""
        with self._changed:
            known = self._streams.get(lease.run_id)
            if known is not None and known.held is not None and known.held.epoch == lease.epoch:
                known.driver = driver  # it had the run already, and what waits is still its own
            else:
                self._streams[lease.run_id] = _Stream(
                    Backlog(self.seal.of_run(lease.run_id)), held=lease, driver=driver
                )

    def append(self, run_id: RunId, events: Sequence[Encoded]) -> None:
        """Queue encoded events in the order of their numbers; those of a run that it does not drive go nowhere."""
        with self._changed:
            stream = self._streams.get(run_id)
            if stream is None or self._closing:
                return
            stream.fresh += events
            self._fresh += len(events)
            if self._due_s == inf or self._fresh > BATCH_EVENTS:
                self._soon()

    def owns(self, run_id: RunId) -> bool:
        """Whether this process drives a run, as far as it knows."""
        return run_id in self._streams

    def drop(self, run_id: RunId) -> Lease | None:
        """Write no more of a run; gives the lease that was held."""
        with self._changed:
            stream = self._streams.pop(run_id, None)
        return None if stream is None else stream.held

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was queued is in the database; False if it is not in time."""
        with self._changed:
            number = self._begun
            self._due_s = 0.0
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._clean > number, timeout_s)

    def call(self, work: Callable[[Connection], T], timeout_s: float = 10.0) -> T:
        """Have the writer do something in a transaction, and wait for it.

        Raises
        ------
        HistoryUnusable : the database could not be written in time
        """
        answer: Future[T] = Future()

        def do() -> None:
            if answer.set_running_or_notify_cancel():
                try:
                    with self._database.writing() as connection:
                        value = work(connection)
                except BaseException as error:  # noqa: BLE001 - raised where it was asked for
                    answer.set_exception(error)
                else:
                    answer.set_result(value)

        with self._changed:
            if self._closing:
                raise HistoryUnusable("The history is closed.")
            self._orders.append(do)
            self._changed.notify_all()
        try:
            return answer.result(timeout_s)
        except TimeoutError as error:
            answer.cancel()
            why = self._fault or f"no answer for {timeout_s:g} s"
            raise HistoryUnusable(f"The history cannot be changed: {why}.", "Try again.") from error
        except DBAPIError as error:
            raise HistoryUnusable(f"The history cannot be changed: {in_words(error)}.", "Try again.") from error

    @property
    def trouble(self) -> str:
        """What keeps events out of the database now, in words; empty when all is well."""
        with self._changed:
            if not self._fault:
                return ""
            seconds = time.monotonic() - self._fault_since_s
            lost = f"; {self.lost} were given up" if self.lost else ""
            return f"history cannot be written: {self._fault} (since {seconds:.0f} s){lost}"

    @property
    def lost(self) -> str:
        """What was given up so far, because too much waited."""
        parts = ((self._lines_dropped, "log lines"), (self._events_dropped, "events"))
        return " and ".join(f"{number:,} {what}" for number, what in parts if number)

    def close(self, timeout_s: float) -> bool:
        """Write what waits, give up the leases, and end the thread; False if something could not be written."""
        clean = self.flush(timeout_s)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return clean

    # What the thread does

    def _soon(self) -> None:
        crowd = self._fresh > BATCH_EVENTS and not self._fault
        due_s = 0.0 if crowd else time.monotonic() + BATCH_S
        if due_s < self._due_s:
            self._due_s = due_s
            self._changed.notify_all()

    def _work(self) -> None:
        while not self._closing:
            with self._changed:
                if not self._orders and not self._closing:
                    self._changed.wait(max(0.0, min(self._due_s, self._renew_s) - time.monotonic()))
            while self._orders:
                self._orders.popleft()()
            if min(self._due_s, self._renew_s) <= time.monotonic():
                self._pass()
        with suppress(Exception):  # whoever cannot say that it goes is missed soon enough
            self._release()

    def _pass(self) -> None:
        """Write what waits, and renew the leases if it is time."""
        with self._changed:
            self._begun += 1
            self._due_s = inf
            self._fresh = 0
            streams = dict(self._streams)
            fresh = {run_id: stream.fresh for run_id, stream in streams.items() if stream.fresh}
            for run_id in fresh:
                streams[run_id].fresh = []
        for run_id, events in fresh.items():
            streams[run_id].backlog.add(events)
        good = self._guard(self._renew) and self._write_all(streams) and self._guard(self._database.checkpoint)
        self._shrink([stream.backlog for stream in streams.values()])
        with self._changed:
            if good:
                self._fault = ""
                self._clean = self._begun
            else:
                self._due_s = min(self._due_s, time.monotonic() + _RETRY_S)
            self._changed.notify_all()

    def _write_all(self, streams: Mapping[RunId, _Stream]) -> bool:
        for run_id, stream in streams.items():
            if stream.waits and not self._guard(partial(self._write, run_id, stream)):
                with self._changed:  # the others go first next time: it may be the only one that cannot be written
                    if self._streams.get(run_id) is stream:
                        self._streams[run_id] = self._streams.pop(run_id)
                return False
        return True

    def _guard(self, work: Callable[[], None]) -> bool:
        """Do something with the database; nothing that goes wrong there stops a run."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - see above; told by `trouble`
            with self._changed:
                self._fault_since_s = self._fault_since_s if self._fault else time.monotonic()
                self._fault = in_words(error)
            return False
        return True

    def _write(self, run_id: RunId, stream: _Stream) -> None:
        while stream.waits:
            rows = stream.backlog.rows[:_ROWS]
            last = len(rows) == len(stream.backlog.rows)
            change = stream.backlog.change if last else None  # a run has not ended before its events are there
            counts = _counts_of(stream.driver)
            with self._database.writing() as connection:
                held = stream.held or writes.begin(connection, cast("RunRecord", stream.record), self.holder)
                kept = writes.append(connection, held, rows, change, counts)
            if not kept:
                return self._lose(run_id)
            stream.held, stream.record = held, None
            stream.backlog.written(len(rows))
            if change is not None:
                stream.backlog.change = None
                if change.state in RUN_ENDS:
                    stream.ended, stream.driver = True, None

    def _renew(self) -> None:
        if self._renew_s > time.monotonic():
            return
        held = [stream.held for stream in list(self._streams.values()) if stream.held and not stream.ended]
        if held:
            with self._database.writing() as connection:
                lost = [lease for lease in sorted(held, key=_run_of) if not writes.renew(connection, lease)]
            for lease in lost:
                self._lose(lease.run_id)
        self._renew_s = time.monotonic() + RENEW_S

    def _lose(self, run_id: RunId) -> None:
        """Become a viewer of a run."""
        with self._changed:
            stream = self._streams.pop(run_id, None)
        if stream is not None and stream.driver is not None:
            with suppress(Exception):  # a fault of one run, not of the history of all
                stream.driver.lose()

    def _shrink(self, backlogs: list[Backlog]) -> None:
        """Keep what waits below its size; the largest gives up something first."""
        over_bytes = sum(backlog.size_bytes for backlog in backlogs) - self._backlog_bytes
        for backlog in sorted(backlogs, key=lambda one: -one.size_bytes):
            if over_bytes > 0:
                before_bytes = backlog.size_bytes
                backlog.shrink(max(0, before_bytes - over_bytes))
                over_bytes -= before_bytes - backlog.size_bytes
            self._lines_dropped += backlog.lines_dropped
            self._events_dropped += backlog.events_dropped
            backlog.lines_dropped = backlog.events_dropped = 0

    def _release(self) -> None:
        held = [stream.held for stream in self._streams.values() if stream.held and not stream.ended]
        if held:
            with self._database.writing() as connection:
                for lease in sorted(held, key=_run_of):
                    writes.release(connection, lease)


def _counts_of(driver: Driver | None) -> Mapping[str, int] | None:
    if driver is not None:
        with suppress(Exception):  # those of the batch before are better than no batch
            return driver.counts()
    return None


def _run_of(lease: Lease) -> RunId:
    return lease.run_id
