"""Remote: the files of a store behind any URL that fsspec knows."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from wfkit.history import paths
from wfkit.history.faults import Unsound, retried
from wfkit.history.format import HEAD_BYTES, Source

#: What is asked for at once, or handed to fsspec at once: so much is in memory twice meanwhile.
_BLOCK_BYTES: Final = 32 << 20


class RemoteFiles:
    """Files behind a URL.

    They are not moved into place, since many of these stores cannot do that at once: a file of a run counts through its
    reference, which is given out when the file is whole. Credentials are found where fsspec's file systems look for
    them: in the environment and in fsspec's own configuration.

    Raises
    ------
    ImportError, ValueError : fsspec cannot reach such URLs here
    """

    def __init__(self, url: str) -> None:
        import fsspec  # who keeps results in a folder does without

        files, root = fsspec.core.url_to_fs(url)
        self._files: Any = files
        self._root = str(root).rstrip("/")

    def place(self, *names: str) -> str:
        """The path of a file or folder; see `paths.in_url`."""
        return paths.in_url(self._root, *names)

    def write(self, place: str, pieces: Sequence[memoryview]) -> None:
        """Write a file; what is left of one that could not be written is deleted.

        Raises
        ------
        Exception : it could not be written
        """
        try:
            retried(lambda: self._write(place, pieces))
        except BaseException:
            with suppress(Exception):
                self._files.rm_file(place)
            raise

    def _write(self, place: str, pieces: Sequence[memoryview]) -> None:
        try:
            file = self._files.open(place, "wb")
        except FileNotFoundError:  # a file system with real folders
            self._files.makedirs(self._files._parent(place), exist_ok=True)
            file = self._files.open(place, "wb")
        with file:
            for piece in pieces:
                for at in range(0, piece.nbytes, _BLOCK_BYTES):
                    file.write(piece[at : at + _BLOCK_BYTES])

    @contextmanager
    def open(self, place: str) -> Iterator[Source]:
        """Open a file for reading.

        Raises
        ------
        Unsound : there is no such file in the store
        Exception : the store is at fault
        """
        sizes = self._sizes([place])
        if place not in sizes:
            raise self._missing()
        try:
            yield _Blocks(self._files, place, sizes[place])
        except FileNotFoundError:
            raise self._missing() from None

    def heads(self, places: Iterable[str]) -> Iterator[tuple[bytes, int] | Unsound]:
        """The first bytes and the size of each file, or what is wrong with it; asked for together.

        Raises
        ------
        Exception : the store is at fault
        """
        places = list(places)
        sizes = self._sizes(places)
        long_enough = [place for place in places if sizes.get(place, 0) >= HEAD_BYTES]
        found = self._files.cat_ranges(long_enough, 0, HEAD_BYTES, on_error="return")
        heads = dict(zip(long_enough, found, strict=True))
        for place in places:
            head = heads.get(place, b"")
            if place not in sizes or isinstance(head, FileNotFoundError):
                missing = self._missing()
                if not isinstance(missing, Unsound):
                    raise missing
                yield missing
            elif isinstance(head, Exception):
                raise head
            else:
                yield head, sizes[place]

    def exists(self, place: str) -> bool:
        """Whether there is such a file."""
        return place in self._sizes([place])

    def names(self) -> list[str]:
        """Names of all that lies directly below the root."""
        return [_name(entry) for entry in self._entries(self._root)]

    def size(self, folder: str) -> int:
        """Bytes of all files in a folder; 0 if there is none."""
        return sum(int(entry["size"] or 0) for entry in self._entries(folder))

    def delete(self, place: str) -> None:
        """Delete a file, or a folder and all in it; nothing happens if it does not exist."""
        with suppress(FileNotFoundError):
            retried(lambda: self._files.rm(place, recursive=True))

    def _sizes(self, places: Sequence[str]) -> dict[str, int]:
        """Bytes of those files that exist."""
        if len(places) == 1:
            self._files.invalidate_cache()  # others write too
            try:
                found = retried(lambda: self._files.info(places[0]))
            except FileNotFoundError:
                return {}
            return {places[0]: int(found["size"])} if found["type"] == "file" else {}
        folders = {place.rpartition("/")[0] for place in places}
        there = {
            (folder, _name(entry)): int(entry["size"])
            for folder in folders
            for entry in self._entries(folder)
            if entry["type"] == "file"
        }
        split = {place: (place.rpartition("/")[0], place.rpartition("/")[2]) for place in places}
        return {place: there[parts] for place, parts in split.items() if parts in there}

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        self._files.invalidate_cache()  # others write too
        try:
            return list(retried(lambda: self._files.ls(folder, detail=True)))
        except FileNotFoundError:
            return []

    def _missing(self) -> Exception:
        """What it means that a file is not there: nothing is lost while the store itself cannot be seen."""
        if retried(lambda: self._files.exists(self._root)):
            return Unsound("its file is missing")
        return FileNotFoundError(errno.ENOENT, "")


class _Blocks:
    """A file, fetched in large blocks from its start to its end."""

    def __init__(self, files: Any, place: str, size: int) -> None:
        self._files = files
        self._place = place
        self.size = size
        self._at = 0  #: where the next block begins
        self._block = memoryview(b"")  #: what was fetched and is not read yet

    def readinto(self, room: memoryview) -> int:
        if not self._block.nbytes and self._at < self.size:
            end = min(self._at + _BLOCK_BYTES, self.size)
            # By name: the second place is the start in fsspec, and a version in s3fs.
            self._block = memoryview(retried(lambda: self._files.cat_file(self._place, start=self._at, end=end)))
            self._at += self._block.nbytes
        count = min(room.nbytes, self._block.nbytes)
        room[:count] = self._block[:count]
        self._block = self._block[count:]
        return count


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]
