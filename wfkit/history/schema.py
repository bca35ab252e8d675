"""Schema: the tables are made, brought to this version, or left alone, depending on what is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError

from wfkit.errors import HistoryUnusable
from wfkit.history import tables
from wfkit.history.broken import put_aside
from wfkit.history.database import Database, in_words, patiently
from wfkit.history.folder import private_file
from wfkit.history.migrations import STEPS
from wfkit.history.migrations.step import Step

#: SQLite's codes for a file that is none of its own, or no whole one: SQLITE_CORRUPT and SQLITE_NOTADB.
_BROKEN: Final = {11, 26}
#: So long a broken file is waited for that other processes read.
_READ_S: Final = 5.0


def prepare(database: Database, steps: Sequence[Step] = STEPS) -> str:
    """Make the tables, or bring them to this version.

    Parameters
    ----------
    database : Database
    steps : sequence of Step
        Those that there are, in order; the last one leads to this version.

    Returns
    -------
    str : what happened that its user should know; mostly nothing

    Raises
    ------
    HistoryUnusable : a newer wfkit made the tables, another program did, or the database cannot be used
    """
    note = ""
    try:
        if database.own_file and database.path is not None and _is_broken(database):
            note = put_aside(database.path, lambda: _is_broken(database), _READ_S)
        version = _version_in(database)
        target = steps[-1].to if steps else tables.VERSION
        _refuse_newer(database, version, target)
        if database.path is not None:
            patiently(lambda: _set_up_sqlite(database))
        if version is None or version < target:
            with database.writing() as connection:
                _make_or_migrate(database, connection, steps, target)
    except (DBAPIError, sqlite3.Error, OSError) as error:
        raise HistoryUnusable(
            f"The history at {database.name} cannot be opened: {in_words(error)}.",
            "Make it readable and writable, or set WFKIT_HOME to another directory.",
        ) from error
    return note


def version_of(connection: Connection) -> int | None:
    """The version of the tables; None where there are none.

    Raises
    ------
    HistoryUnusable : the tables are another program's
    """
    names = inspect(connection).get_table_names()
    if tables.schema.name in names:
        return connection.scalar(select(tables.schema.c.version))
    if names:
        raise HistoryUnusable(
            f"The database {connection.engine.url.render_as_string()} belongs to another program: it has the table"
            f" `{names[0]}`.",
            "Give the history a database of its own.",
        )
    return None


def _version_in(database: Database) -> int | None:
    with database.engine.begin() as connection:
        return version_of(connection)


def _refuse_newer(database: Database, version: int | None, target: int) -> None:
    if version is not None and version > target:
        raise HistoryUnusable(
            f"The history at {database.name} has version {version}, and this wfkit knows {target}.",
            "Upgrade wfkit, or set WFKIT_HOME to another directory. Nothing was changed.",
        )


def _set_up_sqlite(database: Database) -> None:
    """Choose how SQLite keeps its file. Both settings stay in the file; the first counts before there are tables."""
    database.run_pragma("PRAGMA auto_vacuum = INCREMENTAL")
    wanted = "wal" if database.wal else "delete"
    if database.run_pragma("PRAGMA journal_mode") != wanted:
        database.wal = database.run_pragma(f"PRAGMA journal_mode = {wanted}") == "wal"


def _make_or_migrate(database: Database, connection: Connection, steps: Sequence[Step], target: int) -> None:
    """Do what is to be done, now that nobody else can."""
    version = version_of(connection)
    _refuse_newer(database, version, target)
    if version is None:
        tables.metadata.create_all(connection)
        connection.execute(insert(tables.schema).values(version=target))
        return
    missing = [step for step in steps if step.to > version]
    if not missing:
        return
    if database.path is not None:
        _back_up(database.path, database.path.with_name(f"{database.path.name}.version-{version}"))
    for step in missing:
        step.upgrade(connection)
    connection.execute(update(tables.schema).values(version=target))


def _back_up(path: Path, backup: Path) -> None:
    """Copy SQLite's file as it was before the transaction that goes on; half a copy never has the name of a whole."""
    half = backup.with_name(f"{backup.name}.half")
    half.unlink(missing_ok=True)  # of a process that was killed here
    private_file(half)
    source, target = sqlite3.connect(path), sqlite3.connect(half)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    half.replace(backup)


def _is_broken(database: Database) -> bool:
    """Whether it is; then no connection stays open."""
    try:
        _version_in(database)
    except DBAPIError as error:
        database.close()
        return getattr(error.orig, "sqlite_errorcode", 0) in _BROKEN
    return False
