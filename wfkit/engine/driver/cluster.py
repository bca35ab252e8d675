"""Cluster: the few things that the driver asks of a Dask client; distributed's untyped calls end here."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from distributed import Future

from wfkit.engine.scheduler.plugin import SchedulerSide
from wfkit.engine.worker.side import WorkerSide
from wfkit.errors import ClusterUnusable

if TYPE_CHECKING:
    from distributed import Client

#: Submissions count as one for Dask's first-in-first-out rule, so that their own order decides.
_FIFO: Final = "1h"


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

    def map(
        self, function: Callable[..., object], *columns: Sequence[object], keys: list[str], **options: object
    ) -> list[Future[Any]]:
        """Submit one task per row of the columns; earlier rows go first."""
        with warnings.catch_warnings():
            # Dask advises to scatter large inputs; ours are frozen and travel once.
            warnings.filterwarnings("ignore", message="Sending large graph")
            futures = self._dask.map(function, *columns, key=keys, pure=False, fifo_timeout=_FIFO, **options)
        return cast("list[Future[Any]]", futures)

    def submit(self, function: Callable[..., object], *args: object, key: str) -> Future[Any]:
        """Submit one task."""
        return cast("Future[Any]", self._dask.submit(function, *args, key=key, pure=False))

    def future(self, key: str) -> Future[Any]:
        """A future of a key that this client has submitted."""
        return Future(key, self._dask)

    def gather(self, keys: Sequence[str]) -> list[object]:
        """Fetch the values of keys that this client has submitted.

        Raises
        ------
        LookupError : the cluster was restarted since; Dask itself would wait for ever
        """
        if any(key not in self._dask.futures for key in keys):
            raise LookupError("the cluster was restarted")
        return cast("list[object]", self._dask.gather([self.future(key) for key in keys]))

    def subscribe(self, topic: str, hear: Callable[[Any], None]) -> None:
        """Have `hear` called, from the client's own thread, for what is published under a topic."""
        self._dask.subscribe_topic(topic, hear)

    def unsubscribe(self, topic: str) -> None:
        """End a subscription."""
        self._dask.unsubscribe_topic(topic)
