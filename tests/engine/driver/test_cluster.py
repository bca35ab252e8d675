"""The edge to a Dask client."""

from __future__ import annotations

import pytest
from distributed import Client

from wfkit.engine.driver.cluster import Cluster
from wfkit.errors import ClusterUnusable


def test_setting_up_a_cluster_twice_keeps_what_runs_there(client: Client) -> None:
    first, second = Cluster(client), Cluster(client)
    assert first.status == second.status == "running"
    assert client.cluster is not None
    assert len([name for name in client.cluster.scheduler.plugins if name == "wfkit-scheduler"]) == 1


def test_map_and_gather_go_by_key(client: Client) -> None:
    cluster = Cluster(client)
    futures = cluster.map(lambda x: x * 2, [1, 2, 3], keys=["double-0a-0", "double-0a-1", "double-0a-2"])
    assert cluster.gather(["double-0a-2", "double-0a-0"]) == [6, 2]
    del futures


def test_a_cluster_that_cannot_be_set_up_is_named(client: Client) -> None:
    class Broken:
        scheduler = client.scheduler

        def register_plugin(self, plugin: object) -> None:
            raise ModuleNotFoundError("No module named 'wfkit'")

    with pytest.raises(ClusterUnusable, match=r"cannot be set up .* No module named 'wfkit'.*same wfkit"):
        Cluster(Broken())  # type: ignore[arg-type]
