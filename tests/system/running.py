"""Running: short ways to execute a flow in a test and to look at how its nodes ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from distributed import Client, LocalCluster

from wfkit import Handle, connect, flow
from wfkit.core.events import ErrorInfo
from wfkit.core.states import FailureKind, TaskState
from wfkit.engine.driver.run import Run
from wfkit.session.session import close_session, session

TIMEOUT_S = 20.0
#: How many workers the cluster of a module's tests has.
WORKERS = 2


class Workers:
    """The worker processes of the cluster that flows run on."""

    def __init__(self, client: Client) -> None:
        self.client: Any = client

    @property
    def addresses(self) -> list[str]:
        return sorted(self.client.scheduler_info()["workers"])

    def when_whole(self) -> list[str]:
        """The addresses once all workers are there: the test before may have ended some."""
        until(lambda: len(self.addresses) == WORKERS)
        return self.addresses

    def pids(self) -> dict[str, int]:
        return cast("dict[str, int]", self.client.run(os.getpid))

    def are_replaced(self, *lost: str) -> bool:
        """Whether others have taken the places of lost workers."""
        addresses = self.addresses
        return len(addresses) == WORKERS and not set(addresses) & set(lost)


@contextmanager
def own_cluster(**settings: object) -> Iterator[Workers]:
    """A cluster started by wfkit with these settings, such as `cluster_n_workers`; flows run on it meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"WFKIT_{name.upper()}", str(value))
        close_session()
        connect()
        try:
            yield Workers(session().engine().cluster.client)
        finally:
            close_session()


@contextmanager
def dask_cluster(**options: Any) -> Iterator[LocalCluster]:
    """A cluster that Dask has started, and that flows run on."""
    # Without an address it wants port 8787, and warns where the other tests beside these have it.
    quiet = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0", "silence_logs": 60}
    with LocalCluster(**quiet, **options) as cluster, Client(cluster, set_as_default=False) as client:
        connect(client)
        try:
            yield cluster
        finally:
            close_session()


def started(body: Callable[[], object]) -> Run:
    """The run of a flow with this body, which is executed in a thread of its own."""
    return cast("Run", flow(body).start())


def ran(body: Callable[[], object]) -> Run:
    """The same, ended."""
    return started(body).wait(TIMEOUT_S)


def states(run: Run) -> dict[str, TaskState]:
    """The states of all nodes."""
    return {row.name: row.state for row in run.nodes}


def reason(run: Run, name: str) -> str:
    group, index = run.view_model.by_name(name)
    return group.reasons.get(index or 0, "")


def kind(run: Run, name: str) -> FailureKind | None:
    group, index = run.view_model.by_name(name)
    return group.kinds.get(index or 0)


def errors(run: Run, name: str) -> dict[int, ErrorInfo]:
    """The errors of a node by attempt."""
    group, index = run.view_model.by_name(name)
    return group.errors.get(index or 0, {})


def value(handle: Handle) -> Any:
    """What a task waits for that has made another one."""
    return handle.result()


def until(reached: Callable[[], object], timeout: float = TIMEOUT_S) -> None:
    """Wait until something holds; for what no handle tells, such as a file that a task writes."""
    deadline = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.01)


def is_idle(dask_scheduler: Any) -> bool:
    """Whether nothing is to be executed any more: what was lost has been made again."""
    return {ts.state for ts in dask_scheduler.tasks.values()} <= {"memory"}


def touch(path: Path) -> None:
    """Leave a mark that other processes see."""
    path.touch()


def note(path: Path, line: object) -> None:
    """Add a line to a file that many processes write: proof that something was executed."""
    with path.open("a") as file:
        file.write(f"{line}\n")


def notes(path: Path) -> list[str]:
    """The lines so far."""
    return path.read_text().splitlines() if path.exists() else []
