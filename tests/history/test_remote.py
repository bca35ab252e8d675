"""Files behind a URL: faults of the way there are overcome or told, and nothing is lost while the store is unseen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from wfkit.history.faults import ATTEMPTS, Unsound
from wfkit.history.remote import RemoteFiles


class Faulty(MemoryFileSystem):  # type: ignore[misc]  # fsspec is not typed
    """A file system that fails as often as it is told to, with real folders, and slow to see what others write."""

    protocol = "faulty"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    errors: ClassVar[list[Exception]] = []
    calls: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return MemoryFileSystem._strip_protocol(path.removeprefix("faulty://"))

    def _fail(self, name: str) -> None:
        self.calls.append(name)
        if self.errors:
            raise self.errors.pop(0)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        self._fail("open")
        if mode == "wb" and self._parent(path) not in self.pseudo_dirs:
            raise FileNotFoundError(path)
        return super()._open(path, mode, **kwargs)

    def info(self, path: str, **kwargs: Any) -> Any:
        self._fail("info")
        return super().info(path, **kwargs)

    def cat_file(
        self, path: str, version_id: str | None = None, start: int | None = None, end: int | None = None, **kwargs: Any
    ) -> Any:
        """Its arguments are in the order that s3fs gave them."""
        assert version_id is None
        self._fail("cat")
        return super().cat_file(path, start=start, end=end, **kwargs)

    def cat_ranges(self, paths: list[str], starts: int, ends: int, **kwargs: Any) -> list[Any]:
        found: list[Any] = []
        for path in paths:
            try:
                found.append(self.cat_file(path, start=starts, end=ends))
            except Exception as error:
                found.append(error)
        return found


@pytest.fixture
def files() -> Iterator[RemoteFiles]:
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    files = RemoteFiles("faulty://bucket/results")
    files._files.makedirs("/bucket/results")
    yield files
    Faulty.store.clear()
    Faulty.pseudo_dirs[:] = [""]
    Faulty.errors.clear()
    Faulty.calls.clear()


def written(files: RemoteFiles, *names: str, data: bytes = b"content") -> str:
    place = files.place(*names)
    files.write(place, [memoryview(data[:3]), memoryview(data[3:])])
    return place


def content(files: RemoteFiles, place: str) -> bytes:
    with files.open(place) as source:
        room = memoryview(bytearray(source.size))
        at = 0
        while count := source.readinto(room[at:]):
            at += count
        return bytes(room[:at])


def test_pieces_become_one_file_in_a_new_folder(files: RemoteFiles) -> None:
    place = written(files, "run", "a")
    assert place == "/bucket/results/run/a"
    assert content(files, place) == b"content"
    assert files.exists(place)
    assert not files.exists(files.place("run", "b"))
    assert not files.exists(files.place("run"))


def test_large_files_travel_in_blocks(files: RemoteFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wfkit.history.remote._BLOCK_BYTES", 100)
    place = written(files, "run", "a", data=b"content" * 100)
    assert content(files, place) == b"content" * 100
    assert Faulty.calls.count("cat") == 7


def test_what_may_pass_is_tried_again(files: RemoteFiles) -> None:
    Faulty.errors[:] = [ConnectionResetError(), OSError("503: slow down")]
    place = written(files, "run", "a")
    Faulty.errors[:] = [TimeoutError(), ConnectionResetError()]
    assert content(files, place) == b"content"


def test_a_store_that_is_down_is_given_up_after_a_few_attempts(files: RemoteFiles) -> None:
    place = written(files, "run", "a")
    Faulty.calls.clear()
    Faulty.errors[:] = [ConnectionResetError() for _ in range(100)]
    with pytest.raises(ConnectionResetError):
        written(files, "run", "b")
    assert Faulty.calls == ["open"] * ATTEMPTS
    with pytest.raises(ConnectionResetError), files.open(place):
        pass
    with pytest.raises(ConnectionResetError):
        list(files.heads([place]))


def test_credentials_that_have_expired_are_no_lost_result(files: RemoteFiles) -> None:
    place = written(files, "run", "a")
    Faulty.calls.clear()
    Faulty.errors[:] = [PermissionError("the token has expired")]
    with pytest.raises(PermissionError, match="expired"), files.open(place):
        pass
    assert Faulty.calls == ["info"]


def test_what_could_not_be_written_is_deleted(files: RemoteFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    written(files, "run", "a")

    def broken(self: Any, data: Any) -> int:
        raise PermissionError("the token has expired")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFile.write", broken)
    with pytest.raises(PermissionError):
        written(files, "run", "b")
    assert list(Faulty.store) == ["/bucket/results/run/a"]


def test_what_is_missing_is_lost_only_where_the_store_is_seen(files: RemoteFiles) -> None:
    place = files.place("run", "a")
    with pytest.raises(Unsound, match="is missing"), files.open(place):
        pass
    assert [str(head) for head in files.heads([place, files.place("run", "b")])] == ["its file is missing"] * 2
    elsewhere = RemoteFiles("faulty://no-bucket/results")
    with pytest.raises(FileNotFoundError), elsewhere.open(elsewhere.place("run", "a")):
        pass
    with pytest.raises(FileNotFoundError):
        list(elsewhere.heads([elsewhere.place("run", "a")]))


def test_a_file_that_goes_away_while_it_is_read_is_missing(files: RemoteFiles) -> None:
    place = written(files, "run", "a")

    def read_too_late() -> None:
        with files.open(place) as source:
            files.delete(place)
            source.readinto(memoryview(bytearray(3)))

    with pytest.raises(Unsound, match="is missing"):
        read_too_late()


def test_heads_are_the_first_bytes_and_the_size(files: RemoteFiles) -> None:
    places = [
        written(files, "run", "a", data=b"a" * 600),
        written(files, "other", "b", data=b"b" * 512),
        written(files, "run", "short"),
        files.place("run", "missing"),
    ]
    Faulty.calls.clear()
    found = list(files.heads(places))
    assert found[:3] == [(b"a" * 512, 600), (b"b" * 512, 512), (b"", 7)]
    assert isinstance(found[3], Unsound)
    assert Faulty.calls.count("cat") == 2
    assert list(files.heads(places[:1])) == found[:1]
    assert list(files.heads([])) == []


def test_a_head_that_cannot_be_fetched_is_no_lost_result(files: RemoteFiles) -> None:
    place = written(files, "run", "a", data=b"a" * 600)
    other = written(files, "run", "b", data=b"b" * 600)
    Faulty.errors[:] = [PermissionError("the token has expired")]
    with pytest.raises(PermissionError):
        list(files.heads([place, other]))


def test_folders_are_measured_and_deleted(files: RemoteFiles) -> None:
    written(files, "run", "a", data=b"abc")
    written(files, "run", "b", data=b"abcd")
    written(files, "probe")
    assert sorted(files.names()) == ["probe", "run"]
    assert files.size(files.place("run")) == 7
    files.delete(files.place("run"))
    files.delete(files.place("run"))
    assert files.names() == ["probe"]
    assert files.size(files.place("run")) == 0


def test_urls_that_fsspec_cannot_reach_are_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        RemoteFiles("nonsense://bucket")
