"""Local: the files of a store in a folder of this machine, by plain calls of the system."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from wfkit.history import paths
from wfkit.history.faults import Unsound
from wfkit.history.format import HEAD_BYTES, Source

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
#: The file is at fault, not the store: a folder or a symbolic link in its place, or sectors that cannot be read.
_OF_THE_FILE: Final = {errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENOTDIR, errno.ENXIO}


class LocalFiles:
    """Files below a folder of this machine, for its owner alone.

    Parameters
    ----------
    root : str
        The folder. Only the kernel makes it: a worker that does not find it does not share the store.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)

    def place(self, *names: str) -> str:
        """The path of a file or folder; see `paths.on_disk`."""
        return paths.on_disk(self._root, *names)

    def write(self, place: str, pieces: Sequence[memoryview]) -> None:
        """Write a file whole or not at all; its folder is made where it is missing.

        Raises
        ------
        OSError : it could not be written; nothing is left of it
        """
        part = paths.beside(place)
        try:
            descriptor = os.open(part, _WRITE, 0o600)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(os.path.dirname(place), 0o700)
            descriptor = os.open(part, _WRITE, 0o600)
        try:
            try:
                _write(descriptor, pieces)
            finally:
                os.close(descriptor)
            os.replace(part, place)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise

    @contextmanager
    def open(self, place: str) -> Iterator[Source]:
        """Open a file for reading.

        Raises
        ------
        Unsound : there is no such file in the store, or it cannot be read
        OSError : the store is at fault
        """
        descriptor = -1
        try:
            descriptor = os.open(place, _READ)
            yield _OpenFile(descriptor)
        except OSError as error:
            if error.errno in _OF_THE_FILE or (error.errno == errno.ENOENT and os.path.isdir(self._root)):
                missing = error.errno == errno.ENOENT
                raise Unsound(
                    "its file is missing" if missing else f"its file cannot be read: {error.strerror}"
                ) from None
            raise
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def heads(self, places: Iterable[str]) -> Iterator[tuple[bytes, int] | Unsound]:
        """The first bytes and the size of each file, or what is wrong with it.

        Raises
        ------
        OSError : the store is at fault
        """
        for place in places:
            try:
                with self.open(place) as source:
                    room = bytearray(HEAD_BYTES)
                    yield bytes(room[: source.readinto(memoryview(room))]), source.size
            except Unsound as unsound:
                yield unsound

    def exists(self, place: str) -> bool:
        """Whether there is such a file."""
        return os.path.isfile(place)

    def names(self) -> list[str]:
        """Names of all that lies directly below the root."""
        return os.listdir(self._root)

    def size(self, folder: str) -> int:
        """Bytes of all files in a folder; 0 if there is none."""
        try:
            with os.scandir(folder) as entries:
                return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
        except FileNotFoundError:
            return 0

    def delete(self, place: str) -> None:
        """Delete a file, or a folder and all in it; nothing happens if it does not exist."""
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(place).st_mode):
                shutil.rmtree(place)
            else:
                os.unlink(place)


class _OpenFile:
    """A regular file that is open."""

    def __init__(self, descriptor: int) -> None:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise Unsound("its file cannot be read: it is no regular file")
        self._descriptor = descriptor
        self.size = state.st_size

    def readinto(self, room: memoryview) -> int:
        return os.readv(self._descriptor, [room])


def _write(descriptor: int, pieces: Sequence[memoryview]) -> None:
    """Write all pieces, and wait until they are on the disk.

    The mode is set again: the umask may have taken away what the owner needs.
    """
    os.fchmod(descriptor, 0o600)
    for piece in pieces:
        left = piece
        while left.nbytes:
            left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)
