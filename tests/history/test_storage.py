"""Values lie where their identity says, in a folder as behind a URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfkit.history import storage
from wfkit.history.faults import Unsound
from wfkit.history.local import LocalFiles
from wfkit.history.paths import UnsafeName
from wfkit.history.remote import RemoteFiles
from wfkit.history.results import ResultStore

KEY = bytes(32)


def test_paths_and_urls_find_their_kind_of_storage(tmp_path: Path) -> None:
    assert isinstance(storage.storage_of(str(tmp_path)), LocalFiles)
    assert isinstance(storage.storage_of(f"file://{tmp_path}"), LocalFiles)
    assert isinstance(storage.storage_of("memory://results"), RemoteFiles)
    assert storage.storage_of("memory://results") is storage.storage_of("memory://results")


def test_a_value_is_written_read_and_checked(store: ResultStore) -> None:
    storage.write(store.url, "run/a", b"payload", [b"buffer"], KEY)
    content = storage.read(store.url, "run/a", KEY)
    assert [bytes(part) for part in (content.payload, *content.buffers)] == [b"payload", b"buffer"]
    assert content.written_s > 1_700_000_000
    storage.write(store.url, "run/b", b"payload", [], bytes(31) + b"1")
    assert storage.check(store.url, ["run/a", "run/b", "run/c", "../d"], KEY) == {
        "run/b": "its file was signed with another key",
        "run/c": "its file is missing",
        "../d": "'..' is no name of a stored file",
    }


def test_what_is_not_sound_is_not_read(store: ResultStore) -> None:
    with pytest.raises(Unsound, match="missing"):
        storage.read(store.url, "run/a", KEY)
    with pytest.raises(UnsafeName):
        storage.read(store.url, "../a", KEY)
