"""What a cluster consists of, and what is said of one that wfkit did not start."""

from __future__ import annotations

import pytest
from distributed import Client, LocalCluster

from wfkit.clusters.connect import Connection
from wfkit.clusters.facts import _is_loopback, describe


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tcp://127.0.0.1:8786", True),
        ("tls://[::1]:8786", True),
        ("localhost:8786", True),
        ("inproc://10.0.0.3/1/2", True),
        ("tcp://10.0.0.3:8786", False),
        ("0.0.0.0:8787", False),
        ("tcp://cluster.example.org:8786", False),
    ],
)
def test_loopback_is_told_from_the_rest_of_the_world(address: str, expected: bool) -> None:
    assert _is_loopback(address) is expected


@pytest.mark.system
@pytest.mark.timeout(60)
def test_our_own_cluster_needs_no_caution(connection: Connection) -> None:
    facts = describe(connection.client, owned=True)
    assert (facts.workers, facts.threads, facts.memory_bytes) == (1, 2, 10**9)
    assert facts.address == connection.cluster.address
    assert facts.dashboard_link is None
    assert facts.caution == ""


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_cluster_elsewhere_is_its_owners_affair(connection: Connection) -> None:
    facts = describe(connection.client, owned=False)
    assert "up to its owner" in facts.caution
    assert "\n" not in facts.caution


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_plain_local_cluster_is_told_what_is_wrong_and_how_to_mend_it() -> None:
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        caution = describe(client, owned=False).caution
    assert "interrupt of the kernel also stops its workers" in caution
    assert "wfkit.clusters.worker_setup" in caution
    assert "listens beyond this machine at 0.0.0.0:" in caution


@pytest.mark.system
@pytest.mark.timeout(60)
def test_the_settings_named_do_mend_it() -> None:
    import dask

    with (
        dask.config.set(
            {
                "distributed.worker.preload": ["wfkit.clusters.worker_setup"],
                "distributed.scheduler.worker-ttl": "30 s",
            }
        ),
        LocalCluster(n_workers=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        assert describe(client, owned=False).caution == ""
