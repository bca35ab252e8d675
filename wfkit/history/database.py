"""Database: connections to SQLite, or to any other database, that behave the same."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from wfkit.errors import HistoryUnusable
from wfkit.history.folder import FILE_NAME, network_of, private_file, private_folder

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

_BUSY_S: Final = 5.0
_WRITES: Final = "wfkit_writes"
#: The log of SQLite is moved into its file when it is longer.
_LOG_BYTES: Final = 4 * 2**20
#: What drivers say, and what people understand.
_IN_WORDS: Final = {
    "disk is full": "the disk is full",
    "disk i/o error": "the disk is full or broken",
    "locked": "another process holds the database",
    "readonly": "it is read-only",
    "unable to open": "its file cannot be opened",
    "malformed": "its file is damaged",
    "not a database": "its file is damaged",
}


class Database:
    """Where a history is kept.

    Attributes
    ----------
    path : Path or None
        SQLite's file; None for another database.
    wal : bool
        Whether SQLite keeps a log beside its file, so that readers and the writer do not wait for each other.

    Parameters
    ----------
    place : str or Path
        A directory of the user's, in which SQLite's file is, or the URL of a database.
    mounts : list of (mount point, type), optional
        The file systems of this machine.
    busy_s : float
        So long SQLite waits for the lock of another process before it says so.

    Raises
    ------
    HistoryUnusable : the URL is none, its driver is not installed, or the directory cannot be used
    """

    def __init__(self, place: str | Path, mounts: list[tuple[str, str]] | None = None, busy_s: float = _BUSY_S) -> None:
        self._busy_s = busy_s
        #: Whether the file is ours alone, so that one that turns out broken may be moved aside.
        self.own_file = "://" not in str(place)
        if self.own_file:
            url = URL.create("sqlite", database=str(private_folder(Path(place)) / FILE_NAME))
        else:
            url = _url(str(place))
        is_sqlite = url.get_backend_name() == "sqlite"
        self.path = Path(url.database or "") if is_sqlite else None
        self.wal = self.path is not None and not network_of(self.path, mounts)
        self.name = url.render_as_string(hide_password=True) if self.path is None else str(self.path)
        try:
            if self.path is not None:
                private_file(self.path)
            self.engine = create_engine(url, pool_pre_ping=not is_sqlite)
        except OSError as error:
            raise HistoryUnusable(
                f"The history at {self.name} cannot be opened: {error.strerror or error}.",
                "Make it writable, or set WFKIT_HOME to a directory that is.",
            ) from error
        except ImportError as error:
            raise HistoryUnusable(
                f"The history at {self.name} cannot be opened: {error}.", "Install the driver of the database."
            ) from error
        if is_sqlite:
            event.listen(self.engine, "connect", self._prepare)
            event.listen(self.engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads.

        Raises
        ------
        HistoryUnusable : the database cannot be read
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise HistoryUnusable(
                f"The history at {self.name} cannot be read: {in_words(error)}.", "Try again."
            ) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes. SQLite takes its lock at the start, where waiting for it is harmless."""
        with self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    def run_pragma(self, statement: str) -> Any:
        """Have SQLite do something outside of a transaction, and give its answer."""
        raw = self.engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute(statement)
            row = cursor.fetchone()
            cursor.close()
            return None if row is None else row[0]
        finally:
            raw.close()

    def checkpoint(self, most_bytes: int = _LOG_BYTES) -> None:
        """Move SQLite's log into its file, if it is longer than so much.

        While nobody can commit: until 3.51.3 a checkpoint that another process's commit met could lose that commit.
        So no connection does it by itself, and who does it holds the lock of writers.
        """
        if self.path is None or not self.wal:
            return
        log = self.path.with_name(f"{self.path.name}-wal")
        if log.exists() and log.stat().st_size > most_bytes:
            with self.writing():
                self.run_pragma("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _prepare(self, connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:  # noqa: ARG002
        connection.isolation_level = None  # SQLAlchemy says BEGIN, not the driver, which would say it too late
        for setting in (
            f"busy_timeout = {round(1_000 * self._busy_s)}",
            f"synchronous = {'NORMAL' if self.wal else 'FULL'}",
            "foreign_keys = ON",
            "wal_autocheckpoint = 0",
        ):
            connection.execute(f"PRAGMA {setting}").close()


def in_words(error: BaseException) -> str:
    """What is wrong with a database, for people."""
    text = str(getattr(error, "orig", None) or error)
    return next((words for said, words in _IN_WORDS.items() if said in text.lower()), text)


def patiently(work: Callable[[], T], seconds: float = _BUSY_S) -> T:
    """Do something for which SQLite does not wait for the lock itself.

    Raises
    ------
    DBAPIError : it is still locked after so many seconds, or something else is wrong
    """
    end_s = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (DBAPIError, sqlite3.OperationalError) as error:
            if "locked" not in str(error) or time.monotonic() > end_s:
                raise
            time.sleep(0.02)


def _url(text: str) -> URL:
    try:
        url = make_url(text)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise HistoryUnusable(
            f"{text!r} is no URL of a database: {error}.", "Write it like postgresql://user@host/name."
        ) from error
    if url.get_backend_name() == "sqlite" and not url.database:
        raise HistoryUnusable("A history in memory is none.", "Name a file: sqlite:////home/me/history.db.")
    return url


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
