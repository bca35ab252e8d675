"""Scheduler side: leases that keep a run's results, its events on their way to the kernel, cancellation, crashes.

The leases follow what Dask's own queues and variables do: a pseudo-client desires the keys, whichever client submitted
them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from distributed import Scheduler, SchedulerPlugin
from distributed.comm.core import CommClosedError

if TYPE_CHECKING:
    from distributed.scheduler import TaskState

NAME: Final = "wfkit-scheduler"
#: News of a busy run are gathered for this long; those of a quiet one are sent at once.
FLUSH_S: Final = 0.02
_BUSY_NEWS: Final = 20
#: How long results outlive the kernel that owned the run.
ORPHAN_LEASE_S: Final = 600.0
#: Keys released at once; more would hold up the scheduler.
_RELEASE_SLICE: Final = 1_000
_LEASE: Final = "wfkit-lease-"


def topic(run_id: str) -> str:
    """The name under which news of a run are published."""
    return f"wfkit-{run_id}"


def _lease_name(run_id: str) -> str:
    return f"{_LEASE}{run_id}"


class _RunSide:
    """What the scheduler keeps for one run."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.news: list[list[object]] = []
        self.flush_planned = False
        self.busy = False  #: the last news came in numbers
        #: Cancellations, for workers that come later; each with the workers that have not confirmed it.
        self.cancels: dict[str, tuple[list[list[object]] | None, set[str]]] = {}


