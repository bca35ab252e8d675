"""Results are written beside tasks, and loaded for those that need them again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from distributed import Client, LocalCluster

from tests.system.running import until
from wfkit import task
from wfkit.authoring.context import FlowBody, inside
from wfkit.core.ids import run_id
from wfkit.core.states import TaskState
from wfkit.engine.driver import losses
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run
from wfkit.engine.worker import side
from wfkit.engine.worker.outcome import Err, Ok, dump_value
from wfkit.engine.worker.stored import Writers, load_stored, shares
from wfkit.errors import ResultLost, StoreFailed

WAIT_S = 20
_NUMBERS = iter(range(77, 1_000))


class Memory:
    """A store of a test: it keeps what it gets, when it may."""

    def __init__(self, *, shared: bool = True, error: Exception | None = None) -> None:
        self.kept: dict[str, tuple[bytes, Sequence[Any]]] = {}
        self.shared, self.error = shared, error
        self.may_write = threading.Event()
        self.may_write.set()
        self.threads: set[str] = set()

    def write(self, name: str, payload: bytes, buffers: Sequence[Any] = ()) -> str:
        self.threads.add(threading.current_thread().name)
        assert self.may_write.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        self.kept[name] = payload, buffers
        return name

    def read(self, reference: str) -> tuple[bytes, Sequence[Any]]:
        if reference not in self.kept:
            raise ResultLost(f"{reference} is missing.")
        return self.kept[reference]

    def is_shared(self) -> bool:
        return self.shared


def test_a_stored_value_is_an_outcome_again() -> None:
    store = Memory()
    store.write("a", *dump_value([1, 2]))
    outcome = load_stored("a", store)
    assert isinstance(outcome, Ok)
    assert outcome.value() == [1, 2]


def test_a_value_that_is_lost_is_a_failure_with_its_reason() -> None:
    outcome = load_stored("b", Memory())
    assert isinstance(outcome, Err)
    assert (outcome.state, "b is missing" in outcome.reason) == (TaskState.CRASHED, True)


def test_a_worker_says_whether_it_shares_the_store() -> None:
    assert (shares(Memory()), shares(Memory(shared=False))) == (True, False)


def written(writers: Writers, store: Memory, name: str = "a", payload: bytes = b"1") -> tuple[str, str]:
    told: list[tuple[str, str]] = []
    done = threading.Event()

    def take(reference: str, why_not: str) -> None:
        told.append((reference, why_not))
        done.set()

    writers.write(store, name, (payload, ()), take)
    assert done.wait(WAIT_S)
    return told[0]


def test_a_value_is_written_in_another_thread_and_its_reference_told() -> None:
    store = Memory()
    assert written(Writers(), store) == ("a", "")
    assert store.kept == {"a": (b"1", ())}
    assert threading.current_thread().name not in store.threads


def test_a_store_that_fails_costs_the_reference_alone() -> None:
    reference, why_not = written(Writers(), Memory(error=StoreFailed("The disk is full.")))
    assert (reference, "The disk is full" in why_not) == ("", True)


def test_a_worker_that_does_not_share_the_store_writes_nothing() -> None:
    store = Memory(shared=False)
    assert written(Writers(), store) == ("", "this worker does not share the store of results")
    assert store.kept == {}


def test_beyond_what_may_wait_the_task_writes_itself() -> None:
    writers, store = Writers(), Memory()
    store.may_write.clear()
    big = memoryview(bytes(200_000_001))
    done = threading.Event()
    threading.Thread(target=writers.write, args=(store, "large", (b"", (big,)), lambda *_: done.set())).start()
    assert not done.is_set()
    store.may_write.set()
    assert done.wait(WAIT_S)
    assert "wfkit-results" not in store.threads


def test_finish_waits_for_what_is_being_written() -> None:
    writers, store = Writers(), Memory()
    store.may_write.clear()
    writers.write(store, "a", (b"1", ()), lambda *_: None)
    assert not writers.finish(0.05)
    store.may_write.set()
    assert writers.finish(WAIT_S)
    assert "a" in store.kept


class SlowResults:
    """A store that writes when it may."""

    def __init__(self, store: Memory) -> None:
        self.store = store

    def for_run(self, run_id: str) -> Memory:
        return self.store


class Shared(Memory):
    """One that all threads of this process share, however it travels."""

    def __reduce__(self) -> str:
        return "SHARED"


SHARED = Shared()


@task
def blob(size: int) -> bytes:
    return bytes(size)


@task
def size_of(value: bytes) -> int:
    return len(value)


@pytest.fixture
def slow() -> Iterator[tuple[LocalCluster, Engine]]:
    """Two workers that do not come to write a result before they may."""
    options: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
    results: Any = SlowResults(SHARED)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, **options) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        engine = Engine(client, results=results)
        SHARED.may_write.clear()
        yield cluster, engine
        SHARED.may_write.set()
        engine.close()


def begun(engine: Engine, body: Callable[[], object]) -> Run:
    """A run whose body has ended."""
    run = Run(engine, run_id(next(_NUMBERS), bytes(10)), "flow")
    with inside(FlowBody(run, "flow")):
        body()
    run.close_body(None, {})
    return run


def states(run: Run) -> list[str]:
    return [row.state.value for row in run.nodes]


@pytest.mark.timeout(60)
def test_a_worker_that_retires_tells_first_of_the_values_that_it_was_writing(slow: tuple[LocalCluster, Engine]) -> None:
    cluster, engine = slow
    run = begun(engine, lambda: blob.map([10_000] * 6, chunk=1))
    dask: Any = engine.cluster.client
    until(lambda: sum(len(keys) for keys in dask.has_what().values()) == 6)
    until(lambda: set(states(run)) == {"RUNNING"})
    worker = next(iter(cluster.workers.values()))
    retiring = threading.Thread(target=dask.retire_workers, args=([worker.address],))
    retiring.start()
    until(lambda: worker.status.name.startswith("clos"))
    retiring.join(1)  # a worker that does not wait for its values has closed by then
    SHARED.may_write.set()
    assert run.wait(WAIT_S).state.value == "COMPLETED"
    assert [row.reason for row in run.nodes] == [""] * 6
    retiring.join(WAIT_S)


def lose(cluster: Any, worker: str) -> None:
    """A worker is gone, as Dask sees it."""
    cluster.sync(cluster.scheduler.remove_worker, worker, stimulus_id="test")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that closes does not wait long for what it writes, nor the driver for what it tells then."""
    monkeypatch.setattr(side, "LAST_WRITES_S", 0.05)
    monkeypatch.setattr(losses, "_LAST_NEWS_S", 0.0)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("how", ["is lost", "is closed"])
