"""Storage: verified values in files, in a folder or behind a URL, whoever they belong to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, Protocol

from wfkit.history import format as files
from wfkit.history import paths
from wfkit.history.faults import Unsound
from wfkit.history.local import LocalFiles
from wfkit.history.remote import RemoteFiles


class Storage(Protocol):
    """Where files lie. It raises what its system raises, and `Unsound` where one file is at fault and not the store."""

    def place(self, *names: str) -> str:
        """The path of a file or folder, for the other methods."""

    def write(self, place: str, pieces: Sequence[memoryview]) -> None:
        """Write a file and leave nothing if that fails; make its folder where it is missing."""

    def open(self, place: str) -> AbstractContextManager[files.Source]:
        """Open a file for reading."""

    def heads(self, places: Iterable[str]) -> Iterator[tuple[bytes, int] | Unsound]:
        """The first bytes and the size of each file, or what is wrong with it."""

    def exists(self, place: str) -> bool:
        """Whether there is such a file."""

    def names(self) -> list[str]:
        """Names of all that lies directly below the root."""

    def size(self, folder: str) -> int:
        """Bytes of all files in a folder; 0 if there is none."""

    def delete(self, place: str) -> None:
        """Delete a file, or a folder and all in it; nothing happens if it does not exist."""


@lru_cache(maxsize=16)
def storage_of(url: str) -> Storage:
    """The storage that a path or a URL means; each process has one of it.

    Raises
    ------
    ImportError, ValueError : fsspec cannot reach such URLs here
    """
    folder = paths.folder_here(url)
    return RemoteFiles(url) if folder is None else LocalFiles(folder)


def write(url: str, identity: str, payload: bytes, buffers: Sequence[Any], key: bytes) -> None:
    """Write a value under the place that its identity names, such as "r-…/clean-3-4fq7wz2mtkd3a"."""
    storage = storage_of(url)
    storage.write(
        storage.place(*identity.split("/")), files.seal(identity, payload, buffers, key, written_s=time.time())
    )


def read(url: str, identity: str, key: bytes) -> files.Content:
    """Read a value, verified as a whole.

    Raises
    ------
    Unsound : it is lost
    Exception : the storage is at fault
    """
    storage = storage_of(url)
    with storage.open(storage.place(*identity.split("/"))) as source:
        return files.read(source, identity, key)


def check(url: str, identities: Iterable[str], key: bytes) -> dict[str, str]:
    """Which of these values are lost, as far as their first bytes and their size tell, and why."""
    storage = storage_of(url)
    places: dict[str, str] = {}
    lost: dict[str, str] = {}
    for identity in identities:
        try:
            places[identity] = storage.place(*identity.split("/"))
        except Unsound as unsound:
            lost[identity] = str(unsound)
    for identity, head in zip(places, storage.heads(places.values()), strict=True):
        if isinstance(head, Unsound):
            lost[identity] = str(head)
            continue
        try:
            files.read_head(*head, identity, key)
        except Unsound as unsound:
            lost[identity] = str(unsound)
    return lost
