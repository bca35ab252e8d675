"""Polling: we look for what Dask's call at each transition would tell, while that call takes too long."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from distributed.core import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from distributed import Scheduler
    from distributed.scheduler import TaskState

    from wfkit.engine.scheduler.executing import Executing
    from wfkit.engine.scheduler.runs import Runs

#: How long after one look at all tasks the next one begins.
LOOK_S: Final = 0.5
#: How long we look in one go, some 30,000 tasks; and how long others have the scheduler before we go on.
_GO_S: Final = 0.005
_PAUSE_S: Final = 0.1


class Polling:
    """Looks at the tasks of the runs that are alive, until there are none."""

    def __init__(
        self, scheduler: Scheduler, runs: Runs, executing: Executing, tell: Callable[[str, TaskState], None]
    ) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._executing = executing
        self._tell = tell
        self.is_on = False
        self._rest: Iterator[tuple[str, TaskState]] = iter(())
        self._erred: set[tuple[str, Hashable]] = set()  #: at this look
        self._told: set[tuple[str, Hashable]] = set()  #: what was erred at the last one

    def begin(self) -> None:
        """From now on nobody else tells. What was told before is told once more, which a driver does not mind."""
        self.is_on = True
        self._rest, self._erred, self._told = self._tasks(), set(), set()
        self._scheduler.loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self.is_on = self._scheduler.status is Status.running and len(self._runs) > 0
        if not self.is_on:
            self._executing.forget_ended()
            return
        pause_s = _PAUSE_S
        try:
            if self._saw_all():
                self._executing.forget_ended()
                self._rest, self._told, self._erred = self._tasks(), self._erred, set()
                pause_s = LOOK_S
        finally:
            self._scheduler.loop.call_later(pause_s, self._look)

    def _saw_all(self) -> bool:
        until_s = perf_counter() + _GO_S
        for run, ts in self._rest:
            if ts.state == "erred":
                if (run, ts.key) not in self._told:
                    self._tell(run, ts)
                self._erred.add((run, ts.key))
            if perf_counter() > until_s:
                return False
        return True

    def _tasks(self) -> Iterator[tuple[str, TaskState]]:
        for run in self._runs:
            for ts in list(self._runs.tasks(run)):
                yield run, ts
