"""Connect: from what a user names (an address, a client, a cluster) to a Dask client, and who may close it."""

from __future__ import annotations

import logging
import socket
import struct
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wfkit import errors
from wfkit.clusters.loading import load_distributed

if TYPE_CHECKING:
    from distributed import Client, Scheduler

CONNECT_TIMEOUT_S: Final = 10.0

#: What an adopted cluster's scheduler should have: at most, at least, and at least.
TTL_S: Final = 30.0
ALLOWED_FAILURES: Final = 3
NO_WORKERS_S: Final = 600.0
SETTINGS_TIMEOUT_S: Final = 2.0
#: Dask's client keeps the messages that it sent last, for those who look for a fault in it: up to 1 MB each.
_FEW_MESSAGES: Final = {"distributed.admin.low-level-log-length": 10}

#: Schemes of addresses that are a host and a port; none is tcp.
_TCP: Final = ("", "tcp", "tls")
_GREETING: Final = struct.Struct("<Q")
_GREETING_LIMIT_BYTES: Final = 1_000_000
_ASYNC_FIX: Final = "Make a plain one without `asynchronous=True`, or pass the scheduler's address instead."


@dataclass(slots=True)
class Connection:
    """A client that is connected, and what of it is ours.

    Attributes
    ----------
    client : distributed.Client
    owns_client : bool
        We made the client, so `close` closes it. A client that the user gave is never closed.
    cluster : object or None
        The cluster object that the user or the session gave, kept alive as long as the connection.
    owns_cluster : bool
        wfkit started the cluster, so its promises about interrupts and sockets hold, and `close` closes it.
    """

    client: Client
    owns_client: bool
    cluster: Any = None
    owns_cluster: bool = False
    _undo: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether the client can still be used."""
        return is_usable(self.client)

    def close(self) -> None:
        """Close what is ours, the client before the cluster. May be called again."""
        if self.owns_client:
            with suppress(Exception):
                self.client.close(timeout=2)  # type: ignore[no-untyped-call]  # distributed is typed in part
        if self.owns_cluster:
            self.cluster.close()
        self._undo.close()


def connect(target: Any, *, timeout: float = CONNECT_TIMEOUT_S) -> Connection:
    """Connect to a running cluster.

    Parameters
    ----------
    target : str, distributed.Client, or a cluster
        A scheduler's address; a client; a Dask cluster (anything with a `scheduler_address`); or an `OwnedCluster`,
        which the connection then owns. A client that is made here never becomes the notebook's default client.
    timeout : float
        Seconds until a scheduler that does not answer counts as not there.

    Raises
    ------
    ClusterUnusable : nothing answers there, or the client is closed or asynchronous
    """
    load_distributed()
    from distributed import Client

    from wfkit.clusters.local import OwnedCluster

    if isinstance(target, Client):
        return Connection(check_client(target), owns_client=False, cluster=target.cluster)
    if isinstance(target, OwnedCluster):
        if not target.alive:
            raise errors.ClusterUnusable("The local cluster is closed.", "Start another: `wfkit.connect()`.")
        undo = ExitStack()
        _silence(undo)
        try:
            client = _new_client(target.address, target.address, timeout)
        except BaseException:
            undo.close()
            raise
        return Connection(client, owns_client=True, cluster=target, owns_cluster=True, _undo=undo)
    if isinstance(target, str):
        address = _checked_address(target)
        _probe(address, timeout)
        return Connection(_new_client(address, address, timeout), owns_client=True)
    if hasattr(target, "scheduler_address") and hasattr(target, "status"):
        _check_cluster(target)
        # The cluster itself and not its address: it knows the certificates, or the gateway, to go through.
        return Connection(_new_client(target, target.scheduler_address, timeout), owns_client=True, cluster=target)
    raise errors.ClusterUnusable(
        f"Cannot connect to {target!r:.100} ({type(target).__name__}).",
        "Pass an address such as 'tcp://host:8786', a Dask client, or a Dask cluster.",
    )


def current_client() -> Client | None:
    """The notebook's current Dask client, if there is one that is open and synchronous.

    Answers without importing Dask: where nobody has, there is no client.
    """
    if "distributed.client" not in sys.modules:
        return None
    load_distributed()  # which another thread may be at
    from distributed.client import _get_global_client

    client = _get_global_client()
    return client if client is not None and is_usable(client) else None


def is_usable(client: Client) -> bool:
    """Whether a client is open and synchronous."""
    return client.status in {"running", "connecting"} and not _is_asynchronous(client)


def check_client(client: Client) -> Client:
    """The client itself, if it can be used."""
    if _is_asynchronous(client):
        raise errors.ClusterUnusable("The Dask client is asynchronous, so it cannot be waited for.", _ASYNC_FIX)
    if not is_usable(client):
        raise errors.ClusterUnusable(
            f"The Dask client is {client.status}.", "Make a new one, or run without: wfkit starts its own cluster."
        )
    return client


def loose_settings(client: Client) -> list[str]:
    """What the scheduler's settings make weaker than wfkit's own cluster; each with the setting that mends it."""
    dask: Any = client
    try:
        ttl_s, failures, no_workers_s = dask.sync(
            dask._run_on_scheduler, _settings, callback_timeout=SETTINGS_TIMEOUT_S
        )
    except Exception:  # noqa: BLE001 - a scheduler that runs no functions keeps its settings to itself
        return []
    found = []
    if ttl_s is None or ttl_s > TTL_S:
        when = "never" if ttl_s is None else f"only after {ttl_s:g} s"
        found.append(f"a worker that hangs is replaced {when} (`distributed.scheduler.worker-ttl: {TTL_S:g} s`)")
    if failures < ALLOWED_FAILURES:
        died = "a worker" if failures == 0 else f"{failures + 1} workers"
        found.append(
            f"tasks are given up when {died} died with them, even if they only waited there"
            f" (`distributed.scheduler.allowed-failures: {ALLOWED_FAILURES}`)"
        )
    if no_workers_s is not None and no_workers_s < NO_WORKERS_S:
        found.append(
            f"tasks fail when no worker can run them for {no_workers_s:g} s"
            " (`distributed.scheduler.no-workers-timeout: null`)"
        )
    return found


def _settings(dask_scheduler: Scheduler) -> tuple[float | None, int, float | None]:
    """Called on the scheduler."""
    return dask_scheduler.worker_ttl, dask_scheduler.allowed_failures, dask_scheduler.no_workers_timeout


def _is_asynchronous(client: Client) -> bool:
    """How the client was made; its `asynchronous` says only whether it is called from its own loop just now."""
    return bool(client._asynchronous or client.asynchronous)


def _check_cluster(cluster: Any) -> None:
    name = type(cluster).__name__
    if getattr(cluster, "asynchronous", False):
        raise errors.ClusterUnusable(f"The {name} is asynchronous, so it cannot be waited for.", _ASYNC_FIX)
    status = getattr(cluster.status, "name", str(cluster.status))
    if status != "running":
        raise errors.ClusterUnusable(f"The {name} is {status}, not running.", "Start one, and pass that.")


def _checked_address(address: str) -> str:
    """Refuse at once what cannot be an address; Dask would look for a host 'local' until the timeout."""
    text = address.strip()
    scheme, _, place = text.rpartition("://")
    _, _, port = place.rpartition(":")
    if not place or any(c.isspace() for c in text) or (scheme in _TCP and not port.isdigit()):
        raise errors.ClusterUnusable(
            f"{address!r} is no address of a Dask scheduler.", "It looks like 'tcp://host:8786' or 'host:8786'."
        )
    return text


def _probe(address: str, timeout: float) -> None:
    """Knock before a client is made.

    Dask's client tries a closed port again until its timeout, and waits for ever (30 s and more, whatever its timeout)
    for a server that accepts connections and says nothing, such as the web server of the dashboard. A scheduler speaks
    first: the length of its greeting, in 8 bytes. Under TLS the client does, so there only the port is tried.
    """
    scheme, _, place = address.rpartition("://")
    if scheme not in _TCP:
        return
    host, _, port = place.rpartition(":")
    deadline = time.monotonic() + timeout
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout) as knock:
            if scheme == "tls":
                return
            greeting = b""
            while len(greeting) < _GREETING.size:
                knock.settimeout(max(0.01, deadline - time.monotonic()))
                if not (part := knock.recv(_GREETING.size - len(greeting))):
                    raise ConnectionError("it hangs up on a Dask client")
                greeting += part
    except (OSError, OverflowError) as error:
        raise _no_answer(address, timeout, error) from error
    if _GREETING.unpack(greeting)[0] > _GREETING_LIMIT_BYTES:
        raise _no_answer(address, timeout, ConnectionError("what answers there is no Dask scheduler"))


def _new_client(target: Any, address: str, timeout: float) -> Client:
    from importlib.metadata import version

    import dask.config
    from distributed import Client

    try:
        with dask.config.set(_FEW_MESSAGES):
            return Client(target, timeout=timeout, set_as_default=False, name="wfkit")  # type: ignore[no-untyped-call]
    except TypeError as error:  # Dask's two sides call each other by keyword, and releases differ in these
        raise errors.ClusterUnusable(
            f"The Dask scheduler at {address} does not understand this notebook's distributed"
            f" {version('distributed')}: {_first_line(error)}.",
            "Start the cluster and the notebook from environments with the same `dask` and `distributed`.",
        ) from error
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise _no_answer(address, timeout, error) from error


def _no_answer(address: str, timeout: float, error: Exception) -> errors.ClusterUnusable:
    return errors.ClusterUnusable(
        f"No Dask scheduler answers at {address} (waited at most {timeout:g} s): {_first_line(error)}.",
        "Is the address right and the cluster running? Without `wfkit.connect`, wfkit starts its own.",
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


class _NoClientLines(logging.Filter):
    """Drops what Dask's client side logs; what is wrong with our own cluster, wfkit says itself."""

    sources = ("distributed.client", "distributed.core", "distributed.comm", "distributed.batched")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line may be shown."""
        return not record.name.startswith(self.sources)


def _silence(undo: ExitStack) -> None:
    """Keep the log lines of our client out of the notebook while it is open; other clusters' lines go on.

    A filter, and not a level as in `LocalCluster(silence_logs=…)`: levels that two clusters set and restore in turn
    end up wrong.
    """
    quiet = _NoClientLines()
    for handler in logging.getLogger("distributed").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.addFilter(quiet)
            undo.callback(handler.removeFilter, quiet)
