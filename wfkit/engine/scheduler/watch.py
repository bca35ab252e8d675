"""Watch: runs that cannot go on because no worker can take their tasks, and why; and workers that are not heard of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from distributed.core import Status
from distributed.scheduler import heartbeat_interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distributed import Scheduler
    from distributed.scheduler import TaskState

    from wfkit.engine.scheduler.executing import Executing
    from wfkit.engine.scheduler.runs import Runs

#: How often we look, and when we speak: first, and again.
LOOK_S: Final = 2.0
STUCK_S: Final = 5.0
AGAIN_S: Final = 30.0
#: A worker is not heard of when two heartbeats are missing for so long.
SILENT_S: Final = 5.0

NO_WORKERS: Final = "no workers"
ALL_PAUSED: Final = "all workers paused"
_FINISHED: Final = {"memory", "erred", "forgotten"}


@dataclass(slots=True)
class _Stuck:
    """A run that cannot go on."""

    since: float = field(default_factory=monotonic)
    said: float = 0  #: when we last said so; 0: not yet


class Watch:
    """Looks after the runs that are alive; asleep when there are none."""

    def __init__(self, scheduler: Scheduler, runs: Runs, executing: Executing) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._executing = executing
        self._awake = False
        self._stuck: dict[str, _Stuck] = {}
        self._silent: dict[str, list[str]] = {}  #: by run: the workers with tasks of it that are not heard of
        self._looked_s = 0.0

    def wake(self) -> None:
        """There is a run to look after."""
        if not self._awake:
            self._awake = True
            self._looked_s = monotonic()
            self._scheduler.loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        if self._scheduler.status is not Status.running or not self._runs:
            self._awake = False
            self._stuck.clear()
            self._silent.clear()
            return
        self._scheduler.loop.call_later(LOOK_S, self._look)  # whatever happens below
        reasons = self._reasons()
        for run in [run for run in self._stuck if run not in reasons]:
            if self._stuck.pop(run).said:
                self._runs.publish(run, ["stuck", "", 0, 0])
        for run, (what, count) in reasons.items():
            self._say(run, what, count)
        self._listen()

    def _listen(self) -> None:
        """Tell runs which of the workers that execute their tasks are not heard of, when that changes."""
        before_s, self._looked_s = self._looked_s, monotonic()
        if self._looked_s - before_s > LOOK_S + SILENT_S / 2:
            return  # it is this scheduler that was held up, and did not listen
        scheduler = self._scheduler
        since_s = time() - SILENT_S - 2 * heartbeat_interval(len(scheduler.workers))
        silent: dict[str, list[str]] = {}
        for ws in [ws for ws in scheduler.workers.values() if ws.last_seen < since_s]:
            executed = [ts for ts in ws.processing if self._executing.runs(ts.key)]
            for run in dict.fromkeys(run for ts in executed for run in self._runs.wanting(ts)):
                silent.setdefault(run, []).append(ws.address)
        for run in {*silent, *self._silent}:
            if silent.get(run) != self._silent.get(run):
                self._runs.publish(run, ["silent", silent.get(run, [])])
        self._silent = silent

    def _say(self, run: str, what: str, count: int) -> None:
        stuck = self._stuck.setdefault(run, _Stuck())
        now = monotonic()
        if now - stuck.since >= STUCK_S and (not stuck.said or now - stuck.said >= AGAIN_S):
            stuck.said = now
            self._runs.publish(run, ["stuck", what, round(now - stuck.since, 1), count])

    def _reasons(self) -> dict[str, tuple[str, int]]:
        """By run: why tasks of it cannot run, and how many. Costs next to nothing while all is well."""
        scheduler = self._scheduler
        if not any(ws.status in {Status.running, Status.paused} for ws in scheduler.workers.values()):
            return self._all_unfinished(NO_WORKERS)
        if not scheduler.running:
            # What had begun before its worker was paused goes on, and frees memory at its end.
            return {} if self._executing else self._all_unfinished(ALL_PAUSED)
        waiting: dict[str, Counter[str]] = {}
        for ts in scheduler.unrunnable:
            for run in self._runs.wanting(ts):
                waiting.setdefault(run, Counter())[self._what_lacks(ts)] += 1
        return {run: counts.most_common(1)[0] for run, counts in waiting.items()}

    def _all_unfinished(self, what: str) -> dict[str, tuple[str, int]]:
        counts = {run: sum(ts.state not in _FINISHED for ts in self._runs.tasks(run)) for run in self._runs}
        return {run: (what, count) for run, count in counts.items() if count}

    def _what_lacks(self, ts: TaskState) -> str:
        """In words: what a task needs that no worker has."""
        needed: list[str] = []
        if resources := ts.resource_restrictions:
            needed.append(f"offers {_amounts(resources)}")
        if places := [*(ts.worker_restrictions or ()), *(ts.host_restrictions or ())]:
            needed.append(f"is {' or '.join(_first(sorted(map(str, places))))}")
        return f"no worker {' and '.join(needed)}" if needed else "no worker can run it"


def _amounts(resources: dict[str, float]) -> str:
    return str({name: int(amount) if amount == int(amount) else amount for name, amount in sorted(resources.items())})


def _first(places: list[str]) -> Iterable[str]:
    return places if len(places) <= 3 else [*places[:3], f"{len(places) - 3} others"]  # noqa: PLR2004 - a line's worth
