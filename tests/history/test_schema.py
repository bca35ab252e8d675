"""Schema: old tables are migrated after a backup, newer and foreign ones left alone, garbage moved aside."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from wfkit.errors import HistoryUnusable
from wfkit.history import tables
from wfkit.history.database import Database
from wfkit.history.folder import FILE_NAME, private_folder
from wfkit.history.migrations import STEPS
from wfkit.history.migrations.step import Step
from wfkit.history.schema import prepare

OLD = """
CREATE TABLE wfkit_schema (version INTEGER NOT NULL);
INSERT INTO wfkit_schema VALUES (0);
CREATE TABLE runs (id TEXT PRIMARY KEY, flow_name TEXT NOT NULL);
INSERT INTO runs VALUES ('r-1', 'etl'), ('r-2', 'monthly');
"""


def add_a_column(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN pinned BOOLEAN NOT NULL DEFAULT 0")


def rename_a_table(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE runs RENAME TO executions")


STEPS_HERE = (Step(1, add_a_column), Step(2, rename_a_table))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A history of version 0."""
    path = private_folder(tmp_path / "home") / FILE_NAME
    make(path, OLD)
    return path


def make(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute(f"SELECT * FROM {table}").fetchall()
    connection.close()
    return found


def opened(path: Path, steps: tuple[Step, ...] = STEPS) -> str:
    database = Database(path.parent)
    try:
        return prepare(database, steps)
    finally:
        database.close()


def test_the_steps_lead_to_the_version_of_the_tables() -> None:
    assert [step.to for step in STEPS] == list(range(2, tables.VERSION + 1))


def test_an_empty_file_gets_the_tables_once(tmp_path: Path) -> None:
    database = Database(tmp_path / "home")
    assert [prepare(database), prepare(database)] == ["", ""]
    with database.reading() as connection:
        assert list(connection.scalars(select(tables.schema.c.version))) == [tables.VERSION]
    assert database.run_pragma("PRAGMA auto_vacuum") == 2
    database.close()


def test_old_tables_are_migrated_step_by_step_and_what_was_is_kept_beside(old: Path) -> None:
    assert opened(old, STEPS_HERE) == ""
    assert rows(old, "executions") == [("r-1", "etl", 0), ("r-2", "monthly", 0)]
    assert rows(old, "wfkit_schema") == [(2,)]
    backup = old.with_name("history.db.version-0")
    assert rows(backup, "runs") == [("r-1", "etl"), ("r-2", "monthly")]
    assert rows(backup, "wfkit_schema") == [(0,)]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert {path.name for path in old.parent.iterdir()} == {old.name, backup.name}


def test_only_the_steps_that_are_missing_are_taken(old: Path) -> None:
    opened(old, STEPS_HERE[:1])
    opened(old, STEPS_HERE)
    assert rows(old, "executions") == [("r-1", "etl", 0), ("r-2", "monthly", 0)]


def test_a_step_that_fails_changes_nothing(old: Path) -> None:
    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE no_such_table ADD COLUMN x")

    with pytest.raises(HistoryUnusable, match="no such table"):
        opened(old, (*STEPS_HERE, Step(3, fail)))
    assert rows(old, "runs") == [("r-1", "etl"), ("r-2", "monthly")]
    assert rows(old, "wfkit_schema") == [(0,)]


def test_newer_tables_are_refused_and_not_touched(tmp_path: Path) -> None:
    path = private_folder(tmp_path / "home") / FILE_NAME
    make(path, OLD.replace("(0)", "(7)"))
    before = path.read_bytes()
    with pytest.raises(HistoryUnusable, match=r"has version 7, and this wfkit knows 1\..*Upgrade wfkit"):
        opened(path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [FILE_NAME]


def test_a_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = private_folder(tmp_path / "home") / FILE_NAME
    make(path, "CREATE TABLE songs (title TEXT)")
    before = path.read_bytes()
    with pytest.raises(HistoryUnusable, match="belongs to another program: it has the table `songs`"):
        opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "garbage", [b"no database at all " * 200, b"SQLite format 3\x00" + b"\xff" * 4_000, b"abc" * 9]
)
def test_a_file_that_is_no_database_is_moved_aside_never_deleted(tmp_path: Path, garbage: bytes) -> None:
    path = private_folder(tmp_path / "home") / FILE_NAME
    path.write_bytes(garbage)
    note = opened(path)
    aside = next(path.parent.glob("history.db.broken-*"))
    assert str(aside) in note
    assert aside.read_bytes() == garbage
    assert rows(path, "wfkit_schema") == [(tables.VERSION,)]
    assert opened(path) == ""


def test_a_database_that_was_cut_off_is_moved_aside(tmp_path: Path) -> None:
    path = private_folder(tmp_path / "home") / FILE_NAME
    opened(path)
    path.write_bytes(path.read_bytes()[:8_192])
    assert "no database" in opened(path)
    assert next(path.parent.glob("history.db.broken-*")).stat().st_size == 8_192


def test_a_file_that_somebody_named_is_never_moved(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(b"a,b,c\n" * 500)
    with pytest.raises(HistoryUnusable, match="damaged"):
        prepare(Database(f"sqlite:///{path}"))
    assert path.read_bytes() == b"a,b,c\n" * 500
