"""Prefect 3: a mapped no-op task, on its Dask runner or its threads; prints JSON. Runs in an environment of its own.

A Prefect server of our own on loopback keeps the record: without one, every worker process starts a server for itself.
"""

# Prefect is not in the environment that checks types.
# mypy: disable-error-code="import-not-found, untyped-decorator, no-untyped-call"

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

RUNNERS = {"dask": "its Dask runner", "threads": "its thread runner"}
START_S = 120.0


@contextmanager
def server() -> Iterator[None]:
    """A server on a free port of loopback, and the environment that leads this process and its workers to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    try:
        wait_for(f"http://127.0.0.1:{port}/api/health")
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def measure(runner: str, tasks: int) -> dict[str, object]:
    """Tasks a second, from the call of `.map` to the last value; the start of flow and cluster is not counted."""
    import prefect
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    if runner == "dask":
        from prefect_dask import DaskTaskRunner

        # Workers as wfkit's local cluster makes them on a machine of 2 cores.
        size = {"n_workers": 2, "threads_per_worker": 2, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        task_runner = DaskTaskRunner(cluster_kwargs=size)
    else:
        task_runner = ThreadPoolTaskRunner(max_workers=4)

    @task
    def increment(number: int) -> int:
        return number + 1

    @flow(task_runner=task_runner)
    def mapped(length: int) -> float:
        increment.map(range(20)).result()
        begin_s = time.perf_counter()
        values = increment.map(range(length)).result()
        seconds = time.perf_counter() - begin_s
        assert values == list(range(1, length + 1))
        return seconds

    return {"system": f"Prefect {prefect.__version__}, {RUNNERS[runner]}", "tasks_per_s": tasks / mapped(tasks)}


if __name__ == "__main__":
    with server():
        answer = measure(sys.argv[1], int(sys.argv[2]))
    print(json.dumps(answer), flush=True)
