"""Host: the process that owns the scheduler and the workers of our local cluster.

The cluster lives in a process (and session) of its own instead of in the kernel, for five reasons:

- An interrupt of the kernel is a signal to the kernel's process group. The host left that group before its first
  instruction, so there is no moment, start included, in which an interrupt can hit a worker.
- Dask's settings, its environment variables and its log handlers are global to a process. Here they are ours; the
  notebook's stay as they were, and a worker that is restarted an hour later gets the same ones.
- A cell that holds the interpreter lock for 30 s would starve a scheduler inside the kernel, which would then count
  all its workers as lost.
- Workers never import the user's `__main__`, so a script needs no `if __name__ == "__main__":`.
- When the kernel dies, however it dies, this process notices and takes everything in its session with it: workers
  that are stuck in C code, and processes that tasks have started.

The kernel talks to it through one socket pair: a line of JSON in (what to start), a line out (where it is, or why
not), then "close"; the end of the stream means that the kernel is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import math
import os
import platform
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any, Final, NoReturn

import psutil  # type: ignore[import-untyped]  # no types shipped

LOOPBACK: Final = "127.0.0.1"
#: How often the host looks for a dead kernel and for lost workers.
KERNEL_CHECK_S: Final = 0.5
WORKER_CHECK_S: Final = 5.0
CLOSE_S: Final = 3.0
#: Up to here, every core has a worker of its own.
MANY_CORES: Final = 8

SETTINGS: Final[dict[str, object]] = {
    "distributed.scheduler.worker-ttl": "30 s",
    # Tasks that nothing can run wait: wfkit's side of the scheduler says so, and the run decides for how long.
    "distributed.scheduler.no-workers-timeout": None,
    # On a loaded machine a restart can take longer than Dask's 15 s, after which the worker is given up for good.
    "distributed.deploy.lost-worker-timeout": "60 s",
    # For those who look for a fault in Dask. Each connection keeps so many messages: of a busy run, 0.1 MB each.
    "distributed.admin.low-level-log-length": 10,
}


def main() -> NoReturn:
    """Start the cluster that the kernel asks for, keep it healthy, and end with the kernel."""
    channel = take_channel()
    request = json.loads(read_line(channel))
    closing = threading.Event()
    threading.Thread(target=watch_kernel, args=(channel, os.getppid(), closing), daemon=True).start()
    try:
        start_forking()
        cluster, facts = start_cluster(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, the kernel raises it where the user can see it
        answer(channel, {"error": "; because of ".join(map(repr, chain(error)))})
        end_session()
    answer(channel, facts)
    while not closing.wait(WORKER_CHECK_S) and cluster.scheduler.status.name == "running":
        # Dask forgets a worker whose restart failed; asking for the same size again brings it back.
        with contextlib.suppress(Exception):
            cluster.scale(facts["n_workers"])
    with contextlib.suppress(Exception):
        cluster.close(timeout=CLOSE_S)
        # Removes Dask's scratch folders. Should it hang: the kernel lets go, and `watch_kernel` ends the session.
        atexit._run_exitfuncs()
    end_session()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes: Dask wraps what matters into "Nanny failed to start"."""
    while error is not None:
        yield error
        error = error.__cause__


def take_channel() -> socket.socket:
    """Take the socket that came as standard input to a place where workers do not inherit it."""
    channel = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return channel


def read_line(channel: socket.socket) -> bytes:
    """The kernel's request."""
    line = b""
    while not line.endswith(b"\n"):
        if not (part := channel.recv(65536)):
            end_session()
        line += part
    return line


def answer(channel: socket.socket, facts: dict[str, Any]) -> None:
    """Tell the kernel; if it is gone, `watch_kernel` sees to that."""
    with contextlib.suppress(OSError):
        channel.sendall(json.dumps(facts).encode() + b"\n")


def watch_kernel(channel: socket.socket, kernel_pid: int, closing: threading.Event) -> None:
    """End the session when the kernel is gone; set `closing` when it asks for an orderly end.

    The parent is looked at too, because a process that the user's code forked from the kernel holds the socket open.
    """
    while True:
        readable, _, _ = select.select([channel], [], [], KERNEL_CHECK_S)
        if os.getppid() != kernel_pid or (readable and not heard(channel)):
            end_session()
        if readable:
            closing.set()


def heard(channel: socket.socket) -> bool:
    """Whether the kernel has said something, rather than gone."""
    try:
        return bool(channel.recv(1024))
    except OSError:
        return False


def start_forking() -> None:
    """Start the process that workers are forked from.

    It imports Dask while we do, so workers start together in 0.1 s, restart as quickly, and share its memory
    (measured: 20 MB a worker instead of 45).
    """
    if sys.platform != "linux":
        return
    import multiprocessing
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload(["distributed", "distributed.nanny"])
    forkserver.ensure_running()


