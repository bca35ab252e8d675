"""Scheduler side: leases that keep a run's results, its news on their way to the kernel, orders to workers, crashes.

The leases follow what Dask's own queues and variables do: a pseudo-client desires the keys, whichever client submitted
them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from distributed import Scheduler, SchedulerPlugin

from wfkit.engine.blackbox import Where
from wfkit.engine.scheduler.budget import Budget
from wfkit.engine.scheduler.executing import Executing
from wfkit.engine.scheduler.losses import Losses
from wfkit.engine.scheduler.orders import CANCEL, HOLD, Orders
from wfkit.engine.scheduler.polling import Polling
from wfkit.engine.scheduler.runs import Runs, lease_name, topic
from wfkit.engine.scheduler.slots import Slots
from wfkit.engine.scheduler.watch import Watch

if TYPE_CHECKING:
    from distributed.scheduler import TaskState

__all__ = ["NAME", "ORPHAN_LEASE_S", "SchedulerSide", "topic"]

NAME: Final = "wfkit-scheduler"
#: How long results outlive the kernel that owned the run.
ORPHAN_LEASE_S: Final = 600.0
#: Keys released at once; more would hold up the scheduler.
_RELEASE_SLICE: Final = 1_000
#: News that make the driver send a node again.
_HANDED_BACK: Final = frozenset({"parked", "promise", "bounced"})

_log = logging.getLogger("distributed.wfkit")


def _guarded(handler: Callable[..., None]) -> Callable[..., None]:
    """Log what a handler raises: Dask would close the connection that the message came from."""

    def call(**message: object) -> None:
        try:
            handler(**message)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("wfkit's handler of %s failed", sorted(message))

    return call


def _last_words(news: Collection[list[object]]) -> list[list[object]]:
    """What counts of the news of a worker that has left: what it had not done is not its to hand back any more."""
    left = [item for item in news if item[0] not in _HANDED_BACK]
    return [["late", *item[1:]] if item[0] == "event" else item for item in left]


class SchedulerSide(SchedulerPlugin):
    """Registered once on each scheduler that wfkit uses."""

    name = NAME
    idempotent = True

    async def start(self, scheduler: Scheduler) -> None:
        """Called by Dask in the scheduler; a successor takes over from a plugin that somebody has unregistered."""
        former = scheduler.extensions.get(NAME)
        if isinstance(former, SchedulerSide):
            vars(self).update(vars(former))
        else:
            self.scheduler = scheduler
            self.runs = Runs(scheduler)
            self.orders = Orders(scheduler, self.runs)
            self.executing = Executing(scheduler)
            self.losses = Losses(scheduler, self.runs, self.executing)
            self.slots = Slots(self.runs)
            self.watch = Watch(scheduler, self.runs, self.executing)
            self.budget = Budget()
            self.polling = Polling(scheduler, self.runs, self.executing, self._tell_crash)
        scheduler.extensions[NAME] = self
        handlers: dict[str, Callable[..., None]] = {
            "lease": self.lease,
            "release": self.release,
            "drop": self.drop,
            "cancel": self.cancel,
            "hold": self.hold,
            "answer": self.answer,
            "slots": self.ask_for_slots,
            "give-back": self.give_slots_back,
            "find": self.find,
            "news": self.take_news,
            "postpone": self.postpone,
            "cancelled": self.take_confirmation,
            "held": self.take_confirmation,
        }
        for operation, handler in handlers.items():
            scheduler.stream_handlers[f"wfkit-{operation}"] = _guarded(handler)

    # --- from the driver ---------------------------------------------------------------------------------------------

    def lease(
        self, client: str, run: str, keys: Collection[str], crash_retries: Mapping[str, int] | None = None
    ) -> None:
        """Keep the results of `keys` for the run; keys that Dask did not take are reported as refused."""
        self.runs.open(run, client)
        self.watch.wake()
        if NAME not in self.scheduler.plugins:  # messages still come, but Dask's own calls do not
            self.executing.forget_ended()
            self.scheduler.add_plugin(self, name=NAME)
        tasks = self.scheduler.tasks
        if refused := [key for key in keys if key not in tasks]:
            self.runs.publish(run, ["refused", refused])
            keys = [key for key in keys if key in tasks]
        self.scheduler.client_desires_keys(keys, client=lease_name(run))
        self.losses.lease(run, (tasks[key] for key in keys), crash_retries or {})
        for key in keys:
            if tasks[key].state == "erred":
                self._tell_crash(run, tasks[key])

    def release(self, client: str, run: str) -> None:
        """Give up all results of a run, a slice at a time."""
        keys = [ts.key for ts in list(self.runs.tasks(run))[:_RELEASE_SLICE]]
        if keys:
            self.scheduler.client_releases_keys(keys=keys, client=lease_name(run))
            self.scheduler.loop.add_callback(self.release, client, run)
            return
        if lease_name(run) in self.scheduler.clients:
            self.scheduler.remove_client(lease_name(run))
        self.orders.forget(run)
        self.losses.forget(run)
        self.slots.forget_run(run)
        self.runs.close(run)

    def drop(self, client: str, run: str, keys: Sequence[str]) -> None:
        """Forget tasks that the owner of the run has cancelled, a slice at a time, unless another run wants them."""
        for name in (lease_name(run), client):
            if name in self.scheduler.clients:
                self.scheduler.client_releases_keys(keys=list(keys[:_RELEASE_SLICE]), client=name)
        if len(keys) > _RELEASE_SLICE:
            self.scheduler.loop.add_callback(self.drop, client, run, keys[_RELEASE_SLICE:])

    def cancel(self, client: str, run: str, request: str, nodes: list[list[object]] | None = None) -> None:
        """Tell all workers that nodes (all, if None) must not start, and answer when all have confirmed."""
        self.runs.open(run, client)
        self.orders.give(CANCEL, run, request, nodes=nodes)

    def hold(self, client: str, run: str, request: str, paused: bool) -> None:  # noqa: FBT001 - the message's field
        """Tell all workers to start nothing of a run, or to go on, and answer when all have confirmed."""
        self.runs.open(run, client)
        self.orders.give(HOLD, run, request, paused=paused)

    def answer(self, client: str, run: str, worker: str, answer: list[object]) -> None:  # noqa: ARG002 - the message's
        """Pass an answer on to the worker that asked; none, if that is gone."""
        self.runs.send(worker, "answer", run=run, answer=answer)

    def ask_for_slots(
        self, run: str, node: tuple[str, int], names: Mapping[str, int], client: str = "", worker: str = ""
    ) -> None:
        """Ask for a slot of each named limit, for a node; the answer goes to who asks, driver or worker."""
        if client:
            self.runs.open(run, client)
        if run in self.runs and not self._has_left(worker):
            self.slots.ask((run, *node), names, worker)

    def give_slots_back(self, run: str, node: tuple[str, int], client: str = "", worker: str = "") -> None:  # noqa: ARG002 - the message's
        """A node gives back its slots, or no longer waits for them."""
        if not self._has_left(worker):
            self.slots.give_back((run, *node))

    def _has_left(self, worker: str) -> bool:
        """Whether a message comes from a worker that is gone for Dask: others execute what it had."""
        return worker != "" and worker not in self.scheduler.workers

    def find(self, client: str, run: str, worker: str, keys: Collection[str]) -> None:  # noqa: ARG002 - the message's
        """Tell which of the values that a worker had before it was gone others have."""
        tasks = self.scheduler.tasks
        self.runs.publish(run, ["found", worker, [key for key in keys if key in tasks and tasks[key].who_has]])

    # --- from workers ------------------------------------------------------------------------------------------------

    def take_news(
        self,
        worker: str,
        run: str,
        news: Collection[list[object]],
        began: Collection[str] = (),
        rested: Collection[str] = (),
        box: tuple[str, bytes] | None = None,
    ) -> None:
        """News of a run, passed on unread; which of its tasks begin to run and cease to; and the worker's black box.

        Tasks of a run that was released may still run, and ask; they hear that nobody answers.
        """
        if self.losses.is_given_up(worker):
            return
        self.executing.take(worker, began, rested)
        if box is not None:
            self.losses.open_box(worker, Where(*box))
        if self._has_left(worker):
            news = _last_words(news)
        if news and run in self.runs:
            self.runs.publish(run, *news)
        elif news:
            for question in [item[1] for item in news if item[0] == "ask"]:
                self.runs.send(worker, "answer", run=run, answer=[question])

    def take_confirmation(self, worker: str, run: str, request: str) -> None:
        """A worker has seen an order."""
        self.orders.confirm(worker, run, request)

    def postpone(self, worker: str, run: str, key: str, priority: Sequence[float]) -> None:  # noqa: ARG002 - the message's
        """A task that a worker sends back gets another place in the order."""
        if (ts := self.scheduler.tasks.get(key)) is not None:
            ts.priority = tuple(priority)

    # --- from Dask ---------------------------------------------------------------------------------------------------

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:  # noqa: ARG002 - Dask's
        """A worker joins: Dask calls this before it gives it tasks."""
        self.orders.welcome(worker)
        self.losses.welcome(worker)

    def log_event(self, topic: str, msg: Any) -> None:
        """Listen for the ends of workers."""
        self.losses.hear(topic, msg)

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: object) -> None:  # noqa: ARG002 - Dask's
        """A worker is gone, and its tasks are on their way to others."""
        self.orders.farewell(worker)
        self.slots.forget_worker(worker)
        for run in self.runs:
            self.runs.publish(run, ["gone", worker])

    def remove_client(self, scheduler: Scheduler, client: str) -> None:  # noqa: ARG002 - Dask's
        """An owner is gone: its runs' results are kept for a while, but not what keeps others waiting."""
        for run in self.runs.owned_by(client):
            self.slots.forget_owner(run)
            self.scheduler.loop.call_later(ORPHAN_LEASE_S, self._release_orphan, run, client)

    def _release_orphan(self, run: str, client: str) -> None:
        if run in self.runs.owned_by(client):
            self.release(client, run)

    def restart(self, scheduler: Scheduler) -> None:  # noqa: ARG002 - named by Dask
        """Somebody restarted the cluster: all results are gone, and all tasks forgotten."""
        for run in self.runs:
            self.runs.publish(run, ["restarted"])

    def transition(self, key: Any, start: str, finish: str, *_: Any, **__: Any) -> None:
        """Watch for tasks that leave their worker, and for those that Dask itself gave up; or not, if it takes long."""
        if (start != "processing" and finish != "erred") or self.polling.is_on:
            return
        began_s = perf_counter()
        try:
            self._follow(key, start, finish)
        finally:
            if self.budget.charge(perf_counter() - began_s):
                _log.warning("wfkit's call at each transition took too long; while runs are open it looks instead")
                self.polling.begin()

    def _follow(self, key: Any, start: str, finish: str) -> None:
        if start == "processing":
            self.executing.left(key)
        if finish == "erred" and (ts := self.scheduler.tasks.get(key)) is not None:
            for run in self.runs.wanting(ts):
                self._tell_crash(run, ts)

    def _tell_crash(self, run: str, ts: TaskState) -> None:
        blamed = ts.exception_blame.key if ts.exception_blame is not None else ts.key
        workers = sorted(str(worker) for worker in ts.erred_on or ())
        self.runs.publish(run, ["crashed", ts.key, blamed, ts.exception_text or "", workers])
