"""Connect: from what a user names (an address, a client, a cluster) to a Dask client, and who may close it."""

from __future__ import annotations

import logging
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wfkit import errors

if TYPE_CHECKING:
    from distributed import Client

CONNECT_TIMEOUT_S: Final = 10.0

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
        return Connection(_new_client(_checked_address(target), target, timeout), owns_client=True)
    address = getattr(target, "scheduler_address", None)
    if isinstance(address, str) and address:
        if getattr(target, "asynchronous", False):
            raise errors.ClusterUnusable(
                f"The cluster {address} is asynchronous, so it cannot be waited for.", _ASYNC_FIX
            )
        # The cluster itself and not its address: it knows the certificates, or the gateway, to go through.
        return Connection(_new_client(target, address, timeout), owns_client=True, cluster=target)
    if hasattr(target, "scheduler_address"):
        raise errors.ClusterUnusable(
            f"The cluster {type(target).__name__} is closed or has not started.", "Start it first."
        )
    raise errors.ClusterUnusable(
        f"Cannot connect to {target!r:.100} ({type(target).__name__}).",
        "Pass an address such as 'tcp://host:8786', a Dask client, or a Dask cluster.",
    )


def current_client() -> Client | None:
    """The notebook's current Dask client, if there is one that is open and synchronous.

    Answers without importing Dask: where nobody has, there is no client.
    """
    import sys

    module = sys.modules.get("distributed.client")
    if module is None:
        return None
    client = module._get_global_client()
    return client if client is not None and is_usable(client) else None


def is_usable(client: Client) -> bool:
    """Whether a client is open and synchronous."""
    return client.status in {"running", "connecting"} and not client.asynchronous


def check_client(client: Client) -> Client:
    """The client itself, if it can be used."""
    if client.status not in {"running", "connecting"}:
        raise errors.ClusterUnusable(
            f"The Dask client is {client.status}.", "Make a new one, or run without: wfkit starts its own cluster."
        )
    if client.asynchronous:
        raise errors.ClusterUnusable("The Dask client is asynchronous, so it cannot be waited for.", _ASYNC_FIX)
    return client


def _checked_address(address: str) -> str:
    """Refuse at once what cannot be an address; Dask would take 'local' for a host and look for it until the timeout."""
    text = address.strip()
    _, _, place = text.rpartition("://")
    if not place or any(c.isspace() for c in text) or (":" not in place and "://" not in text):
        raise errors.ClusterUnusable(
            f"{address!r} is no address of a Dask scheduler.", "It looks like 'tcp://host:8786' or 'host:8786'."
        )
    return text


def _new_client(target: Any, address: str, timeout: float) -> Client:
    from distributed import Client

    try:
        return Client(target, timeout=timeout, set_as_default=False, name="wfkit")  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        raise errors.ClusterUnusable(
            f"No Dask scheduler answers at {address} (waited at most {timeout:g} s): {_first_line(error)}.",
            "Is the address right and the cluster running? Without `wfkit.connect`, wfkit starts its own.",
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _silence(undo: ExitStack) -> None:
    """While a client of our own cluster is open, Dask writes no log lines below CRITICAL into the notebook.

    As `LocalCluster(silence_logs=…)` does for its clusters; what is wrong with ours, wfkit says itself.
    """
    from distributed.utils import silence_logging_cmgr

    undo.enter_context(silence_logging_cmgr(logging.CRITICAL))
