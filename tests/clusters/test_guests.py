"""Clients that a user connected to our cluster are closed before it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from distributed import Client, LocalCluster

from wfkit.clusters.guests import close_guests


@pytest.mark.timeout(60)
def test_clients_that_a_user_connected_to_our_cluster_are_closed_with_it() -> None:
    options: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, **options) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        address = cluster.scheduler_address
        guest = Client(address, set_as_default=False)
        connection: Any = SimpleNamespace(client=client, cluster=SimpleNamespace(address=address))
        close_guests(connection)
        assert (guest.status, client.status) == ("closed", "running")
