"""What plain Dask does with the faults that wfkit turns into failures. When one of these fails, Dask has mended it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

import dask
import pytest
from distributed import Client, LocalCluster

from tests.system import hostile
from tests.system.running import until

WAIT_S = 2.0


@pytest.fixture(scope="module")
def dask_client() -> Iterator[Any]:
    """A throw-away cluster of two processes, on which a task may take one worker with it."""
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.logging.distributed": "critical"}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            silence_logs=60,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def wicked() -> NoReturn:
    raise hostile.Wicked("mine")


@pytest.mark.parametrize("fault", [wicked, hostile.recurse], ids=["F20 BaseException", "F23 endless recursion"])
def test_the_result_never_comes(dask_client: Any, fault: Any) -> None:
    future = dask_client.submit(fault, pure=False)
    with pytest.raises(TimeoutError):
        future.result(timeout=WAIT_S)
    future.release()


def test_f21_sys_exit_ends_the_worker(dask_client: Any) -> None:
    before = set(dask_client.run(os.getpid).values())
    future = dask_client.submit(sys.exit, 3, pure=False)
    until(lambda: future.status == "error")
    until(lambda: len(dask_client.scheduler_info()["workers"]) == 2)
    assert before - set(dask_client.run(os.getpid).values())


def test_f24_a_lock_is_a_finished_result_until_somebody_fetches_it(dask_client: Any) -> None:
    future = dask_client.submit(threading.Lock, pure=False)
    until(future.done)
    assert future.status == "finished"
    with pytest.raises(TypeError, match=r"[Ss]erialize|pickle"):
        future.result(timeout=WAIT_S)


def test_f25_a_result_that_cannot_be_loaded_elsewhere_is_asked_for_again_and_again(dask_client: Any) -> None:
    first, second = sorted(dask_client.scheduler_info()["workers"])
    made = dask_client.submit(hostile.OnlyHere, 100_000, workers=[first], pure=False)
    used = dask_client.submit(type, made, workers=[second], pure=False)
    with pytest.raises(TimeoutError):
        used.result(timeout=WAIT_S)
    assert used.status == "pending"
    used.cancel()
