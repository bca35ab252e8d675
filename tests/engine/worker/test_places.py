"""Places: no more tasks execute than a worker has threads, and short ones stand ready behind those that do."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import dask.config
import pytest
from distributed import Client, Future, LocalCluster, Worker, secede
from distributed.core import Status
from distributed.threadpoolexecutor import ThreadPoolExecutor

from tests.engine.worker.driving import WAIT_S, Driver, frozen, poll
from wfkit.authoring.options import task_options
from wfkit.engine.driver.cluster import Cluster
from wfkit.engine.worker import seat
from wfkit.engine.worker import spec as specs
from wfkit.engine.worker.envelope import run_node
from wfkit.engine.worker.outcome import Ok
from wfkit.engine.worker.places import PREFETCH, SHORT_S, Place, Places

pytestmark = pytest.mark.timeout(60)


# --- how many ---


class Taking:
    """Tasks that take places, and how many Dask may begin meanwhile."""

    def __init__(self, count: int = 2) -> None:
        worker: Any = SimpleNamespace(
            state=SimpleNamespace(nthreads=count), executors={"default": ThreadPoolExecutor(count)}
        )
        with dask.config.set({PREFETCH: True}):
            self.places = Places.of(worker)
        assert self.places is not None
        self.worker = worker
        self.left: set[Place] = set()

    def place(self) -> Place:
        found = Place(self.places, lambda: found in self.left)
        return found

    @property
    def most(self) -> int:
        assert self.worker.executors["default"]._max_workers == self.worker.state.nthreads
        return int(self.worker.state.nthreads)

    def execute(self, seconds: float, times: int = 1) -> None:
        """Tasks that take so long, one after the other."""
        for _ in range(times):
            place = self.place()
            assert place.take(0)
            time.sleep(seconds)
            place.give()


def test_while_short_tasks_execute_dask_may_begin_as_many_again() -> None:
    taking = Taking(3)
    place = taking.place()
    assert place.take(0)
    assert taking.most == 3  # nobody knows yet how long it takes
    place.give()
    assert taking.most == 3  # nothing of wfkit's is there
    assert place.take(0)
    assert taking.most == 6
    place.give()
    assert taking.most == 3


def test_behind_long_tasks_nothing_stands_ready() -> None:
    taking = Taking()
    taking.execute(0.0, times=2)
    taking.execute(6 * SHORT_S)
    place = taking.place()
    assert place.take(0)
    assert taking.most == 2
    place.give()
    taking.execute(0.0)
    assert place.take(0)
    assert taking.most == 2  # one short task does not make up for it
    place.give()
    taking.execute(0.0, times=40)
    assert place.take(0)
    assert taking.most == 4


def test_a_place_that_was_refused_says_nothing_about_how_long_tasks_are() -> None:
    taking = Taking(1)
    place = taking.place()
    for _ in range(40):
        assert place.take(0)
        place.give(counts=False)
    assert place.take(0)
    assert taking.most == 1


def test_who_waits_in_vain_shows_that_those_before_are_long() -> None:
    taking = Taking(1)
    taking.execute(0.0)
    assert taking.place().take(0)
    assert taking.most == 2
    assert not taking.place().take(0)
    assert taking.most == 2  # it only asked
    assert not taking.place().take(0.001)
    assert taking.most == 1


def test_a_place_is_given_back_once_however_often_it_is_said() -> None:
    taking = Taking(1)
    one, other = taking.place(), taking.place()
    assert one.take(0)
    assert one.take(0)
    assert not other.take(0)
    one.give()
    one.give()
    assert other.take(0)
    assert not one.take(0)


def test_who_waits_gets_the_next_place() -> None:
    taking = Taking(1)
    place = taking.place()
    assert place.take(0)
    taken = threading.Event()

    def wait() -> None:
        if taking.place().take(WAIT_S):
            taken.set()

    threading.Thread(target=wait, daemon=True).start()
    assert not taken.wait(0.05)
    place.give()
    assert taken.wait(WAIT_S)


def test_who_left_the_pool_loses_its_place_to_the_next_one() -> None:
    taking = Taking(1)
    place = taking.place()
    assert place.take(0)
    taking.left.add(place)
    assert taking.place().take(WAIT_S)
    place.give()  # it has none
    assert not taking.place().take(0)


def test_where_dask_alone_counts_there_is_always_a_place() -> None:
    worker: Any = SimpleNamespace(state=SimpleNamespace(nthreads=1), executors={"default": ThreadPoolExecutor(1)})
    assert Places.of(worker) is None
    assert all(Place(None, lambda: False).take(0) for _ in range(3))


def test_another_kind_of_pool_is_left_alone() -> None:
    worker: Any = SimpleNamespace(state=SimpleNamespace(nthreads=1), executors={"default": object()})
    with dask.config.set({PREFETCH: True}):
        assert Places.of(worker) is None


# --- on workers ---


@pytest.fixture(scope="module", params=[(1, 2), (2, 1)], ids=["one worker of two threads", "two of one"])
def workers(request: pytest.FixtureRequest) -> Iterator[tuple[Client, list[Worker]]]:
    """Workers in this process that prefetch."""
    n_workers, threads = request.param
    with (
        dask.config.set(
            {"distributed.scheduler.worker-saturation": math.inf, "distributed.worker.memory.pause": False}
        ),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=threads,
            processes=False,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        with dask.config.set({PREFETCH: True}):
            Cluster(client)
        yield client, list(cluster.workers.values())


@pytest.fixture
def driver(workers: tuple[Client, list[Worker]]) -> Iterator[Driver]:
    client, found = workers
    driver = Driver(Cluster(client), f"places-{time.monotonic_ns()}", found[0].address)
    yield driver
    driver.close()


def submit(driver: Driver, function: Any, worker: Worker | None = None) -> Future[Any]:
    """Submit a task whose function is not copied, so that it may share things with the test."""
    spec = driver.spec(lambda: None)
    specs._LOADED[spec.code_id] = (function, task_options({}))
    client: Any = driver.cluster.client
    workers = None if worker is None else [worker.address]
    number = next(_numbers)
    nothing = frozen(())
    return client.submit(run_node, spec, number, nothing, [], key=f"{driver.run}-{number}", workers=workers)


_numbers = itertools.count()


def all_ok(found: Sequence[Future[Any]]) -> bool:
    return all(isinstance(one.result(WAIT_S), Ok) for one in found)


class Counted:
    """How many execute at the same time, and how many Dask has begun then."""

    def __init__(self, workers: list[Worker]) -> None:
        self.workers = workers
        self.now = self.most = self.begun = 0
        self.lock = threading.Lock()

    def __call__(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self.lock:
            self.begun = max(self.begun, *(len(worker.state.executing) for worker in self.workers))
            self.now -= 1


def be_short(driver: Driver, workers: list[Worker]) -> Counted:
    """Have many short tasks executed, on all workers."""
    counted = Counted(workers)
    assert all_ok([submit(driver, counted, workers[number % len(workers)]) for number in range(100)])
    return counted


def test_bodies_are_as_many_as_threads_while_dask_has_begun_more(
    driver: Driver, workers: tuple[Client, list[Worker]]
) -> None:
    counted = be_short(driver, workers[1])
    assert counted.most == 2
    assert counted.begun > 2 / len(workers[1])
    poll(lambda: sum(worker.state.nthreads for worker in workers[1]) == 2, "that Dask's own tasks find what they know")


def executed(worker: Worker) -> set[str]:
    return {str(ts.key) for ts in list(worker.state.executing)}


def was_begun(worker: Worker, future: Future[Any]) -> bool:
    """Whether Dask began to execute it there, even if it gave up since."""
    return any(step[:3] == (future.key, "ready", "executing") for step in list(worker.state.log))


def test_what_stands_ready_behind_a_long_task_goes_where_there_is_a_place(
    driver: Driver, workers: tuple[Client, list[Worker]]
) -> None:
    be_short(driver, workers[1])
    gates = [threading.Event(), threading.Event()]
    on = [workers[1][0], workers[1][-1]]
    long = [submit(driver, lambda gate=gate: gate.wait(WAIT_S), on[n]) for n, gate in enumerate(gates)]
    poll(lambda: sum(len(executed(worker)) for worker in workers[1]) == 2, "that both execute")
    third = submit(driver, lambda: 3)
    poll(lambda: any(was_begun(worker, third) for worker in workers[1]), "that it stands ready")
    behind = next(worker for worker in workers[1] if was_begun(worker, third))
    elsewhere = next((n for n in (0, 1) if long[n].key not in executed(behind)), 0)
    gates[elsewhere].set()
    assert all_ok([third])
    gates[1 - elsewhere].set()
    assert all_ok(long)


def test_who_secedes_by_dasks_own_means_has_no_place(driver: Driver, workers: tuple[Client, list[Worker]]) -> None:
    be_short(driver, workers[1])
    goes_on = threading.Event()

    def leaves() -> None:
        secede()
        assert goes_on.wait(WAIT_S)

    left = [submit(driver, leaves, workers[1][0]) for _ in range(4)]
    assert all_ok([submit(driver, goes_on.set, workers[1][0]), *left])


def test_nothing_begins_on_a_worker_that_is_paused_even_if_it_stood_ready(
    driver: Driver, workers: tuple[Client, list[Worker]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seat, "_READY_S", WAIT_S)
    be_short(driver, workers[1])
    worker, gate, began = workers[1][0], threading.Event(), threading.Event()
    try:
        long = [submit(driver, lambda: gate.wait(WAIT_S), worker) for _ in range(2 // len(workers[1]))]
        poll(lambda: len(executed(worker)) == len(long), "that they execute")
        behind = submit(driver, began.set, worker)
        poll(lambda: behind.key in executed(worker), "that it stands ready")
        worker.status = Status.paused
        gate.set()
        assert all_ok(long)
        poll(lambda: not executed(worker), "that nothing is left there")
        assert not began.is_set()
    finally:
        worker.status = Status.running
    assert all_ok([behind])
