"""Histories of every kind of place, whose statements every database would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement, event
from sqlalchemy.dialects import postgresql

from wfkit.history.database import Database
from wfkit.history.schema import prepare
from wfkit.history.store import History

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
