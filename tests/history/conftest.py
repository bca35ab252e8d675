"""What tests of history share: a home of their own, and a store of each kind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
import pytest

from wfkit.core.ids import run_id
from wfkit.history.home import home
from wfkit.history.results import ResultStore, open_results

NOBODY = 65534


@pytest.fixture
def home_folder(tmp_path: Path) -> Path:
    return home({"WFKIT_HOME": str(tmp_path / "home")})


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, home_folder: Path) -> Iterator[ResultStore]:
    """A store in a folder, and one that fsspec keeps in memory."""
    url = "" if request.param == "folder" else "memory://results"
    store = open_results(home_folder, url)
    store.write_probe()
    yield store
    if url:
        fsspec.filesystem("memory").rm("/results", recursive=True)


@pytest.fixture
def run() -> str:
    return run_id(1_700_000_000_000, bytes(range(10)))


@pytest.fixture
def other_run() -> str:
    return run_id(1_700_000_000_001, bytes(range(10)))


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """Be somebody whom the permissions of files hold for, in an empty folder; root becomes nobody meanwhile."""
    folder = Path(tempfile.mkdtemp()).resolve()
    with _as_nobody(folder) if os.geteuid() == 0 else _as_it_is():
        yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


@contextmanager
def _as_nobody(folder: Path) -> Iterator[None]:
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield
