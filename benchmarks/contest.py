"""The clusters of a contest: wfkit's own, and twins of it for plain Dask."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import dask.config
from distributed import Client

import wfkit
from benchmarks import work
from benchmarks.watcher import Watcher
from wfkit import flow, task
from wfkit.authoring.flow import Flow
from wfkit.authoring.handle import Handle
from wfkit.clusters.local import LocalOptions, start_local
from wfkit.engine.driver.run import Run
from wfkit.errors import WaitTimeout
from wfkit.session.launch import execute
from wfkit.session.session import close_session, session

SAME: Final = "plain Dask, same cluster"
TWIN_INF: Final = "plain Dask, twin at saturation inf"
TWIN_1: Final = "plain Dask, twin at saturation 1.1"
#: What the workers offer, so much that it limits nothing; asking for it switches Dask's queue of root tasks off.
SEAT: Final = "SEAT"
_SEATS: Final = 1_000
#: A scheduler that is given 100,000 tasks in one message reads nothing else for longer than Dask's 30 s, where the
#: machine is slow: then the system gives the connection up.
_PATIENCE: Final = "300 s"
_REST_S: Final = 60.0
_RUN_S: Final = 300.0
_WARM_UP: Final = 200


@dataclass(frozen=True, slots=True)
class Contest:
    """wfkit's session on its own cluster, and a plain client for each way to run the same on Dask."""

    plain: dict[str, Client]
    address: str
    _held: list[tuple[Run, Watcher]]

    @property
    def threads(self) -> int:
        """So many tasks run at a time on wfkit's own cluster."""
        return sum(self.plain[SAME].nthreads().values())  # type: ignore[no-untyped-call]

    def rest(self) -> None:
        """Release the runs of the last turn and wait until no scheduler holds a task."""
        for run, _ in self._held:
            run.release()
        self._held.clear()
        deadline = time.monotonic() + _REST_S
        for name, client in self.plain.items():
            while client.run_on_scheduler(_count_tasks):  # type: ignore[no-untyped-call]
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{name}: tasks of the last turn are still there")
                time.sleep(0.01)
        time.sleep(0.05)

    def warm_up(self) -> None:
        """Have every worker load what it needs, so that no contestant pays for it."""
        for client in self.plain.values():
            client.gather(client.map(work.increment, range(_WARM_UP), pure=False))  # type: ignore[no-untyped-call]
        increment = task(work.increment)

        @flow(name="warm up")
        def warm_up() -> Handle:
            return increment.map(range(_WARM_UP))

        self.run(warm_up)

    def run(self, chosen: Flow[..., Any], **parameters: object) -> Run:
        """Run a flow as a notebook cell does: the view is there before the body starts."""
        run = session().new_run(chosen, parameters)
        self._held.append((run, Watcher(run)))
        execute(run, chosen, parameters)
        try:
            return run.wait(_RUN_S)
        except WaitTimeout:
            run.cancel("it takes too long for a benchmark")
            raise


def _count_tasks(dask_scheduler: Any) -> int:
    return len(dask_scheduler.tasks)


@contextmanager
def contest(size: LocalOptions | None = None, *, twins: bool = True) -> Iterator[Contest]:
    """Start the clusters, each with the same workers; twins know nothing of wfkit."""
    size = size or LocalOptions()
    with ExitStack() as stack:
        stack.enter_context(dask.config.set({f"distributed.worker.resources.{SEAT}": _SEATS}))
        stack.enter_context(dask.config.set({"distributed.comm.timeouts.tcp": _PATIENCE}))
        own = start_local(size)
        wfkit.connect(own)
        stack.callback(close_session)
        plain = {SAME: stack.enter_context(_client(own.address))}
        if twins:
            for name, saturation in ((TWIN_INF, math.inf), (TWIN_1, 1.1)):
                twin = stack.enter_context(start_local(replace(size, worker_saturation=saturation)))
                plain[name] = stack.enter_context(_client(twin.address))
        yield Contest(plain, own.address, [])


_client = partial(Client, set_as_default=False)