def test_a_value_that_others_have_is_done_when_the_worker_that_writes_it(
    how: str, slow: tuple[LocalCluster, Engine], hurried: None
) -> None:
    cluster, engine = slow
    first, second = [worker.address for worker in cluster.workers.values()]
    run = begun(
        engine,
        lambda: size_of.with_options(workers=[second])(blob.with_options(workers=[first])(10_000)),
    )
    until(lambda: states(run) == ["RUNNING", "COMPLETED"])
    dask: Any = engine.cluster.client
    if how == "is closed":
        dask.retire_workers([first])
    else:
        lose(cluster, first)
    assert run.wait(WAIT_S).state.value == "COMPLETED"
    reason = f"in cluster memory only: its worker {first} was lost while it wrote the result"
    assert [row.reason for row in run.nodes] == [reason, ""]
    assert run.node("blob").result() == bytes(10_000)


@pytest.mark.timeout(60)
def test_a_value_that_nobody_else_has_is_made_again_and_written(
    slow: tuple[LocalCluster, Engine], hurried: None
) -> None:
    cluster, engine = slow
    run = begun(engine, lambda: blob(10_000))
    dask: Any = engine.cluster.client
    until(lambda: any(dask.has_what().values()))
    (first,) = [worker for worker, keys in dask.has_what().items() if keys]
    lose(cluster, first)
    until(lambda: run.nodes[0].worker not in {None, first})  # by then it has been looked for
    assert states(run) == ["RUNNING"]
    SHARED.may_write.set()
    assert run.wait(WAIT_S).state.value == "COMPLETED"
    assert [row.reason for row in run.nodes] == [""]
