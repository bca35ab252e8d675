"""A small cluster inside the test process, for tests of the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster

import wfkit
from tests.engine.driver import gates
from tests.engine.driver.repeating import Repeater
from wfkit.authoring.context import FlowBody, inside
from wfkit.core.ids import run_id
from wfkit.core.states import RUN_ENDS
from wfkit.engine.driver import engine as engines
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run
from wfkit.engine.worker import envelope


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """Two threads of a worker in this process."""
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            resources={"slot": 1},
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


@pytest.fixture(scope="session", autouse=True)
def _wired() -> None:
    """Runs know who repeats them, as after any use of the package."""
    assert wfkit.Run is Run


@pytest.fixture(autouse=True)
def _fresh_gates() -> Iterator[None]:
    gates.reset()
    yield
    gates.reset()


_NUMBERS = iter(range(1, 1_000_000))


@pytest.fixture
def new_run(engine: Engine) -> Iterator[Callable[..., Run]]:
    """Opens runs; those that a failed test leaves behind are cancelled."""
    opened: list[Run] = []

    def new(**bounds: Any) -> Run:
        run = Run(engine, run_id(next(_NUMBERS), bytes(10)), "flow", **bounds)
        opened.append(run)
        return run

    yield new
    for run in opened:
        if run.state not in RUN_ENDS:
            run.cancel("the test is over")
            run.close_body(None, {})


@pytest.fixture
def start(new_run: Callable[..., Run]) -> Callable[..., Run]:
    """Executes a body as a run, and does not wait for its end."""

    def execute(body: Callable[[], object], **bounds: Any) -> Run:
        run = new_run(**bounds)
        with inside(FlowBody(run, "flow")):
            value = body()
        run.close_body(value, value if isinstance(value, dict) else {})
        return run

    return execute


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Carriers keep all of their elements, however long these take."""
    monkeypatch.setattr(envelope, "SLICE_S", 600.0)


@pytest.fixture
def whole_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent before a body has made all of its calls, however long it takes."""
    monkeypatch.setattr(engines, "FLUSH_S", 60.0)
    monkeypatch.setattr(engines, "LATEST_FLUSH_S", 60.0)


@pytest.fixture
def run_of(start: Callable[..., Run]) -> Callable[..., Run]:
    """Executes a body as a run and waits for its end."""
    return lambda body, **bounds: start(body, **bounds).wait(gates.PATIENCE_S)


@pytest.fixture
def again(new_run: Callable[..., Run]) -> Repeater:
    """Repeats runs."""
    return Repeater(new_run)
