"""Our own local cluster: processes on this machine, on loopback only, out of reach of the notebook's interrupts."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from wfkit import errors
from wfkit.authoring.whereabouts import import_path, working_folder
from wfkit.clusters.loading import load_distributed

START_TIMEOUT_S: Final = 60.0

#: The kernel's search path replaces the host's, so that both import the same modules.
_BOOT: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); from wfkit.clusters.host import main; main()"
)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """Size and habits of a local cluster.

    Parameters
    ----------
    n_workers, threads_per_worker : int, optional
        Chosen by the number of cores where not given (`wfkit.clusters.host.size`): 2 cores make 2 workers of 2 threads.
    memory_limit : str or None
        Of one worker: "auto" (an equal share of the machine), a size such as "2 GB", or "none".
    worker_saturation : float
        How far ahead Dask sends tasks to a worker. Measured on 2 cores with 10,000 no-op tasks: 2,200 tasks/s with
        inf, 440 with Dask's 1.1, which feeds workers one round trip at a time. What 1.1 buys (less memory, because a
        pipeline does not run level by level) wfkit gets from its own priorities.
    dashboard : bool
        Serve Dask's bokeh dashboard. Costs 0.3 to 0.6 s of start and 20 MB.
    """

    n_workers: int | None = None
    threads_per_worker: int | None = None
    memory_limit: str | None = "auto"
    worker_saturation: float = math.inf
    dashboard: bool = False


class OwnedCluster:
    """A cluster that `start_local` made, and that this process may close.

    Attributes
    ----------
    address, scheduler_address : str
        Where a client connects.
    n_workers, threads_per_worker, memory_limit_bytes : int
        Its size; a limit of 0 bytes is no limit.
    dashboard_link : str or None
    """

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket, facts: dict[str, Any]) -> None:
        self._process = process
        self._channel = channel
        self._owner = os.getpid()
        self.address: str = facts["address"]
        self.n_workers: int = facts["n_workers"]
        self.threads_per_worker: int = facts["threads_per_worker"]
        self.memory_limit_bytes: int = facts["memory_limit_bytes"]
        self.dashboard_link: str | None = facts["dashboard_link"]

    @property
    def scheduler_address(self) -> str:
        """The address, under the name that Dask's clusters give it."""
        return self.address

    @property
    def pid(self) -> int:
        """Of the host, the process that holds the scheduler and starts the workers."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the host process still runs; one that is killed is hung up a moment before it has ended."""
        return self._process.poll() is None and not _is_hung_up(self._channel)

    def close(self, timeout: float = 6.0) -> None:
        """End the cluster and every process that its tasks have left behind. May be called again."""
        if os.getpid() != self._owner:
            return  # a process forked from the kernel must not end the kernel's cluster
        with suppress(OSError):
            self._channel.sendall(b"close\n")
        _end(self._process, self._channel, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "" if self.alive else ", closed"
        return f"<local cluster {self.address}: {self.n_workers} workers x {self.threads_per_worker} threads{state}>"


def start_local(options: LocalOptions | None = None, *, timeout: float = START_TIMEOUT_S) -> OwnedCluster:
    """Start a cluster of processes on this machine and wait until its workers are there.

    Measured from here to the first result of a task, on 2 cores: 0.9 to 1.2 s, the client's import of Dask included.

    Raises
    ------
    ClusterUnusable : it did not start, or not within `timeout` seconds
    """
    ours, theirs = socket.socketpair()
    try:
        process = _launch(theirs)
    except OSError as error:
        ours.close()
        raise errors.ClusterUnusable(
            f"The local cluster cannot start: {error}.",
            "Is Python installed completely, and does the machine allow another process?",
        ) from error
    finally:
        theirs.close()
    try:
        ours.sendall(json.dumps(_request(options or LocalOptions())).encode() + b"\n")
        facts = _answer(ours, timeout)
    except OSError as error:  # the host is gone
        _end(process, ours, timeout=0)
        raise _ended_early() from error
    except BaseException:
        _end(process, ours, timeout=0)
        raise
    return OwnedCluster(process, ours, facts)


def _ended_early() -> errors.ClusterUnusable:
    return errors.ClusterUnusable(
        "The local cluster ended while it started.",
        "Run `python -c 'import distributed'` in a terminal: Dask may be broken, or memory short.",
    )


def _launch(channel: socket.socket) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    # Workers must agree on the hash of a string; and freed memory goes back to the system (both as Dask sets them).
    environment["PYTHONHASHSEED"] = "6640"
    environment.setdefault("MALLOC_TRIM_THRESHOLD_", "65536")
    # From their first line on; `worker_setup.be_quiet` then moves warnings out of the notebook too.
    environment.setdefault("DASK_LOGGING__DISTRIBUTED", "warning")
    # The notebook's inline backend draws into a cell; workers have none.
    if environment.get("MPLBACKEND", "").startswith("module://"):
        environment["MPLBACKEND"] = "agg"
    quiet = ["-W", "ignore::UserWarning:multiprocessing.resource_tracker"]
    return subprocess.Popen(
        [sys.executable, "-P", *quiet, "-c", _BOOT, json.dumps(import_path())],
        cwd=working_folder() or tempfile.gettempdir(),
        stdin=channel.fileno(),
        start_new_session=True,
        env=environment,
    )


def _request(options: LocalOptions) -> dict[str, Any]:
    request = asdict(options)
    # What the user has told Dask in this notebook holds for our cluster too, as far as it is plain data.
    dask_config = sys.modules.get("dask.config")
    # A module that another thread imports right now has no settings of a user yet, and maybe no `config` either.
    settings = dict(getattr(dask_config, "config", {}))
    request["dask_config"] = {key: value for key, value in settings.items() if _is_plain(value)}
    return request


def _is_plain(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _answer(channel: socket.socket, timeout: float) -> dict[str, Any]:
    deadline = time.monotonic() + timeout
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([channel], [], [], left)[0]:
            raise errors.ClusterUnusable(
                f"The local cluster did not start within {timeout:.0f} s.",
                "Ask for fewer workers (cluster.n_workers), or look at what loads the machine.",
            )
        part = channel.recv(65536)
        if not part:
            raise _ended_early()
        line += part
    facts: dict[str, Any] = json.loads(line)
    if "error" in facts:
        raise errors.ClusterUnusable(
            f"The local cluster cannot start: {facts['error']}.",
            "Look at the settings `cluster.*` in wfkit.toml, WFKIT_CLUSTER_* and at Dask's own configuration.",
        )
    return facts


def _is_hung_up(channel: socket.socket) -> bool:
    try:
        return not channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _end(process: subprocess.Popen[bytes], channel: socket.socket, timeout: float) -> None:
    """Wait for the host to end; closing the channel ends it the hard way, and killing it is the last resort."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout)
    channel.close()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class BackgroundStart:
    """A local cluster that starts while the caller goes on. Safe to use from any thread.

    Parameters
    ----------
    options : LocalOptions, optional
    """

    def __init__(self, options: LocalOptions | None = None) -> None:
        self.options = options or LocalOptions()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._closed = False
        self._cluster: OwnedCluster | None = None
        self._error: errors.ClusterUnusable | None = None
        threading.Thread(target=self._start, name="wfkit-cluster-start", daemon=True).start()
        # The client needs Dask in this process: load it while the cluster starts.
        threading.Thread(target=_warm_up, name="wfkit-import", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether `cluster()` answers (or raises) at once."""
        return self._done.is_set()

    def cluster(self, timeout: float = START_TIMEOUT_S) -> OwnedCluster:
        """The started cluster; waits for it.

        Raises
        ------
        ClusterUnusable : the start failed, is not done within `timeout` seconds, or was given up by `close`
        """
        if not self._done.wait(timeout):
            raise errors.ClusterUnusable(
                f"The local cluster has not started within {timeout:.0f} s.", "Try again, or ask for fewer workers."
            )
        with self._lock:
            if self._error is not None:
                raise errors.ClusterUnusable(self._error.what, self._error.fix) from self._error
            if self._cluster is None or self._closed:
                raise errors.ClusterUnusable("The local cluster is closed.", "Start another: `wfkit.connect()`.")
            return self._cluster

    def close(self) -> None:
        """Close the cluster, or give up its start. Does not wait for a start that is under way."""
        with self._lock:
            self._closed = True
            cluster = self._cluster
        if cluster is not None:
            cluster.close()

    def _start(self) -> None:
        try:
            cluster = start_local(self.options)
        except errors.ClusterUnusable as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - kept, and raised where somebody can see it
            self._error = errors.ClusterUnusable(f"The local cluster cannot start: {error!r}.")
        else:
            with self._lock:
                self._cluster, closed = cluster, self._closed
            if closed:
                cluster.close()
        finally:
            self._done.set()


def _warm_up() -> None:
    with suppress(Exception):
        load_distributed()
