"""What system tests share: a local cluster, a home, and Debian's Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.half_way import Story
from tests.system.lab_server import Lab
from tests.system.running import WORKERS, Workers, own_cluster, ran
from wfkit import task
from wfkit.session.session import close_session

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

CHROMIUM = os.environ.get("WFKIT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
_PLAIN = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": [*_QUIET, *_PLAIN]}  # playwright gets none


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stand in for the fixture of pytest-base-url, which pytest 9 warns about."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Add to the report of a failure in a JupyterLab what the threads of its kernels were doing."""
    report = yield
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.failed and isinstance(lab, Lab):
        report.sections.append(("What kernels did", lab.told_by_kernels()))
    return report


@pytest.fixture
def tab(page: Tab) -> Iterator[Tab]:
    """A tab in which any error in the page fails the test."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.set_viewport_size({"width": 1180, "height": 760})
    yield page
    assert errors == []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where history and results live for this process and those that it starts; nothing of it is there before."""
    close_session()
    monkeypatch.setenv("WFKIT_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    close_session()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Workers]:
    """Two worker processes of two threads each, started by wfkit; the flows of a module's tests run on it."""
    with own_cluster(cluster_n_workers=WORKERS, cluster_threads_per_worker=2) as workers:
        yield workers


@pytest.fixture
def unharmed(cluster: Workers) -> Iterator[Workers]:
    """The cluster; and after the test the worker processes are those from before, and the next flow works."""

    @task
    def double(x: int) -> int:
        return 2 * x

    pids = cluster.pids()
    yield cluster
    assert ran(lambda: double.map([1, 2, 3])).result() == [2, 4, 6]
    assert cluster.pids() == pids


@pytest.fixture
def story(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setenv("WFKIT_CLUSTER_N_WORKERS", "2")
    monkeypatch.setenv("WFKIT_CLUSTER_THREADS_PER_WORKER", "2")
    return Story(tmp_path)
