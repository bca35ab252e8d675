"""Engine: joins one Dask client and the runs on it. One thread takes in news, folds them, and flushes what is due."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakValueDictionary, finalize

from wfkit.authoring.secrets import redacted
from wfkit.engine.driver.cluster import Cluster
from wfkit.engine.driver.pace import Durations
from wfkit.engine.scheduler.plugin import topic

if TYPE_CHECKING:
    from distributed import Client

    from wfkit.core.ids import RunId
    from wfkit.engine.worker.cached import Cache
    from wfkit.engine.worker.stored import Store

#: Calls in a flow body wait this long for the next one, to be submitted together and in one order …
FLUSH_S: Final = 0.02
#: … but no longer than this in all.
LATEST_FLUSH_S: Final = 0.1
#: A scheduler that does not answer for this long is given up.
LOST_AFTER_S: Final = 4.0
_CHECK_S: Final = 0.5

News = list[object]


class Driven(Protocol):
    """What the engine's thread does with a run."""

    @property
    def id(self) -> RunId:
        """Its id."""

    def take(self, news: list[News]) -> None:
        """Fold news of the cluster."""

    def flush(self) -> None:
        """Submit the calls that wait."""

    def lose_cluster(self, reason: str) -> None:
        """End, because the cluster is gone."""


class ImportCheck(Protocol):
    """Looks whether the workers have what the code of a task imports."""

    def check(
        self, task_name: str, code: bytes, *, workers: Collection[str], resources: Mapping[str, float] | None
    ) -> None:
        """Raise if a worker that may run the task cannot import a package of it."""


class Results(Protocol):
    """What the driver asks of the store of results."""

    def for_run(self, run_id: str) -> Store:
        """What the workers need to write results of a run, and to read them."""

    def for_cache(self) -> Cache:
        """What the workers need to find values of earlier runs."""

    def check_all(self, references: Iterable[str]) -> Mapping[str, str]:
        """Those of stored results that cannot be had, and why.

        Raises
        ------
        WfkitError : the store cannot be asked now
        """

    def read(self, reference: str) -> tuple[bytes | bytearray, Sequence[object]]:
        """The pickle of a stored result and its buffers, verified and not unpickled.

        Raises
        ------
        ResultLost : it cannot be had
        """

    def load(self, reference: str) -> object:
        """A stored result.

        Raises
        ------
        ResultLost : it cannot be had
        """


