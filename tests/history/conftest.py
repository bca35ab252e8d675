"""What tests of history share: stores and databases of every kind; statements are those that every database takes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
from sqlalchemy import ClauseElement, event
from sqlalchemy.dialects import postgresql

from wfkit.core.ids import run_id
from wfkit.history.database import Database
from wfkit.history.home import home
from wfkit.history.results import ResultStore, open_results
from wfkit.history.schema import prepare
from wfkit.history.store import History

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


#: How soon a lock of another connection is reported here.
BUSY_S = 0.05


def as_postgres_takes_it(_connection: object, statement: object, *_rest: object) -> None:
    """Compile a statement for another database; raises where only SQLite knows what it says."""
    if isinstance(statement, ClauseElement):
        statement.compile(dialect=postgresql.dialect())


def opened(database: Database) -> Database:
    event.listen(database.engine, "before_execute", as_postgres_takes_it)
    prepare(database)
    return database


@pytest.fixture(params=["folder", "url", "network"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Database]:
    """Opens the database of this test, as often as it is called: SQLite in a directory, by URL, without a log."""

    def open_one(**options: Any) -> Database:
        match request.param:
            case "folder":
                return opened(Database(tmp_path / "home", **options))
            case "url":
                return opened(Database(f"sqlite:///{tmp_path / 'some.db'}", **options))
            case _:
                return opened(Database(tmp_path / "home", [("/", "nfs4")], **options))

    return open_one


@pytest.fixture
def open_history(place: Callable[[], Database]) -> Iterator[Callable[[], History]]:
    """Opens a history on the same database, as another process would."""
    opened: list[History] = []

    def open_one() -> History:
        opened.append(History(place()))
        return opened[-1]

    yield open_one
    for history in opened:
        history.close()


@pytest.fixture
def history(open_history: Callable[[], History]) -> History:
    """A history that is empty."""
    return open_history()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database in a directory."""
    database = opened(Database(tmp_path / "home", busy_s=BUSY_S))
    yield database
    database.close()
