"""Cluster: the few things that the driver asks of a Dask client; distributed's untyped calls end here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from distributed import Future
from distributed.client import _MapExpr
from distributed.protocol.serialize import Serialized, ToPickle, serialize, to_serialize
from distributed.spans import SpanMetadata

from wfkit.engine.scheduler.plugin import SchedulerSide
from wfkit.engine.worker.fetch import is_made
from wfkit.engine.worker.side import WorkerSide
from wfkit.errors import ClusterUnusable

if TYPE_CHECKING:
    from distributed import Client

#: Submissions count as one for Dask's first-in-first-out rule, so that their own order decides.
_FIFO: Final = "1000d"
#: Workers come and go; so long the number of their threads is taken for granted.
_THREADS_KNOWN_S: Final = 5.0


class Cluster:
    """A Dask client that runs wfkit's tasks.

    Parameters
    ----------
    client : distributed.Client
        Synchronous and connected.

    Raises
    ------
    ClusterUnusable : wfkit's plugins cannot be installed in the cluster
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._dask: Any = client
        self._threads = 1
        self._threads_known_until_s = 0.0
        try:
            self._dask.register_plugin(SchedulerSide())
            self._dask.register_plugin(WorkerSide())
        except Exception as error:
            raise ClusterUnusable(
                f"wfkit cannot be set up in the cluster at {client.scheduler.address if client.scheduler else '?'}: "
                f"{type(error).__name__}: {error}.",
                "Its scheduler and workers need the same wfkit, dask and distributed as this notebook.",
            ) from error

    @property
    def status(self) -> str:
        """How the client is connected: "running", "connecting", "closing" or "closed"."""
        return str(self.client.status)

    def tell(self, operation: str, **fields: object) -> None:
        """Send an operation to the scheduler's plugin, behind everything that was submitted before."""
        self._dask._send_to_scheduler({"op": f"wfkit-{operation}", "client": self.client.id, **fields})

    def submit_all(
        self,
        function: Callable[..., object],
        columns: Sequence[Sequence[object]],
        keys: list[str],
        numbers: Sequence[int],
        **annotations: object,
    ) -> None:
        """Submit one task per row of the columns; the lowest number goes first.

        The message is the one that `Client.map` sends, without the futures that it makes: they cost the client more
        than all the rest, and a lease keeps the results.
        """
        make: Any = _MapExpr
        expr = make(function, columns, key=keys, pure=False, annotations={}, kwargs={})
        self._dask._send_to_scheduler(
            {
                "op": "update-graph",
                "expr_ser": _serialized(expr),
                "keys": set(keys),
                "internal_priority": dict(zip(keys, numbers, strict=True)),
                "submitting_task": None,
                "fifo_timeout": _FIFO,
                "actors": None,
                "code": ToPickle(()),
                "annotations": ToPickle(annotations),
                "span_metadata": ToPickle(SpanMetadata(collections=[{"type": "Future"}])),
            }
        )

    def lease(self, run: str, keys: list[str], crash_retries: Mapping[str, int]) -> None:
        """Have the cluster keep the results of keys for a run, instead of for this client."""
        self.tell("lease", run=run, keys=keys, crash_retries=dict(crash_retries))
        self._dask._send_to_scheduler({"op": "client-releases-keys", "keys": keys, "client": self.client.id})

    def submit(self, function: Callable[..., object], *args: object, key: str) -> Future[Any]:
        """Submit one task."""
        return cast("Future[Any]", self._dask.submit(function, *args, key=key, pure=False, fifo_timeout=_FIFO))

    def future(self, key: str) -> Future[Any]:
        """A future of a key that the cluster has; it keeps the result for this client too."""
        future: Future[Any] = Future(key, self._dask)
        self._dask._send_to_scheduler({"op": "client-desires-keys", "keys": [key], "client": self.client.id})
        return future

    def gather(self, keys: Sequence[str], until_s: float = math.inf) -> dict[str, Any]:
        """Fetch the values of keys; those that the cluster does not have are left out.

        Raises
        ------
        TimeoutError : it took longer, by the clock of `time.monotonic`
        """
        wanted = list(keys)
        while wanted:
            left_s = None if until_s == math.inf else max(0.0, until_s - time.monotonic())
            answer = self._dask.sync(self._dask.scheduler.gather, keys=wanted, callback_timeout=left_s)
            if answer["status"] == "OK":
                return cast("dict[str, Any]", answer["data"])
            failed = set(answer["keys"])
            wanted = [key for key in wanted if key not in failed]
        return {}

    def makes(self, keys: Sequence[str]) -> bool:
        """Whether the cluster has the values of keys, or works on them."""
        return is_made(self._dask.sync(self._dask.scheduler.get_task_status, keys=list(keys)))

    def holders(self, key: str) -> list[str]:
        """Addresses of the workers that have the value of a key."""
        found = self._dask.sync(self._dask.scheduler.who_has, keys=[key])
        return list(found.get(key) or ())

    def ask(self, worker: str, function: Callable[..., object], *args: object, timeout_s: float) -> object:
        """What a coroutine function returns in the event loop of a worker, beside its tasks.

        Raises
        ------
        Exception : its own, or the worker is gone, or the time passed first
        """
        answers = self._dask.sync(
            self._dask._run, function, *args, workers=[worker], wait=True, callback_timeout=timeout_s
        )
        return answers[worker]

    def threads(self) -> int:
        """How many threads the workers have; asked for at most every few seconds."""
        now_s = time.monotonic()
        if now_s > self._threads_known_until_s:
            self._threads_known_until_s = now_s + _THREADS_KNOWN_S
            self._threads = max(1, sum(self._dask.nthreads().values()))
        return self._threads

    def subscribe(self, topic: str, hear: Callable[[Any], None]) -> None:
        """Have `hear` called, from the client's own thread, for what is published under a topic."""
        self._dask.subscribe_topic(topic, hear)

    def unsubscribe(self, topic: str) -> None:
        """End a subscription."""
        self._dask.unsubscribe_topic(topic)


def _serialized(thing: object) -> object:
    wrap: Any = to_serialize
    make: Any = Serialized
    return make(*serialize(wrap(thing), on_error="raise"))