class Engine:
    """Runs flows on one Dask client.

    Parameters
    ----------
    client : distributed.Client
        Synchronous and connected.
    no_workers_timeout_s : float
        A run that no worker could go on with for so long is interrupted.
    imports : ImportCheck, optional
        Looks whether the workers have the packages of a task.
    results : Results, optional
        The store of results; without it they are in cluster memory only.
    most_result_bytes : float
        A larger result is not stored.

    Raises
    ------
    ClusterUnusable : wfkit's plugins cannot be installed in the cluster
    """

    def __init__(
        self,
        client: Client,
        no_workers_timeout_s: float = 600.0,
        imports: ImportCheck | None = None,
        results: Results | None = None,
        most_result_bytes: float = inf,
    ) -> None:
        self.cluster = Cluster(client)
        self.imports = imports
        self.results = results
        self.most_result_bytes = most_result_bytes
        self.no_workers_timeout_s = no_workers_timeout_s
        self._runs: dict[RunId, Driven] = {}
        #: Runs that have ended; results that are lost later are made again, and tasks then ask what is known of others.
        self._ended: WeakValueDictionary[RunId, Driven] = WeakValueDictionary()
        self._inbox: deque[tuple[RunId, list[News]]] = deque()
        #: Runs with calls that wait: when they are flushed, and when at the latest.
        self._due: dict[RunId, tuple[float, float]] = {}
        self._attended: set[RunId] = set()
        #: What is done later: when, and a number that keeps the order.
        self._later: list[tuple[float, int, Driven, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._durations: dict[str, Durations] = {}
        self._wake = threading.Event()
        self._closing = False
        self._lost_since_s: float | None = None
        self._thread = threading.Thread(target=self._work, name="wfkit-driver", daemon=True)
        self._thread.start()

    def open(self, run: Driven) -> None:
        """Take part in a run: flush its calls."""
        self._runs[run.id] = run

    def attend(self, run_id: RunId) -> None:
        """Hear the news of a run from now on.

        Called right before its first batch, and not when it opens: Dask's client holds back for 10 ms what comes after
        a message, so the first batch must go with these.
        """
        if run_id in self._attended:
            return
        self._attended.add(run_id)

        def hear(event: tuple[float, list[News]]) -> None:
            self._inbox.append((run_id, event[1]))
            self._wake.set()

        self.cluster.subscribe(topic(run_id), hear)
        self.cluster.tell("lease", run=run_id, keys=[])

    def rest(self, run_id: RunId) -> None:
        """The run has ended: its news are heard as long as anybody has it."""
        run = self._runs.pop(run_id, None)
        if run is not None and run_id in self._attended:
            self._ended[run_id] = run
            finalize(run, self._inbox.append, (run_id, [])).atexit = False  # in any thread; the engine's does the rest

    def _forget(self, run_id: RunId) -> None:
        if run_id in self._attended:
            self._attended.discard(run_id)
            if self.cluster.status == "running":
                self.cluster.unsubscribe(topic(run_id))

    def flush_soon(self, run_id: RunId) -> None:
        """Flush the calls of a run when no more have come for `FLUSH_S`, after `LATEST_FLUSH_S` at the latest."""
        now_s = time.monotonic()
        known = self._due.get(run_id)
        latest_s = now_s + LATEST_FLUSH_S if known is None else known[1]
        self._due[run_id] = (min(now_s + FLUSH_S, latest_s), latest_s)
        if known is None:
            self._wake.set()

    def call_later(self, run: Driven, seconds: float, work: Callable[[], None]) -> None:
        """Have the engine's thread do something for a run after a while."""
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._numbers), run, work))
        self._wake.set()

    def durations(self, code_id: str) -> Durations:
        """How long a function takes, as far as it was executed on this cluster."""
        known = self._durations.get(code_id)
        if known is None:
            known = self._durations[code_id] = Durations()
        return known

    def close(self) -> None:
        """Stop the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join(5)

    def _work(self) -> None:
        while not self._closing:
            due_s = min((due for due, _ in list(self._due.values())), default=inf)
            due_s = min(due_s, self._later[0][0] if self._later else inf) - time.monotonic()
            self._wake.wait(max(0.0, min(due_s, _CHECK_S)))
            self._wake.clear()
            self._take_news()
            self._do_later()
            self._flush_due()
            self._watch_cluster()

    def _take_news(self) -> None:
        while self._inbox:
            run_id, news = self._inbox.popleft()
            while self._inbox and self._inbox[0][0] == run_id:
                news = news + self._inbox.popleft()[1]
            run = self._runs.get(run_id) or self._ended.get(run_id)
            if run is not None:
                self._guard(run, partial(run.take, news))
            else:
                self._forget(run_id)

    def _do_later(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            _, _, run, work = heapq.heappop(self._later)
            self._guard(run, work)

    def _flush_due(self) -> None:
        now_s = time.monotonic()
        for run_id in [run_id for run_id, (due_s, _) in list(self._due.items()) if due_s <= now_s]:
            del self._due[run_id]
            if (run := self._runs.get(run_id)) is not None:
                self._guard(run, run.flush)

    def _guard(self, run: Driven, work: Callable[[], None]) -> None:
        """Keep the thread alive: a fault in one run ends that run, not the others."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - reported as the run's end
            with suppress(Exception):  # the run has ended, though not all its nodes could be
                run.lose_cluster(redacted(f"a fault in wfkit: {type(error).__name__}: {error}"))

    def _watch_cluster(self) -> None:
        status = self.cluster.status
        if status == "running":
            self._lost_since_s = None
            return
        now_s = time.monotonic()
        self._lost_since_s = self._lost_since_s or now_s
        if status == "closed" or now_s - self._lost_since_s > LOST_AFTER_S:
            for run in list(self._runs.values()):
                run.lose_cluster("the Dask scheduler is gone")
