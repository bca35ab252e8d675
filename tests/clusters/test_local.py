"""The local cluster: its options, its errors, what it leaves untouched, starting in the background."""

from __future__ import annotations

import copy
import math
import os
import time
from pathlib import Path

import dask
import pytest

from tests.clusters.kernels import running, until
from wfkit.clusters.connect import Connection, connect
from wfkit.clusters.local import BackgroundStart, LocalOptions, start_local
from wfkit.errors import ClusterUnusable

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]


def test_options_reach_the_cluster(connection: Connection) -> None:
    cluster, client = connection.cluster, connection.client
    assert (cluster.n_workers, cluster.threads_per_worker, cluster.memory_limit_bytes) == (1, 2, 10**9)
    assert cluster.dashboard_link is None

    def seen(dask_scheduler: object) -> tuple[object, ...]:
        return tuple(
            getattr(dask_scheduler, name) for name in ("WORKER_SATURATION", "worker_ttl", "no_workers_timeout")
        )

    assert client.run_on_scheduler(seen) == (math.inf, 30, None)


def test_a_second_map_of_a_task_goes_to_all_workers_while_the_first_one_is_held() -> None:
    with start_local(LocalOptions(n_workers=2, threads_per_worker=2)) as cluster:
        other = connect(cluster)
        held = other.client.map(float, range(80), key=[f"nap-{number}" for number in range(80)])
        other.client.gather(held)
        again = other.client.map(time.sleep, [0.05] * 20, key=[f"nap-{number}" for number in range(80, 100)])
        other.client.gather(again)
        where = [address for (address,) in other.client.who_has(again).values()]
        assert sorted(where.count(address) for address in set(where)) == pytest.approx([10, 10], abs=4)
        other.close()


def test_the_notebooks_settings_environment_and_folder_stay_as_they_were(connection: Connection) -> None:
    before = copy.deepcopy(dask.config.config), dict(os.environ)
    with start_local(LocalOptions(n_workers=1)) as cluster, dask.config.set({"distributed.comm.retry.count": 0}):
        other = connect(cluster)
        assert other.client.submit(os.getcwd).result() == str(Path.cwd())
        other.close()
    assert (dask.config.config, dict(os.environ)) == before
    assert dask.config.get("distributed.scheduler.worker-saturation") == 1.1


def test_what_the_user_told_dask_holds_for_the_cluster_too() -> None:
    with dask.config.set({"distributed.worker.memory.target": 0.5}), start_local(LocalOptions(n_workers=1)) as cluster:
        other = connect(cluster)
        assert other.client.submit(dask.config.get, "distributed.worker.memory.target").result() == 0.5
        other.close()


def test_workers_do_not_draw_into_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    with start_local(LocalOptions(n_workers=1)) as cluster:
        other = connect(cluster)
        assert other.client.submit(os.getenv, "MPLBACKEND").result() == "agg"
        other.close()


def test_a_cluster_that_cannot_start_says_why_and_leaves_no_process() -> None:
    with pytest.raises(ClusterUnusable, match=r"cannot start: .*memory_limit is .*lots"):
        start_local(LocalOptions(memory_limit="lots"))


def test_a_start_that_takes_too_long_is_given_up() -> None:
    began = time.monotonic()
    with pytest.raises(ClusterUnusable, match="did not start within 0 s"):
        start_local(timeout=0.05)
    assert time.monotonic() - began < 5


def test_closing_ends_all_processes_at_once_and_may_be_repeated() -> None:
    cluster = start_local(LocalOptions(n_workers=1))
    assert cluster.alive
    began = time.monotonic()
    cluster.close()
    cluster.close()
    assert time.monotonic() - began < 5
    assert not cluster.alive
    assert "closed" in repr(cluster)


def test_a_start_in_the_background_returns_at_once_and_is_ready_in_time() -> None:
    start = BackgroundStart(LocalOptions(n_workers=2))
    assert not start.ready
    other = connect(start.cluster())
    assert other.client.submit(int, 3).result() == 3
    assert start.ready
    assert start.cluster() is other.cluster
    other.close()


def test_an_error_of_a_background_start_is_kept_and_raised_at_every_use() -> None:
    start = BackgroundStart(LocalOptions(memory_limit="lots"))
    for _ in range(2):
        with pytest.raises(ClusterUnusable, match="lots"):
            start.cluster()
    start.close()


def test_a_background_start_can_be_given_up_while_it_is_under_way() -> None:
    start = BackgroundStart(LocalOptions(n_workers=1))
    start.close()
    with pytest.raises(ClusterUnusable, match="closed"):
        start.cluster()
    cluster = start._cluster
    assert cluster is not None
    assert until(lambda: not running([cluster.pid]))
    cluster.close()


def test_scripts_need_no_main_guard(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        "print('once')\n"
        "from wfkit.clusters.connect import connect\n"
        "from wfkit.clusters.local import LocalOptions, start_local\n"
        "connection = connect(start_local(LocalOptions(n_workers=1)))\n"
        "print(connection.client.submit(int, 3).result())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=30, check=True, env=environment
    )
    assert done.stdout == "once\n3\n"
    assert done.stderr == ""
