"""Broken: what is in a file that is no database is put aside, and the file begins anew.

The file itself stays where it is. SQLite locks the file and finds its journal by the name: who moves a file that others
have open makes these take the journal of the next one for theirs, and write the one into the other
(https://sqlite.org/howtocorrupt.html, "Unlinking or renaming a database file while in use").
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from wfkit.errors import HistoryUnusable
from wfkit.history.folder import private_file

#: SQLite's own lock of a file: PENDING, RESERVED and SHARED (https://sqlite.org/src/file/src/os.h).
_LOCK_AT: Final = 0x40000000
_LOCK_BYTES: Final = 512
_BESIDE: Final = ("-wal", "-shm", "-journal")


def put_aside(path: Path, is_broken: Callable[[], bool], seconds: float) -> str:
    """Copy a file that is no database beside itself, with what belongs to it, and empty it.

    Parameters
    ----------
    path : Path
        SQLite's file. No connection of this process uses it.
    is_broken : callable
        Asked again, now that no other process puts it aside; if so, it leaves no connection open.
    seconds : float
        So long it waits for others that read the file.

    Returns
    -------
    str : what happened, for its user; "" where another process was faster

    Raises
    ------
    HistoryUnusable : others have it open
    OSError : it cannot be copied; nothing was changed
    """
    with _alone_in(path.parent):
        if not is_broken():
            return ""
        aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        with path.open("r+b") as file:
            _lock(file, path, seconds)
            _copy(file, aside)
            beside = [part for end in _BESIDE if (part := path.with_name(path.name + end)).exists()]
            for part in beside:
                with part.open("rb") as source:
                    _copy(source, aside.with_name(part.name.replace(path.name, aside.name, 1)))
            for part in beside:
                part.unlink()
            file.truncate(0)
    return f"{path} was no database; what was in it is in {aside} now, and the history begins anew."


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    folder = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _lock(file: BinaryIO, path: Path, seconds: float) -> None:
    """Have the file alone, as SQLite sees it, until it is closed."""
    end_s = time.monotonic() + seconds
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_BYTES, _LOCK_AT)
        except BlockingIOError as error:
            if time.monotonic() > end_s:
                raise HistoryUnusable(
                    f"The history at {path} is damaged, and another process has it open.",
                    "End the other kernels that use it, or set WFKIT_HOME to another directory. Nothing was changed.",
                ) from error
            time.sleep(0.02)
        else:
            return


def _copy(source: BinaryIO, target: Path) -> None:
    """Copy what is in a file; half a copy never has the name of a whole."""
    half = target.with_name(f"{target.name}.half")
    half.unlink(missing_ok=True)  # of a process that was killed here
    private_file(half)
    with half.open("wb") as file:
        shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())
    half.replace(target)
