"""Black box: a small file in which a worker notes what it executes, and which the scheduler reads when it has died.

News go through the worker's event loop, and those of the last milliseconds die with it: that a task had ended, that
the next one had begun. What is written into a mapped file is there as soon as it is written, whatever ends the process.
Only a scheduler on the same machine can read it.
"""

from __future__ import annotations

import mmap
import os
import secrets
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

#: A row holds one key: its length, then its bytes. The first row holds the token, and whether all keys have a row.
_ROW: Final = 256
_ROWS: Final = 1_024
_LENGTH: Final = struct.Struct("=I")
_INCOMPLETE: Final = _ROW - 1


class Where(NamedTuple):
    """What the scheduler needs to find the box of a worker, and to know that it is this one."""

    path: str
    token: bytes


class BlackBox:
    """The worker's side.

    Raises
    ------
    OSError : the file cannot be made
    """

    def __init__(self, folder: Path) -> None:
        token = secrets.token_bytes(16)
        self.where = Where(str(folder / f"wfkit-executes-{token.hex()}"), token)
        path = Path(self.where.path)
        path.touch(0o600, exist_ok=False)
        try:
            path.write_bytes(bytes(_ROW * _ROWS))  # a hole that a full disk does not let fill would end this process
            with path.open("r+b") as file:
                self._rows = mmap.mmap(file.fileno(), _ROW * _ROWS)
        except OSError:
            path.unlink()
            raise
        self._rows[: len(token)] = token
        self._lock = threading.Lock()
        self._free = list(range(_ROWS - 1, 0, -1))
        self._at: dict[str, int] = {}
        self._without_row: set[str] = set()

    @classmethod
    def in_folder(cls, folder: str) -> Self | None:
        """A box in a folder; None where it cannot be."""
        with suppress(OSError):
            return cls(Path(folder))
        return None

    def note(self, key: str) -> None:
        """A task is executed from now on."""
        text = key.encode()
        with self._lock:
            if key in self._at:
                return
            if not self._free or len(text) > _ROW - _LENGTH.size:
                self._without_row.add(key)
                self._rows[_INCOMPLETE] = 1
                return
            row = self._at[key] = self._free.pop()
            start = _ROW * row + _LENGTH.size
            self._rows[start : start + len(text)] = text
            _LENGTH.pack_into(self._rows, _ROW * row, len(text))  # last: half a key is none

    def forget(self, key: str) -> None:
        """A task is not executed any more."""
        with self._lock:
            row = self._at.pop(key, None)
            if row is not None:
                _LENGTH.pack_into(self._rows, _ROW * row, 0)
                self._free.append(row)
            self._without_row.discard(key)
            if not self._without_row:
                self._rows[_INCOMPLETE] = 0


class Readout:
    """The scheduler's side: it holds the file open, so that it can be read when it was deleted."""

    def __init__(self, rows: mmap.mmap) -> None:
        self._rows = rows

    @classmethod
    def of(cls, where: Where) -> Self | None:
        """The box of a worker; None where it is on another machine."""
        with suppress(OSError, ValueError):  # ValueError: too short
            descriptor = os.open(where.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                rows = mmap.mmap(descriptor, _ROW * _ROWS, prot=mmap.PROT_READ)
            finally:
                os.close(descriptor)
            if rows[: len(where.token)] == where.token:
                return cls(rows)
        return None

    def keys(self) -> set[str]:
        """What was executed when the worker died; nothing where there was too much for the box."""
        found: set[str] = set()
        if self._rows[_INCOMPLETE]:
            return found
        for start in range(_ROW, _ROW * _ROWS, _ROW):
            (length,) = _LENGTH.unpack_from(self._rows, start)
            if 0 < length <= _ROW - _LENGTH.size:
                begin = start + _LENGTH.size
                found.add(self._rows[begin : begin + length].decode(errors="replace"))
        return found
