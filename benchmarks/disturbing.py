"""Disturbing: workers of a running cluster that come and go while a run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.fresh import ROOT

_COME_AND_GO_S: Final = 60.0


@contextmanager
def worker_killed(client: Any, _address: str, after_s: float) -> Iterator[None]:
    """Kill one worker process; afterwards wait until its nanny has started another."""
    pids = client.run(os.getpid)
    with _later(after_s, lambda: os.kill(min(pids.values()), signal.SIGKILL)):
        yield
    _until(lambda: len(client.nthreads()) == len(pids) and min(pids.values()) not in client.run(os.getpid).values())


@contextmanager
def worker_added(client: Any, address: str, after_s: float) -> Iterator[None]:
    """Start another worker of two threads; afterwards end it."""
    before = len(client.nthreads())
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "2", "--no-nanny"]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        quiet = subprocess.DEVNULL
        command_here = [*command, "--no-dashboard", "--host", "127.0.0.1"]
        started.append(subprocess.Popen(command_here, cwd=ROOT, stdout=quiet, stderr=quiet))

    with _later(after_s, start):
        yield
    _until(lambda: len(client.nthreads()) > before)
    started[0].terminate()
    started[0].wait(_COME_AND_GO_S)
    _until(lambda: len(client.nthreads()) == before)


@contextmanager
def _later(after_s: float, action: Callable[[], None]) -> Iterator[None]:
    """Do something after a while, at the end at the latest."""
    ended = threading.Event()

    def wait_and_act() -> None:
        ended.wait(after_s)
        action()

    thread = threading.Thread(target=wait_and_act, name="disturbing")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _COME_AND_GO_S
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError("the workers are not those from before")
        time.sleep(0.1)
