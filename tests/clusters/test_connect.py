"""Connecting: addresses, clients, clusters, and who closes what."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster, Scheduler

from wfkit.clusters.connect import Connection, connect, current_client, loose_settings
from wfkit.clusters.local import LocalOptions, start_local
from wfkit.errors import ClusterUnusable


@pytest.mark.parametrize("target", ["local", "", "  ", "tcp://", "a b:80", "tcp://host"])
def test_what_cannot_be_an_address_is_refused_at_once(target: str) -> None:
    with pytest.raises(ClusterUnusable, match="no address"):
        connect(target)


@pytest.mark.parametrize("target", [None, 8786, object()])
def test_what_is_no_cluster_is_refused(target: Any) -> None:
    with pytest.raises(ClusterUnusable, match="Cannot connect to"):
        connect(target)


def test_a_scheduler_that_does_not_answer_is_named_within_the_timeout() -> None:
    began = time.monotonic()
    with pytest.raises(ClusterUnusable, match=r"at tcp://127\.0\.0\.1:1 .*Connection refused"):
        connect("tcp://127.0.0.1:1")
    assert time.monotonic() - began < 1


def test_a_server_that_says_nothing_is_named_within_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(ClusterUnusable, match=f"at 127.0.0.1:{silent.getsockname()[1]} .*at most 0.3 s.*timed out"):
            connect(f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
        assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("greeting", "why"), [(b"SSH-2.0-OpenSSH", "what answers there is no Dask scheduler"), (b"", "hangs up")]
)
def test_a_server_that_is_no_scheduler_is_told_from_one(greeting: bytes, why: str) -> None:
    def answer() -> None:
        other, _ = server.accept()
        with other:
            other.sendall(greeting)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ClusterUnusable, match=why):
            connect(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout=5)
        thread.join()


@pytest.mark.system
@pytest.mark.timeout(60)
def test_an_asynchronous_client_is_refused(connection: Connection) -> None:
    async def try_it() -> None:
        async with Client(connection.cluster.address, asynchronous=True, set_as_default=False) as client:
            with pytest.raises(ClusterUnusable, match="client is asynchronous"):
                connect(client)

    asyncio.run(try_it())


def test_without_a_client_there_is_no_current_one() -> None:
    assert current_client() is None


@pytest.mark.system
@pytest.mark.timeout(60)
def test_our_own_client_is_not_the_notebooks_client(connection: Connection) -> None:
    assert connection.owns_client
    assert connection.owns_cluster
    assert connection.is_open
    assert current_client() is None


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
def test_a_client_of_the_user_is_adopted_and_never_closed(connection: Connection) -> None:
    with Client(connection.cluster.address) as client:
        assert current_client() is client
        adopted = connect(client)
        assert (adopted.client, adopted.owns_client, adopted.owns_cluster) == (client, False, False)
        adopted.close()
        assert adopted.client.submit(int, 1).result() == 1
    assert current_client() is None
    with pytest.raises(ClusterUnusable, match="client is closed"):
        connect(client)


@pytest.mark.system
@pytest.mark.timeout(60)
def test_an_address_makes_a_client_that_leaves_the_cluster_alone(connection: Connection) -> None:
    by_address = connect(connection.cluster.address)
    assert by_address.owns_client
    assert not by_address.owns_cluster
    by_address.close()
    by_address.close()
    assert not by_address.is_open
    assert connection.client.submit(int, 2).result() == 2


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_cluster_of_the_user_is_never_closed() -> None:
    with LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        theirs = connect(cluster)
        assert (theirs.owns_client, theirs.owns_cluster) == (True, False)
        theirs.close()
        again = connect(cluster)
        assert again.client.submit(int, 4).result() == 4
        again.close()
    with pytest.raises(ClusterUnusable, match="LocalCluster is closed"):
        connect(cluster)


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_connection_to_our_cluster_ends_it_silently(capfd: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger("distributed").handlers)
    filters = [list(handler.filters) for handler in handlers]
    ours = connect(start_local(LocalOptions(n_workers=1)))
    ours.client.submit(int).result()
    ours.close()
    assert not ours.cluster.alive
    assert [list(handler.filters) for handler in handlers] == filters
    with pytest.raises(ClusterUnusable, match="closed"):
        connect(ours.cluster)
    assert capfd.readouterr() == ("", "")


@contextlib.contextmanager
def scheduler(make: Callable[[], Scheduler]) -> Iterator[str]:
    """A scheduler in a loop of its own; its address."""
    ready, over = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with make() as started:
            found.append(started.address)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        over.set()
        thread.join()


class OldScheduler(Scheduler):
    """Until 2025.3, schedulers did not know how to tell of some of their workers only."""

    def identity(self) -> dict[str, Any]:  # type: ignore[override]  # that is the point
        return super().identity()


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
def test_a_scheduler_of_another_release_is_not_taken_for_one_that_is_not_there() -> None:
    with (
        scheduler(lambda: OldScheduler(host="127.0.0.1", port=0, dashboard=False)) as address,
        pytest.raises(
            ClusterUnusable, match=r"does not understand this notebook's distributed 20.*'n_workers'"
        ) as told,
    ):
        connect(address, timeout=5)
    assert "the same `dask` and `distributed`" in told.value.fix


@pytest.mark.system
@pytest.mark.timeout(60)
def test_our_own_settings_are_not_loose_and_dasks_are_told_with_what_mends_them(connection: Connection) -> None:
    told = loose_settings(connection.client)
    assert [line for line in told if "no-workers-timeout" not in line] == []
    with scheduler(lambda: Scheduler(host="127.0.0.1", port=0, dashboard=False)) as address:
        plain = connect(address)
        assert loose_settings(plain.client) == [
            "a worker that hangs is replaced only after 300 s (`distributed.scheduler.worker-ttl: 30 s`)"
        ]
        plain.close()


@pytest.mark.system
@pytest.mark.timeout(60)
def test_settings_that_give_up_early_are_told() -> None:
    import dask

    settings = {"worker-ttl": None, "allowed-failures": 0, "no-workers-timeout": "20 s"}
    with (
        dask.config.set({f"distributed.scheduler.{name}": value for name, value in settings.items()}),
        scheduler(lambda: Scheduler(host="127.0.0.1", port=0, dashboard=False)) as address,
    ):
        theirs = connect(address)
        never, given_up, fail = loose_settings(theirs.client)
        theirs.close()
    assert "replaced never (`distributed.scheduler.worker-ttl: 30 s`)" in never
    assert "given up when a worker died with them" in given_up
    assert "for 20 s (`distributed.scheduler.no-workers-timeout: null`)" in fail


class StrictScheduler(Scheduler):
    """Answers as one with `distributed.scheduler.pickle: false` does."""

    async def run_function(self, *args: Any, **kwargs: Any) -> Any:
        raise ValueError("Cannot run function as the scheduler has been explicitly disallowed from deserializing")


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_scheduler_that_runs_no_functions_keeps_its_settings_to_itself() -> None:
    with scheduler(lambda: StrictScheduler(host="127.0.0.1", port=0, dashboard=False)) as address:
        theirs = connect(address)
        assert loose_settings(theirs.client) == []
        theirs.close()
