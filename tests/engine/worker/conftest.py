"""A small cluster inside the test process, and drivers on it: whole runs, or a stand-in that hears and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from distributed import Client, LocalCluster, Worker

from tests.engine.worker.driving import Driver
from wfkit.authoring.context import FlowBody, inside
from wfkit.core.ids import run_id
from wfkit.engine.driver.cluster import Cluster
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.spec import Bounds

WAIT_S = 20
_NUMBERS = iter(range(1, 1_000_000))


@pytest.fixture(scope="session")
def dask() -> Iterator[tuple[Client, LocalCluster]]:
    """Two workers of one thread each, in this process."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client, cluster


@pytest.fixture(scope="session")
def engine(dask: tuple[Client, LocalCluster]) -> Iterator[Engine]:
    """One engine on it."""
    engine = Engine(dask[0])
    yield engine
    engine.close()


@pytest.fixture
def workers(dask: tuple[Client, LocalCluster], engine: Engine) -> list[Worker]:
    """Its workers, with wfkit's side in them."""
    return list(dask[1].workers.values())


@pytest.fixture
def driver(engine: Engine, workers: list[Worker]) -> Iterator[Driver]:
    """Stands where the driver of one run stands; its nodes run on the first worker."""
    driver = Driver(Cluster(engine.cluster.client), f"r{next(_NUMBERS)}", workers[0].address)
    yield driver
    driver.close()


RunOf = Callable[..., Run]


@pytest.fixture
def new_run(engine: Engine) -> Callable[..., Run]:
    """Opens runs."""
    return lambda **options: Run(engine, run_id(next(_NUMBERS), bytes(10)), "flow", **options)


@pytest.fixture
def run_of(new_run: Callable[..., Run]) -> RunOf:
    """Executes a body as a run, and waits for its end."""

    def execute(body: Callable[[], object], bounds: Bounds = Bounds()) -> Run:  # noqa: B008 - a tuple
        run = new_run(bounds=bounds)
        with inside(FlowBody(run, "flow")):
            value = body()
        run.close_body(value, value if isinstance(value, dict) else {})
        return run.wait(WAIT_S)

    return execute
