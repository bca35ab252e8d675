"""The edge to a Dask client."""

from __future__ import annotations

import pytest
from distributed import Client

from tests.engine.driver import gates
from wfkit.engine.driver.cluster import Cluster
from wfkit.errors import ClusterUnusable


def test_setting_up_a_cluster_twice_keeps_what_runs_there(client: Client) -> None:
    first, second = Cluster(client), Cluster(client)
    assert first.status == second.status == "running"
    assert client.cluster is not None
    assert len([name for name in client.cluster.scheduler.plugins if name == "wfkit-scheduler"]) == 1


def test_rows_of_columns_become_tasks_that_are_found_by_key(client: Client) -> None:
    cluster = Cluster(client)
    keys = [f"sum-0a-{row}" for row in range(3)]
    cluster.submit_all(lambda x, y: x + y, [[1, 2, 3], [10, 20, 30]], keys, [2, 1, 0])
    future = cluster.future("sum-0a-2")
    assert future.result(timeout=5) == 33
    assert cluster.gather(["sum-0a-2", "sum-0a-9"]) == {"sum-0a-2": 33}, "what the cluster does not have is left out"
    client._send_to_scheduler({"op": "client-releases-keys", "keys": keys, "client": client.id})
    future.release()


def test_the_lowest_number_goes_first_whatever_came_first(client: Client) -> None:
    cluster = Cluster(client)
    blocked = [cluster.submit(gates.wait_at, f"gate {i}", key=f"gate-{i}") for i in range(2)]
    gates.until_came("gate 0", "gate 1")
    keys = [f"come-0b-{i}" for i in range(8)]
    cluster.submit_all(gates.come, [range(8)], keys, list(range(8, 0, -1)))
    gates.open_gates("gate 0")  # one thread, so that one follows the other
    gates.until(lambda: len(gates.came()) == 10)
    gates.open_gates("gate 1")
    assert gates.came()[2:] == [str(i) for i in range(7, -1, -1)]
    client._send_to_scheduler({"op": "client-releases-keys", "keys": keys, "client": client.id})
    del blocked


def test_results_that_a_run_leases_outlive_the_client_s_interest(client: Client) -> None:
    cluster = Cluster(client)
    cluster.submit_all(lambda x: x, [[5]], ["leased-0c-0"], [0])
    cluster.lease("r-lease", ["leased-0c-0"], {})
    gates.until(lambda: cluster.gather(["leased-0c-0"]))
    assert cluster.gather(["leased-0c-0"]) == {"leased-0c-0": 5}
    cluster.tell("release", run="r-lease")
    gates.until(lambda: not cluster.gather(["leased-0c-0"]))


def test_threads_are_counted(client: Client) -> None:
    assert Cluster(client).threads() == 2


def test_a_cluster_that_cannot_be_set_up_is_named(client: Client) -> None:
    class Broken:
        scheduler = client.scheduler

        def register_plugin(self, plugin: object) -> None:
            raise ModuleNotFoundError("No module named 'wfkit'")

    with pytest.raises(ClusterUnusable, match=r"cannot be set up .* No module named 'wfkit'.*same wfkit"):
        Cluster(Broken())  # type: ignore[arg-type]
