"""Keys: the secret that signs what is stored, made once, and what is derived from it for workers."""

from __future__ import annotations

import hmac
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from wfkit.errors import StoreUnusable
from wfkit.history import paths
from wfkit.history.faults import words

NAME: Final = "key"
_BYTES: Final = 32


def signing_key(home: Path) -> bytes:
    """The key of this user, made if there is none; processes that ask at the same time get the same one.

    Parameters
    ----------
    home : Path
        As `home.home` gives it.

    Raises
    ------
    StoreUnusable : others may have read it, it is damaged, or it cannot be made
    """
    path = home / NAME
    try:
        with suppress(FileNotFoundError):
            return _read(path)
        _make(path)
        return _read(path)
    except OSError as error:
        raise StoreUnusable(
            f"The key that signs results, {path}, cannot be read or made: {words(error)}.",
            "Set WFKIT_HOME to a folder of your own.",
        ) from error


def for_run(key: bytes, run_id: str) -> bytes:
    """The key that signs the results of one run."""
    return hmac.digest(key, f"run {run_id}".encode(), "sha256")


def for_history(key: bytes) -> bytes:
    """The key that signs the record of runs."""
    return hmac.digest(key, b"history", "sha256")


def for_cache(key: bytes) -> bytes:
    """The key that signs what is cached."""
    return hmac.digest(key, b"cache", "sha256")


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        state = os.fstat(descriptor)
        key = os.read(descriptor, _BYTES + 1)
    finally:
        os.close(descriptor)
    new = "Delete it: a new one is made then, and results that were stored with it count as lost."
    if state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077:
        raise StoreUnusable(f"Others may have read the key that signs results, {path}.", new)
    if len(key) != _BYTES:
        raise StoreUnusable(f"The key that signs results, {path}, is damaged.", new)
    return key


def _make(path: Path) -> None:
    """Write a key and link it into place: who comes second finds the first one's, whole."""
    part = paths.beside(str(path))
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, os.urandom(_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        Path(part).unlink()