def start_cluster(request: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Start scheduler and workers as requested; the cluster, and what the kernel needs to know of it."""
    import dask.config
    import distributed.utils
    from dask.system import CPU_COUNT
    from dask.utils import parse_bytes
    from distributed import Scheduler
    from distributed.deploy.spec import SpecCluster
    from distributed.system import MEMORY_LIMIT

    from wfkit.clusters import profiler
    from wfkit.clusters.nanny import ReapingNanny
    from wfkit.clusters.worker_setup import be_quiet, collect_less

    dask.config.update(dask.config.config, request["dask_config"])
    dask.config.set(SETTINGS)
    dask.config.set({"distributed.scheduler.worker-saturation": request["worker_saturation"]})
    if math.isinf(request["worker_saturation"]):
        # Without its queue, all that Dask makes of root tasks is to give neighbours to one worker, by how many tasks of
        # that name it holds: the second map of a task went to one worker alone (1.1 s instead of 0.6). Now it levels.
        dask.config.set({"distributed.scheduler.rootish-taskgroup": 0})
    # It looks at all threads every 10 ms: a sixth of a worker's time, where 200 wait. Only the dashboard shows it.
    is_profiled = bool(request["dashboard"]) and not profiler.may_hang(platform.python_version())
    dask.config.set({profiler.SETTING: is_profiled})
    # What uses a larger result goes to the worker that has it; the others wait for work until they may take some of it.
    dask.config.set({"distributed.scheduler.work-stealing-interval": "100ms"})
    if sys.platform == "linux":
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
        # We chose what is loaded before the fork; Dask's own choice also loads NumPy and pandas where they exist.
        distributed.utils._forkserver_preload_set = True
    be_quiet()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    n_workers, threads = size(CPU_COUNT, request["n_workers"], request["threads_per_worker"])
    match request["memory_limit"]:
        case "auto":
            memory = MEMORY_LIMIT // n_workers
        case None | "none":
            memory = 0
        case text:
            try:
                memory = parse_bytes(text)
            except (KeyError, ValueError):
                message = f"memory_limit is {text!r}; it must be 'auto', a size such as '2 GB', or 'none'"
                raise ValueError(message) from None
    preload = [*dask.config.get("distributed.worker.preload"), "wfkit.clusters.worker_setup"]
    worker = {
        "cls": ReapingNanny,
        "options": {
            "host": LOOPBACK,
            "nthreads": threads,
            "memory_limit": memory,
            "dashboard": False,
            "preload": preload,
        },
    }
    dashboard = bool(request["dashboard"])
    # Dask serves /health and /json without a dashboard too; without an address it would want port 8787 for them.
    scheduler = {
        "cls": Scheduler,
        "options": {"host": LOOPBACK, "port": 0, "dashboard": dashboard, "dashboard_address": f"{LOOPBACK}:0"},
    }
    cluster = SpecCluster(  # type: ignore[no-untyped-call]  # distributed is typed in part
        name="wfkit", scheduler=scheduler, worker=worker, workers=dict.fromkeys(range(n_workers), worker)
    )
    collect_less()
    facts = {
        "address": cluster.scheduler_address,
        "n_workers": n_workers,
        "threads_per_worker": threads,
        "memory_limit_bytes": memory,
        "dashboard_link": cluster.dashboard_link if dashboard else None,
    }
    return cluster, facts


def size(cores: int, n_workers: int | None, threads: int | None) -> tuple[int, int]:
    """How many workers, and how many threads each.

    Unless told otherwise: a worker a core up to 8, since most tasks hold the interpreter lock; beyond that their
    number grows with the square root and threads take the rest. At least two threads each, so that a task which waits
    for a database or a download does not idle a core (no-op throughput with one and two threads is the same within
    noise).
    """
    if n_workers is None and threads is not None:
        n_workers = max(1, cores // threads)
    elif n_workers is None:
        n_workers = cores if cores <= MANY_CORES else max(MANY_CORES, math.isqrt(cores * 2))
    if threads is None:
        threads = max(2, math.ceil(cores / n_workers))
    return n_workers, threads


def end_session() -> NoReturn:
    """Kill every process of this session (workers, and what tasks have started), then leave."""
    # The tracker of semaphores ends by itself when all others are gone, after it has removed their semaphores.
    spared = {os.getpid(), getattr(resource_tracker._resource_tracker, "_pid", None)}
    session = os.getsid(0)
    for _ in range(20):
        mine = [pid for pid in psutil.pids() if pid not in spared and session_of(pid) == session and not is_zombie(pid)]
        if not mine:
            break
        for pid in mine:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    os._exit(0)


def session_of(pid: int) -> int | None:
    """The session of a process; None if it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits to be collected."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True
