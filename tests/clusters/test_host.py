"""The host process: where the cluster listens, whose signals reach it, and how it ends with the kernel."""

from __future__ import annotations

import ipaddress
import platform
from contextlib import closing
from typing import Any

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest
from distributed import Client, Scheduler, Worker

from tests.clusters.kernels import kernel, running, until
from wfkit.clusters.connect import connect
from wfkit.clusters.host import size
from wfkit.clusters.local import LocalOptions, start_local
from wfkit.clusters.profiler import may_hang

WORK = """
import os, time
def slow(i):
    import time; time.sleep(1); return i  # the work of a task
"""
OURS = """
from wfkit.clusters.local import start_local
from wfkit.clusters.connect import connect
cluster = start_local(); c = connect(cluster).client
"""
PLAIN = """
import logging
from distributed import Client, LocalCluster
logging.disable(logging.CRITICAL)
cluster = LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address="127.0.0.1:0"); c = Client(cluster)
"""
START = """
fs = c.map(slow, range(16), pure=False)
pids = list(c.run(os.getpid).values()); print(*pids)
"""


@pytest.mark.parametrize(
    ("cores", "n_workers", "threads", "expected"),
    [
        (1, None, None, (1, 2)),
        (2, None, None, (2, 2)),
        (8, None, None, (8, 2)),
        (16, None, None, (8, 2)),
        (64, None, None, (11, 6)),
        (8, 2, None, (2, 4)),
        (8, None, 4, (2, 4)),
        (2, None, 4, (1, 4)),
        (2, 3, 1, (3, 1)),
    ],
)
def test_the_size_follows_the_cores_and_the_wishes(
    cores: int, n_workers: int | None, threads: int | None, expected: tuple[int, int]
) -> None:
    assert size(cores, n_workers, threads) == expected


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.parametrize("dashboard", [False, True])
def test_every_listening_socket_is_on_loopback(dashboard: bool) -> None:
    with start_local(LocalOptions(n_workers=1, dashboard=dashboard)) as cluster:
        host = psutil.Process(cluster.pid)
        sockets = [
            connection.laddr.ip
            for process in (host, *host.children(recursive=True))
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
            or (connection.type.name == "SOCK_DGRAM" and not connection.raddr)
        ]
        assert len(sockets) >= 4  # scheduler, its http server, nanny, worker
        assert all(ipaddress.ip_address(ip).is_loopback for ip in sockets), sockets


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.parametrize("dashboard", [False, True])
def test_workers_are_profiled_only_where_a_dashboard_shows_it(dashboard: bool) -> None:
    def is_profiled(dask_worker: Worker) -> bool:
        return "profile" in dask_worker.periodic_callbacks

    with (
        start_local(LocalOptions(n_workers=1, dashboard=dashboard)) as cluster,
        Client(cluster.address, set_as_default=False) as client,
    ):
        assert list(client.run(is_profiled).values()) == [dashboard and not may_hang(platform.python_version())]


@pytest.mark.system
@pytest.mark.timeout(60)
def test_of_the_messages_that_were_sent_only_a_few_are_kept() -> None:
    def kept(dask_scheduler: Scheduler) -> list[int]:
        connections: list[Any] = [*dask_scheduler.client_comms.values(), *dask_scheduler.stream_comms.values()]
        return [len(one.recent_message_log) for one in connections]

    with closing(connect(start_local(LocalOptions(n_workers=1)))) as connection:
        client: Any = connection.client
        for number in range(30):  # one message each
            assert client.submit(abs, -number).result(20) == number
        of_scheduler = client.run_on_scheduler(kept)
        assert of_scheduler == [10, 10]
        assert len(client.scheduler_comm.recent_message_log) == 10
        assert list(client.run(lambda dask_worker: len(dask_worker.batched_stream.recent_message_log)).values()) == [10]


@pytest.mark.system
@pytest.mark.timeout(60)
def test_an_interrupt_leaves_all_workers_alive_and_a_killed_kernel_leaves_nothing_behind() -> None:
    with kernel() as ours:
        pids = [int(pid) for pid in ours.run(WORK + OURS + START).split()]
        assert len(pids) == 2
        assert ours.run("c.gather(fs)", interrupt_s=0.3) == "KeyboardInterrupt"
        assert ours.run("print(*c.gather(fs))") == "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"  # and nothing was said
        assert ours.run("print(sorted(c.run(os.getpid).values()) == sorted(pids))") == "True\n"

        ours.run("""
            def leave_behind():
                import multiprocessing, subprocess
                multiprocessing.get_context("fork").Pool(1)  # F42: Dask's own workers may have no children
                return subprocess.Popen(["sleep", "300"]).pid
            left = c.submit(leave_behind, pure=False).result()
        """)
        below = [process.pid for process in ours.process.children(recursive=True)]
        assert int(ours.run("print(left)")) in below
        assert set(pids) < set(below)
        ours.process.kill()
        assert until(lambda: not running(below), 5), [psutil.Process(pid).cmdline() for pid in running(below)]


@pytest.mark.system
@pytest.mark.timeout(60)
def test_plain_dask_loses_its_workers_to_an_interrupt() -> None:
    with kernel() as plain:
        pids = [int(pid) for pid in plain.run(WORK + PLAIN + START).split()]
        assert len(pids) == 2
        plain.run("c.gather(fs)", interrupt_s=0.3)
        assert until(lambda: not running(pids), 10)


@pytest.mark.system
@pytest.mark.timeout(60)
def test_an_interrupt_during_the_start_does_not_hurt_it() -> None:
    with kernel() as ours:
        ours.run("from wfkit.clusters.local import BackgroundStart\nimport time\nstart = BackgroundStart()")
        assert ours.run("time.sleep(20)", interrupt_s=0.1) == "KeyboardInterrupt"  # what is interrupted
        assert ours.run("print(start.cluster().n_workers > 0)") == "True\n"
