"""A migration that is killed anywhere leaves the old tables or the new ones, whole, and the next one finishes it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
OLD: Final = """
CREATE TABLE wfkit_schema (version INTEGER NOT NULL);
INSERT INTO wfkit_schema VALUES (0);
CREATE TABLE runs (id TEXT PRIMARY KEY, flow_name TEXT NOT NULL);
INSERT INTO runs SELECT printf('r-%d', value), 'etl' FROM (
    WITH RECURSIVE counter(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM counter LIMIT 2000)
    SELECT value FROM counter
);
"""
#: Migrates, and is killed right before the nth statement, rename or connection to a database.
MIGRATE: Final = """
import os, signal, sys
from sqlalchemy import event
from wfkit.history.database import Database
from wfkit.history.migrations.step import Step
from wfkit.history.schema import prepare

left = [int(sys.argv[2])]

def count(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def watch(name, arguments):
    if name in {"os.rename", "os.chmod", "sqlite3.connect"}:
        count()

def add_columns(connection):
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN pinned BOOLEAN NOT NULL DEFAULT 0")
    connection.exec_driver_sql("UPDATE runs SET pinned = 1")

def rename(connection):
    connection.exec_driver_sql("ALTER TABLE runs RENAME TO executions")

database = Database(sys.argv[1])
event.listen(database.engine, "before_cursor_execute", count)
event.listen(database.engine, "commit", count)
sys.addaudithook(watch)
prepare(database, (Step(1, add_columns), Step(2, rename)))
database.close()
"""


def migrate(folder: Path, killed_at: int) -> bool:
    """Whether it came to its end."""
    command = [sys.executable, "-c", MIGRATE, str(folder), str(killed_at)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def state_of(path: Path) -> tuple[int, int]:
    """The version, and how many rows of the table that it has; raises if they are of two versions."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    (version,) = connection.execute("SELECT version FROM wfkit_schema").fetchone()
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {"wfkit_schema", {0: "runs", 2: "executions"}[version]}
    if version == 2:
        (rows,) = connection.execute("SELECT count(*) FROM executions WHERE pinned = 1").fetchone()
    else:
        assert [row[1] for row in connection.execute("PRAGMA table_info(runs)")] == ["id", "flow_name"]
        (rows,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    connection.close()
    return version, rows


def test_a_migration_killed_before_each_of_its_steps_leaves_old_or_new(tmp_path: Path) -> None:
    seen = []
    for killed_at in range(1, 60):
        folder = tmp_path / str(killed_at)
        folder.mkdir(mode=0o700)
        connection = sqlite3.connect(folder / "history.db")
        connection.executescript(OLD)
        connection.close()
        finished = migrate(folder, killed_at)
        seen.append(state_of(folder / "history.db"))
        backup = folder / "history.db.version-0"
        if backup.exists():
            assert state_of(backup) == (0, 2_000)
        if finished:
            break
        assert migrate(folder, 10_000)
        assert state_of(folder / "history.db") == (2, 2_000)
        assert state_of(backup) == (0, 2_000)
    assert len(seen) > 10
    assert seen == sorted(seen), "old until it is committed, new from then on"
    assert {(0, 2_000), (2, 2_000)} == set(seen)
