"""A lost worker is replaced, with all it was given at first, and what it started is ended."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.clusters.kernels import running, until
from wfkit.clusters.connect import Connection
from wfkit.clusters.nanny import ENDED


def start_something() -> tuple[int, list[int]]:
    import multiprocessing
    import subprocess

    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(abs, [-1]) == [1]
    child = multiprocessing.get_context("fork").Process(target=signal.pause)
    child.start()
    assert child.pid is not None
    return os.getpid(), [child.pid, subprocess.Popen(["sleep", "300"]).pid]


def heard_at(client: Any) -> list[dict[str, Any]]:
    return [message for _, message in client.get_events(ENDED)]


def whereabouts() -> tuple[int, int, int]:
    return os.getpid(), os.getpgrp(), os.getsid(0)


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_killed_worker_takes_its_children_along_and_comes_back_in_a_group_of_its_own(connection: Connection) -> None:
    client = connection.client
    [address] = client.scheduler_info()["workers"]
    worker, children = client.submit(start_something, pure=False).result()
    assert len(running(children)) == 2
    os.kill(worker, signal.SIGKILL)
    assert until(lambda: not running(children))
    assert until(lambda: bool(heard_at(client)))
    [end] = heard_at(client)
    assert (end["worker"], end["exitcode"]) == (address, -signal.SIGKILL)
    pid, group, session = client.submit(whereabouts, pure=False).result(timeout=20)
    assert pid != worker
    assert group == pid
    assert session == connection.cluster.pid != os.getsid(0)
