"""How a local cluster ends when things go wrong: a host that dies, hangs or never was; a fork; a start given up."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path

import dask
import pytest

from tests.clusters.kernels import running, until
from wfkit.clusters import local
from wfkit.clusters.connect import connect
from wfkit.clusters.local import BackgroundStart, LocalOptions, start_local
from wfkit.errors import ClusterUnusable

SMALL = LocalOptions(n_workers=1, threads_per_worker=1)


def test_a_machine_that_allows_no_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ClusterUnusable, match=r"cannot start: .*No such file"):
        start_local(SMALL)


def test_a_host_that_ends_without_a_word_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nread request\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(ClusterUnusable, match="ended while it started") as told:
        start_local(SMALL)
    assert "import distributed" in told.value.fix


def test_what_cannot_be_told_in_json_of_dasks_settings_stays_here() -> None:
    with dask.config.set({"mine": {"number": 1}, "secret": object()}):
        told = local._request(SMALL)["dask_config"]
    assert told["mine"] == {"number": 1}
    assert "secret" not in told


def test_a_background_start_that_is_not_done_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BackgroundStart, "_start", lambda _: None)
    starting = BackgroundStart(SMALL)
    assert not starting.ready
    with pytest.raises(ClusterUnusable, match="has not started within 0 s"):
        starting.cluster(timeout=0.05)


def test_whatever_ends_a_background_start_is_raised_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(_: object) -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(local, "start_local", burst)
    with pytest.raises(ClusterUnusable, match=r"MemoryError\('none left'\)"):
        BackgroundStart(SMALL).cluster(timeout=5)


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_from_the_kernel_cannot_close_the_cluster() -> None:
    with start_local(SMALL) as cluster:
        forked = multiprocessing.get_context("fork").Process(target=cluster.close)
        forked.start()
        forked.join()
        assert forked.exitcode == 0
        assert cluster.alive
    assert not cluster.alive


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_host_that_is_killed_is_no_cluster_any_more_and_its_connection_closes() -> None:
    connection = connect(start_local(SMALL))
    workers = list(connection.client.run(os.getpid).values())
    os.kill(connection.cluster.pid, signal.SIGKILL)
    assert until(lambda: connection.client.status != "running")
    assert not connection.cluster.alive  # even if the system still ends its threads
    assert repr(connection.cluster).endswith("closed>")
    connection.close()
    with pytest.raises(ClusterUnusable, match="closed"):
        connect(connection.cluster)
    assert until(lambda: not running(workers))


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_host_that_hangs_is_killed_with_all_its_workers() -> None:
    connection = connect(start_local(SMALL))
    workers = list(connection.client.run(os.getpid).values())
    connection.client.close()
    os.kill(connection.cluster.pid, signal.SIGSTOP)
    connection.cluster.close(timeout=0.2)
    assert not connection.cluster.alive
    assert until(lambda: not running(workers))
