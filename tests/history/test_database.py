"""Databases: SQLite's settings, its locks and its log, and what is said of those that cannot be used."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from tests.history.conftest import BUSY_S
from wfkit.errors import HistoryUnusable
from wfkit.history import tables
from wfkit.history.database import Database, in_words, patiently
from wfkit.history.schema import prepare


def version(database: Database) -> object:
    with database.reading() as connection:
        return connection.scalar(select(tables.schema.c.version))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense://x/y", "no URL of a database"),
        ("://", "no URL of a database"),
        ("sqlite://", "in memory"),
        ("mysql+mysqldb://me:secret@here/x", "Install the driver"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(url: str, words: str) -> None:
    with pytest.raises(HistoryUnusable, match=words) as raised:
        Database(url)
    assert "secret" not in str(raised.value)


def test_a_file_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(HistoryUnusable, match="cannot be opened"):
        Database(f"sqlite:///{tmp_path}/no/such/place.db")


def test_a_disk_of_this_machine_gets_a_log_and_one_of_the_network_none(place: Callable[[], Database]) -> None:
    database = place()
    assert database.run_pragma("PRAGMA journal_mode") == ("wal" if database.wal else "delete")
    assert database.run_pragma("PRAGMA synchronous") == (1 if database.wal else 2)
    assert database.run_pragma("PRAGMA wal_autocheckpoint") == 0
    database.close()


def test_a_log_is_given_up_where_the_file_came_to_a_network_disk(database: Database) -> None:
    database.close()
    assert database.path is not None
    moved = Database(database.path.parent, [("/", "nfs")])
    prepare(moved)
    assert moved.run_pragma("PRAGMA journal_mode") == "delete"
    moved.close()


def test_all_files_are_private(place: Callable[[], Database]) -> None:
    database = place()
    assert database.path is not None
    with database.writing() as connection:
        connection.execute(insert(tables.schema).values(version=9))
        files = list(database.path.parent.glob(f"{database.path.name}*"))
        assert len(files) == (3 if database.wal else 2)
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    database.close()


def test_who_writes_has_the_lock_from_the_start(place: Callable[..., Database]) -> None:
    one, other = place(), place(busy_s=BUSY_S)
    with one.writing(), pytest.raises(OperationalError, match="locked"), other.writing():
        pass
    with one.writing():
        assert version(other) == 1, "readers do not mind"
    one.close()
    other.close()


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            connection.execute(insert(tables.schema).values(version=9))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as connection:
        assert list(connection.scalars(select(tables.schema.c.version))) == [1]


def test_what_cannot_be_read_says_so(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE events")
    with pytest.raises(HistoryUnusable, match="cannot be read: no such table"), database.reading() as connection:
        connection.execute(select(tables.events))


def test_a_long_log_is_moved_into_the_file_while_nobody_can_write(database: Database) -> None:
    assert database.path is not None
    log = database.path.with_name("history.db-wal")
    with database.writing() as connection:
        connection.execute(insert(tables.schema), [{"version": number} for number in range(10, 300_000)])
    size_bytes, before_bytes = log.stat().st_size, database.path.stat().st_size
    assert size_bytes > 3 * 2**20
    database.checkpoint()
    assert database.path.stat().st_size == before_bytes, "it is not long enough yet"
    with database.writing() as connection:
        connection.execute(insert(tables.schema), [{"version": number} for number in range(10, 300_000)])
    with sqlite3.connect(database.path, timeout=BUSY_S) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            database.checkpoint()
        other.rollback()
    database.checkpoint()
    assert database.path.stat().st_size > before_bytes + 2 * size_bytes * 0.9
    other.close()


def test_patience_ends_and_other_faults_need_none(tmp_path: Path) -> None:
    tries = []

    def locked_at_first() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise sqlite3.OperationalError("database is locked")
        return "done"

    assert patiently(locked_at_first) == "done"
    tries.clear()
    with pytest.raises(sqlite3.OperationalError):
        patiently(locked_at_first, seconds=-1)
    with pytest.raises(ZeroDivisionError):
        patiently(lambda: 1 // 0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("database or disk is full", "the disk is full"),
        ("database is locked", "another process holds the database"),
        ("attempt to write a readonly database", "it is read-only"),
        ("something new", "something new"),
    ],
)
def test_faults_are_told_in_words(said: str, words: str) -> None:
    assert in_words(OperationalError("INSERT", {}, sqlite3.OperationalError(said))) == words
