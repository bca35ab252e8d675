"""Folder: the directory of a history, which only its user can enter, and what kind of disk it is on."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # no types shipped

from wfkit.errors import HistoryUnusable

FILE_NAME: Final = "history.db"
#: File systems whose locks and shared memory do not hold between machines.
_NETWORKED: Final = frozenset(
    {
        *("9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs"),
        *("lustre", "nfs", "nfs4", "ocfs2", "orangefs", "smb2", "smb3", "smbfs", "webdav"),
    }
)
_PRIVATE: Final = 0o600
_ANYBODY: Final = stat.S_IRWXG | stat.S_IRWXO


def private_folder(path: Path) -> Path:
    """Make a directory that is its user's alone, or see to it that this one is.

    Raises
    ------
    HistoryUnusable : it cannot be made, is somebody else's, or is open to others and holds other things
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            _claim(path)
        else:
            path.chmod(0o700)  # whatever the umask
    except OSError as error:
        raise HistoryUnusable(
            f"The history's directory {path} cannot be used: {error.strerror or error}.",
            "Make it writable, or set WFKIT_HOME to a directory that is.",
        ) from error
    return path


def _claim(path: Path) -> None:
    """Take a directory that exists."""
    found = path.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise HistoryUnusable(f"{path} is no directory.", "Set WFKIT_HOME to one.")
    refuse_foreign(path, found)
    if not found.st_mode & _ANYBODY:
        return
    inside = [one.name for one in path.iterdir()]
    if inside and FILE_NAME not in inside:
        raise HistoryUnusable(
            f"Others can enter {path}, and it holds more than a history.",
            f"Say `chmod 700 {path}` if nobody else needs it, or set WFKIT_HOME to another directory.",
        )
    path.chmod(0o700)


def private_file(path: Path) -> None:
    """Make an empty file that is its user's alone, or see to it that this one is. Files that SQLite adds follow it.

    Raises
    ------
    HistoryUnusable : it is somebody else's
    OSError : it cannot be made
    """
    # Never opens one that is there: closing it would end all locks of this process on it, SQLite's own too (POSIX).
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE))
    found = path.stat()
    refuse_foreign(path, found)
    if stat.S_IMODE(found.st_mode) != _PRIVATE:
        path.chmod(_PRIVATE)


def refuse_foreign(path: Path, found: os.stat_result) -> None:
    """Refuse what belongs to another user: who owns it reads and changes what is in it.

    Raises
    ------
    HistoryUnusable : it does
    """
    if found.st_uid != os.geteuid():
        raise HistoryUnusable(
            f"{path} belongs to the user {found.st_uid}, not to {os.geteuid()}.",
            "Set WFKIT_HOME to a directory of your own.",
        )


def network_of(path: Path, mounts: list[tuple[str, str]] | None = None) -> str:
    """The kind of the network file system that a path is on; empty for a disk of this machine.

    Parameters
    ----------
    path : Path
    mounts : list of (mount point, type), optional
        Those of this machine if not given.
    """
    if mounts is None:
        mounts = [(one.mountpoint, one.fstype) for one in psutil.disk_partitions(all=True)]
    place = path.resolve()
    above = [(Path(point), kind) for point, kind in mounts if place.is_relative_to(point)]
    _, kind = max(above, key=lambda mount: len(mount[0].parts), default=(place, ""))
    return kind if kind in _NETWORKED else ""
