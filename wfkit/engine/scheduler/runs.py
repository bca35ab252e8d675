"""Runs: what the scheduler keeps for each run, and how news of it reach its driver."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from distributed.comm.core import CommClosedError

if TYPE_CHECKING:
    from distributed import Scheduler
    from distributed.scheduler import TaskState

#: News of a run are gathered until so long after the last ones were sent: those of a quiet run go at once, those of a
#: busy one, which came in numbers, together with more of them.
FLUSH_S: Final = 0.005
BUSY_FLUSH_S: Final = 0.02
_BUSY_NEWS: Final = 20
_LEASE: Final = "wfkit-lease-"


def topic(run_id: str) -> str:
    """The name under which news of a run are published."""
    return f"wfkit-{run_id}"


def lease_name(run_id: str) -> str:
    """The pseudo-client that desires the keys of a run."""
    return f"{_LEASE}{run_id}"


class RunSide:
    """What the scheduler keeps for one run."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.news: list[list[object]] = []
        self.flush_planned = False
        self.sent_s = 0.0  #: when the last news were, by the monotonic clock
        self.busy = False  #: they came in numbers


class Runs:
    """The runs that are alive, by their ids."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._sides: dict[str, RunSide] = {}

    def __contains__(self, run: object) -> bool:
        return run in self._sides

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._sides))

    def __len__(self) -> int:
        return len(self._sides)

    def open(self, run: str, owner: str) -> None:
        """Keep a run, if it is new."""
        self._sides.setdefault(run, RunSide(owner))

    def close(self, run: str) -> None:
        """Forget a run."""
        self._sides.pop(run, None)

    def owned_by(self, client: str) -> list[str]:
        """The runs of a client."""
        return [run for run, side in self._sides.items() if side.owner == client]

    def wanting(self, ts: TaskState) -> list[str]:
        """The runs that hold a task's result."""
        names = [client.client_key for client in ts.who_wants or ()]
        runs = [name.removeprefix(_LEASE) for name in names if name.startswith(_LEASE)]
        return [run for run in runs if run in self._sides]

    def tasks(self, run: str) -> Iterable[TaskState]:
        """The tasks that a run holds."""
        lease = self._scheduler.clients.get(lease_name(run))
        return lease.wants_what if lease is not None else ()

    def publish(self, run: str, *news: list[object]) -> None:
        """Tell a run's driver, in order; nobody, if the run is forgotten."""
        side = self._sides.get(run)
        if side is None:
            return
        side.news.extend(news)
        if not side.flush_planned:
            side.flush_planned = True
            due_s = side.sent_s + (BUSY_FLUSH_S if side.busy else FLUSH_S)
            self._scheduler.loop.call_later(max(0.0, due_s - time.monotonic()), self._flush, run, side)

    def _flush(self, run: str, side: RunSide) -> None:
        side.flush_planned = False
        news, side.news = side.news, []
        side.busy = len(news) > _BUSY_NEWS
        side.sent_s = time.monotonic()
        self._scheduler.log_event(topic(run), news)
        self._scheduler._broker.truncate(topic(run))  # Dask would keep 1,000 messages of each run for good

    def send(self, worker: str, operation: str, **fields: object) -> None:
        """Send an operation to wfkit's side of a worker, before everything that is sent to it later."""
        if (stream := self._scheduler.stream_comms.get(worker)) is not None:
            with suppress(CommClosedError):  # then the worker is about to be removed
                stream.send({"op": f"wfkit-{operation}", **fields})
