"""Facts: what a connected cluster consists of, and what wfkit cannot promise for one that it did not start."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wfkit.clusters.connect import loose_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distributed import Client

_GROUP_FIX: Final = "start it after `dask.config.set({'distributed.worker.preload': ['wfkit.clusters.worker_setup']})`"
_SOCKET_FIX: Final = "start it with `host='127.0.0.1', dashboard_address='127.0.0.1:0'`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """What a cluster consists of.

    Attributes
    ----------
    memory_bytes : int
        The sum of the workers' limits; 0 where they have none.
    caution : str
        One line that says what is not guaranteed here and which setting mends it; empty for our own cluster.
    """

    address: str
    workers: int
    threads: int
    memory_bytes: int
    dashboard_link: str | None
    owned: bool
    caution: str = ""


def describe(client: Client, *, owned: bool) -> ClusterFacts:
    """Look at the cluster behind a client.

    Parameters
    ----------
    client : distributed.Client
        Open and synchronous.
    owned : bool
        Whether wfkit started the cluster.
    """
    info = client.scheduler_info(n_workers=-1)
    workers = info["workers"]
    has_dashboard = not owned or bool(getattr(client.cluster, "dashboard_link", None))
    return ClusterFacts(
        address=str(info["address"]),
        workers=len(workers),
        threads=sum(int(worker["nthreads"]) for worker in workers.values()),
        memory_bytes=sum(int(worker["memory_limit"] or 0) for worker in workers.values()),
        dashboard_link=client.dashboard_link if has_dashboard else None,
        owned=owned,
        caution="" if owned else _caution(client, info),
    )


def _caution(client: Client, info: dict[str, Any]) -> str:
    """What an adopted cluster does not guarantee, in one line."""
    local = client.cluster if hasattr(client.cluster, "scheduler") else None
    found = []
    if local is not None and _in_our_group(_worker_pids(local)):
        found.append(f"an interrupt of the kernel also stops its workers ({_GROUP_FIX})")
    if open_at := sorted(_reachable(local, info)):
        found.append(f"it listens beyond this machine at {', '.join(open_at[:3])} ({_SOCKET_FIX})")
    if local is None and not found:
        found.append("what an interrupt does to its workers and who can reach it is up to its owner")
    found += loose_settings(client)
    return f"wfkit did not start this cluster: {'; '.join(found)}." if found else ""


def _worker_pids(cluster: Any) -> list[int]:
    """Process ids of the workers of a cluster whose nannies live in this process."""
    workers = getattr(cluster, "workers", None)
    if not isinstance(workers, dict):
        return []
    return [pid for worker in workers.values() if isinstance(pid := getattr(worker, "pid", None), int)]


def _in_our_group(pids: Iterable[int]) -> bool:
    if not hasattr(os, "getpgid"):
        return False
    for pid in pids:
        with suppress(OSError):
            if os.getpgid(pid) == os.getpgid(0):
                return True
    return False


def _reachable(cluster: Any, info: dict[str, Any]) -> set[str]:
    """Addresses of the cluster, as far as we can see them, that other machines can reach."""
    seen = {str(info["address"]), *map(str, info["workers"])}
    for server in (getattr(cluster, "scheduler", None), *getattr(cluster, "workers", {}).values()):
        if (http := getattr(server, "http_server", None)) is not None:
            seen.add(f"{http.address}:{http.port}")
    return {address for address in seen if not _is_loopback(address)}


def _is_loopback(address: str) -> bool:
    scheme, _, place = address.rpartition("://")
    if scheme == "inproc":
        return True
    host = place.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
