"""The plugin on a real scheduler: leases, news, cancellation."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster

from wfkit.engine.driver.cluster import Cluster
from wfkit.engine.scheduler.plugin import NAME, SchedulerSide, topic


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


class Listener:
    """The news of a run, as its driver hears them."""

    def __init__(self, client: Client, run: str) -> None:
        self.cluster = Cluster(client)
        self.run = run
        self.news: list[Any] = []
        self._heard = threading.Condition()
        self.cluster.subscribe(topic(run), self._hear)
        self.cluster.tell("lease", run=run, keys=[])

    def _hear(self, event: tuple[float, list[Any]]) -> None:
        with self._heard:
            self.news.extend(event[1])
            self._heard.notify_all()

    def await_news(self, kind: str) -> list[Any]:
        """The first news of a kind."""
        with self._heard:
            assert self._heard.wait_for(lambda: any(item[0] == kind for item in self.news), 10), self.news
            return list(next(item for item in self.news if item[0] == kind))


def side_of(client: Client) -> SchedulerSide:
    assert client.cluster is not None
    side = client.cluster.scheduler.plugins[NAME]
    assert isinstance(side, SchedulerSide)
    return side


def until(client: Client, reached: Any) -> None:
    """Wait until something holds in the scheduler."""
    deadline = time.monotonic() + 8
    while not on_loop(client, reached):
        assert time.monotonic() < deadline


def on_loop(client: Client, function: Any, *args: object) -> Any:
    """Call something of the scheduler in its own thread."""

    async def call() -> Any:
        return function(*args)

    return client.sync(call)


def test_a_leased_result_outlives_the_futures(client: Client) -> None:
    listener = Listener(client, "r-lease")
    futures = listener.cluster.map(lambda x: x * 2, [21], keys=["leased-0a-0"])
    listener.cluster.tell("lease", run="r-lease", keys=["leased-0a-0"])
    assert futures[0].result(timeout=10) == 42
    scheduler = side_of(client).scheduler
    until(client, lambda: len(scheduler.tasks["leased-0a-0"].who_wants or ()) == 2)
    del futures
    until(client, lambda: len(scheduler.tasks["leased-0a-0"].who_wants or ()) == 1)
    assert on_loop(client, lambda: scheduler.tasks["leased-0a-0"].state) == "memory"


def test_keys_that_dask_did_not_take_are_refused(client: Client) -> None:
    listener = Listener(client, "r-refused")
    listener.cluster.tell("lease", run="r-refused", keys=["never-0b-0"])
    assert listener.await_news("refused") == ["refused", ["never-0b-0"]]


def test_a_task_that_dask_gave_up_is_news_with_who_is_to_blame(client: Client) -> None:
    listener = Listener(client, "r-crash")

    def fails() -> None:
        raise RuntimeError("as a lost worker would make it")

    first = listener.cluster.submit(fails, key="crash-0c-0")
    second = listener.cluster.submit(str, first, key="crash-0c-1")
    listener.cluster.tell("lease", run="r-crash", keys=["crash-0c-0", "crash-0c-1"])
    news = listener.await_news("crashed")
    assert news[1:3] == ["crash-0c-0", "crash-0c-0"]
    assert "as a lost worker would make it" in news[3]
    del first, second


def test_a_cancellation_is_answered_when_all_workers_have_confirmed(client: Client) -> None:
    listener = Listener(client, "r-cancel")
    listener.cluster.tell("cancel", run="r-cancel", request="q1", nodes=None)
    answer = listener.await_news("cancelled")
    assert answer[1] == "q1"
    assert len(answer[2]) == 1


def test_a_worker_that_goes_before_it_confirmed_is_not_waited_for(client: Client) -> None:
    listener = Listener(client, "r-gone")
    side = side_of(client)

    until(client, lambda: "r-gone" in side.runs)

    def cancel_with_a_silent_worker() -> None:
        side.cancel(client.id, "r-gone", "q2", None)
        side.runs["r-gone"].cancels["q2"][1].update({"tcp://silent"})

    on_loop(client, cancel_with_a_silent_worker)
    on_loop(client, side.remove_worker, side.scheduler, "tcp://silent")
    assert listener.await_news("cancelled")[1] == "q2"
    assert listener.await_news("gone") == ["gone", "tcp://silent"]


def test_an_owner_that_left_keeps_its_results_for_a_while_and_no_longer(client: Client) -> None:
    listener = Listener(client, "r-orphan")
    futures = listener.cluster.map(abs, [-1], keys=["orphan-0d-0"])
    listener.cluster.tell("lease", run="r-orphan", keys=["orphan-0d-0"])
    assert futures[0].result(timeout=10) == 1
    side = side_of(client)
    until(client, lambda: "r-orphan" in side.runs)
    on_loop(client, side._release_orphan, "r-orphan", "somebody else")
    assert on_loop(client, lambda: "r-orphan" in side.runs)
    del futures
    on_loop(client, side._release_orphan, "r-orphan", client.id)
    until(client, lambda: "orphan-0d-0" not in side.scheduler.tasks)
    until(client, lambda: "r-orphan" not in side.runs)


def test_events_of_a_run_that_nobody_opened_are_dropped(client: Client) -> None:
    side = side_of(client)
    on_loop(client, side.take_events, "worker", "r-unknown", [["node-started"]])
    assert on_loop(client, lambda: "r-unknown" not in side.runs)
