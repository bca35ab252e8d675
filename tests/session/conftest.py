"""A session on a small cluster inside the test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

import wfkit.authoring.context
import wfkit.session.session as module
from tests.session.cells import PIPELINE, Cells
from wfkit.core.states import RunState
from wfkit.session.launch import SessionLauncher
from wfkit.session.session import Session
from wfkit.session.settings import WfkitSettings


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two threads of a worker in this process; not the process's default client."""
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


@pytest.fixture
def current(client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """The session of this process, connected to that cluster, with a home of its own; flows start in it."""
    monkeypatch.setenv("WFKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(module, "_CURRENT", [])
    monkeypatch.setattr(wfkit.authoring.context, "_LAUNCHER", [SessionLauncher])
    session = Session(WfkitSettings())
    module._CURRENT.append(session)
    session.connect(client)
    yield session
    session.close()


@pytest.fixture
def cells(current: Session, tmp_path: Path) -> Cells:
    """A notebook."""
    return Cells(tmp_path)


@pytest.fixture
def failed(cells: Cells) -> Any:
    """A run of the pipeline in which two elements failed; what it executed is forgotten."""
    cells.execute(PIPELINE)
    run = cells["etl"].run()
    assert run.state is RunState.FAILED
    cells.executed()
    return run