class SchedulerSide(SchedulerPlugin):
    """Registered once on each scheduler that wfkit uses."""

    name = NAME
    idempotent = True

    async def start(self, scheduler: Scheduler) -> None:
        """Called by Dask in the scheduler."""
        self.scheduler = scheduler
        self.runs: dict[str, _RunSide] = {}
        handlers = scheduler.stream_handlers
        handlers["wfkit-lease"] = self.lease
        handlers["wfkit-release"] = self.release
        handlers["wfkit-cancel"] = self.cancel
        handlers["wfkit-drop"] = self.drop
        handlers["wfkit-events"] = self.take_events
        handlers["wfkit-cancelled"] = self.take_confirmation

    def lease(self, client: str, run: str, keys: Collection[str]) -> None:
        """Keep the results of `keys` for the run; keys that Dask did not take are reported as refused."""
        self._run_side(run, client)
        tasks = self.scheduler.tasks
        if refused := [key for key in keys if key not in tasks]:
            self._publish(run, ["refused", refused])
            keys = [key for key in keys if key in tasks]
        self.scheduler.client_desires_keys(keys, client=_lease_name(run))
        for key in keys:
            if tasks[key].state == "erred":
                self._tell_crash(run, tasks[key])

    def release(self, client: str, run: str) -> None:
        """Give up all results of a run, a slice at a time."""
        lease = self.scheduler.clients.get(_lease_name(run))
        if lease is None:
            self.runs.pop(run, None)
            return
        keys = [ts.key for ts in list(lease.wants_what)[:_RELEASE_SLICE]]
        if keys:
            self.scheduler.client_releases_keys(keys=keys, client=_lease_name(run))
            self.scheduler.loop.add_callback(self.release, client, run)
        else:
            self.scheduler.remove_client(_lease_name(run))
            self.runs.pop(run, None)

    def cancel(self, client: str, run: str, request: str, nodes: list[list[object]] | None = None) -> None:
        """Tell all workers, and answer when all have confirmed."""
        side = self._run_side(run, client)
        workers = set(self.scheduler.workers)
        side.cancels[request] = (nodes, workers)
        for worker in list(workers):
            self._send_cancel(worker, run, request, nodes)
        self._answer_when_confirmed(run, request)

    def _send_cancel(self, worker: str, run: str, request: str, nodes: list[list[object]] | None) -> None:
        message = {"op": "wfkit-cancel", "run": run, "request": request, "nodes": nodes}
        with suppress(CommClosedError):  # then the worker is about to be removed
            self.scheduler.stream_comms[worker].send(message)

    def drop(self, client: str, run: str, keys: Sequence[str]) -> None:
        """Forget tasks that the owner of the run has cancelled, a slice at a time, unless another run wants them."""
        for name in (_lease_name(run), client):
            if name in self.scheduler.clients:
                self.scheduler.client_releases_keys(keys=list(keys[:_RELEASE_SLICE]), client=name)
        if len(keys) > _RELEASE_SLICE:
            self.scheduler.loop.add_callback(self.drop, client, run, keys[_RELEASE_SLICE:])

    def take_confirmation(self, worker: str, run: str, request: str) -> None:
        """A worker has seen a cancellation."""
        if (side := self.runs.get(run)) is not None and request in side.cancels:
            side.cancels[request][1].discard(worker)
            self._answer_when_confirmed(run, request)

    def _answer_when_confirmed(self, run: str, request: str) -> None:
        if not self.runs[run].cancels[request][1]:
            self._publish(run, ["cancelled", request, list(self.scheduler.workers)])

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:  # noqa: ARG002 - Dask's
        """A worker joins: it learns what was cancelled before."""
        for run, side in self.runs.items():
            for request, (nodes, _) in side.cancels.items():
                self._send_cancel(worker, run, request, nodes)

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: object) -> None:  # noqa: ARG002 - Dask's
        """A worker is gone: nobody waits for its confirmation."""
        for run, side in list(self.runs.items()):
            for request, (_nodes, waiting) in side.cancels.items():
                if worker in waiting:
                    waiting.discard(worker)
                    self._answer_when_confirmed(run, request)
            if side.cancels:
                self._publish(run, ["gone", worker])

    def remove_client(self, scheduler: Scheduler, client: str) -> None:  # noqa: ARG002 - Dask's
        """An owner is gone: its runs' results are kept for a while."""
        for run, side in self.runs.items():
            if side.owner == client:
                self.scheduler.loop.call_later(ORPHAN_LEASE_S, self._release_orphan, run, client)

    def _release_orphan(self, run: str, client: str) -> None:
        side = self.runs.get(run)
        if side is not None and side.owner == client:
            self.release(client, run)

    def restart(self, scheduler: Scheduler) -> None:  # noqa: ARG002 - named by Dask
        """Somebody restarted the cluster: all results are gone, and all tasks forgotten."""
        for run in list(self.runs):
            self._publish(run, ["restarted"])

    def transition(self, key: Any, start: str, finish: str, *_: object, **__: object) -> None:  # noqa: ARG002 - Dask's
        """Watch for tasks that Dask itself gave up: lost with their workers."""
        if finish != "erred":
            return
        ts = self.scheduler.tasks.get(key)
        if ts is None:
            return
        for wanting in ts.who_wants or ():
            run = wanting.client_key.removeprefix(_LEASE)
            if run in self.runs:
                self._tell_crash(run, ts)

    def _tell_crash(self, run: str, ts: TaskState) -> None:
        blamed = ts.exception_blame.key if ts.exception_blame is not None else ts.key
        workers = sorted(str(worker) for worker in ts.erred_on or ())
        self._publish(run, ["crashed", ts.key, blamed, ts.exception_text or "", workers])

    def take_events(self, worker: str, run: str, events: list[list[object]]) -> None:  # noqa: ARG002 - Dask's
        """Events of a run, from a worker."""
        side = self.runs.get(run)
        if side is not None:
            side.news.extend(["event", event] for event in events)
            self._plan_flush(run, side)

    def _publish(self, run: str, news: list[object]) -> None:
        side = self.runs[run]
        side.news.append(news)
        self._plan_flush(run, side)

    def _plan_flush(self, run: str, side: _RunSide) -> None:
        if not side.flush_planned:
            side.flush_planned = True
            self.scheduler.loop.call_later(FLUSH_S if side.busy else 0, self._flush, run, side)

    def _flush(self, run: str, side: _RunSide) -> None:
        side.flush_planned = False
        news, side.news = side.news, []
        side.busy = len(news) > _BUSY_NEWS
        self.scheduler.log_event(topic(run), news)

    def _run_side(self, run: str, owner: str) -> _RunSide:
        return self.runs.setdefault(run, _RunSide(owner))
