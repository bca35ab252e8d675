"""A small cluster inside the test process, for tests of the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from distributed import Client, LocalCluster

from wfkit.authoring.context import FlowBody, inside
from wfkit.core.ids import run_id
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """Two threads of a worker in this process."""
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


@pytest.fixture(scope="session")
def engine(client: Client) -> Iterator[Engine]:
    """One engine on it."""
    engine = Engine(client)
    yield engine
    engine.close()


_NUMBERS = iter(range(1, 1_000_000))


@pytest.fixture
def new_run(engine: Engine) -> Callable[[], Run]:
    """Opens runs."""
    return lambda: Run(engine, run_id(next(_NUMBERS), bytes(10)), "flow")


@pytest.fixture
def run_of(new_run: Callable[[], Run]) -> Callable[[Callable[[], object]], Run]:
    """Executes a body as a run and waits for its end."""

    def execute(body: Callable[[], object]) -> Run:
        run = new_run()
        with inside(FlowBody(run, "flow")):
            value = body()
        run.close_body(value, value if isinstance(value, dict) else {})
        return run.wait(20)

    return execute
