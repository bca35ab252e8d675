"""Files in a folder are whole, closed to others, and refused where something else is in their place."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from wfkit.history.faults import Unsound
from wfkit.history.local import LocalFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = (tmp_path / "root").resolve()
    root.mkdir(0o700)
    return root


@pytest.fixture
def files(root: Path) -> LocalFiles:
    return LocalFiles(str(root))


def pieces(*parts: bytes) -> Sequence[memoryview]:
    return [memoryview(part) for part in parts]


def content(files: LocalFiles, place: str) -> bytes:
    with files.open(place) as source:
        room = bytearray(source.size + 1)
        return bytes(room[: source.readinto(memoryview(room))])


def everything_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_pieces_become_one_file(files: LocalFiles, root: Path) -> None:
    files.write(files.place("run", "a"), pieces(b"ab", b"", b"cd" * 5000))
    assert content(files, files.place("run", "a")) == b"ab" + b"cd" * 5000
    assert everything_in(root) == ["run", "run/a"]


def test_who_writes_last_is_read_and_who_reads_already_reads_on(files: LocalFiles) -> None:
    place = files.place("run", "a")
    files.write(place, pieces(b"old"))
    with files.open(place) as source:
        files.write(place, pieces(b"new"))
        room = bytearray(source.size)
        source.readinto(memoryview(room))
    assert (bytes(room), content(files, place)) == (b"old", b"new")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
def test_files_are_for_their_owner_alone_whatever_the_umask(files: LocalFiles, root: Path, umask: int) -> None:
    (root / "run").mkdir()
    before = os.umask(umask)
    try:
        files.write(files.place("probe"), pieces(b"a"))
        files.write(files.place("run", "a"), pieces(b"a"))
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((root / name).stat().st_mode) for name in ("probe", "run/a")}
    assert modes == {"probe": 0o600, "run/a": 0o600}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_folder_is_for_its_owner_alone_whatever_the_umask(files: LocalFiles, root: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        files.write(files.place("run", "a"), pieces(b"a"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "run").stat().st_mode) == 0o700


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_does_not_fit_leaves_nothing(files: LocalFiles, root: Path) -> None:
    files.write(files.place("run", "a"), pieces(b"old"))
    with files_no_longer_than(100_000), pytest.raises(OSError, match="File too large"):
        files.write(files.place("run", "a"), pieces(b"x" * 200_000))
    assert content(files, files.place("run", "a")) == b"old"
    assert everything_in(root) == ["run", "run/a"]


def test_a_write_that_is_stopped_leaves_nothing(files: LocalFiles, root: Path) -> None:
    def stopping() -> Iterator[memoryview]:
        yield memoryview(b"begun")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write(files.place("run", "a"), stopping())  # type: ignore[arg-type]  # all that matters is the order
    assert everything_in(root) == ["run"]


def test_a_store_that_may_not_be_written_to_is_at_fault(ordinary_user: Path) -> None:
    files = LocalFiles(str(ordinary_user))
    files.write(files.place("run", "a"), pieces(b"a"))
    (ordinary_user / "run").chmod(0o500)
    ordinary_user.chmod(0o500)
    for names in (("run", "b"), ("other", "b")):
        with pytest.raises(PermissionError):
            files.write(files.place(*names), pieces(b"b"))
    assert content(files, files.place("run", "a")) == b"a"
    ordinary_user.chmod(0o700)


def test_a_worker_makes_no_store_of_its_own(tmp_path: Path) -> None:
    files = LocalFiles(str(tmp_path / "elsewhere"))
    with pytest.raises(FileNotFoundError):
        files.write(files.place("run", "a"), pieces(b"a"))
    with pytest.raises(FileNotFoundError), files.open(files.place("run", "a")):
        pass
    with pytest.raises(FileNotFoundError):
        list(files.heads([files.place("run", "a")]))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_regular_file_is_refused_at_once(files: LocalFiles, root: Path) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("folder")
    (root / "loop").symlink_to("loop")
    (root / "file").touch()
    (root / "run").mkdir()
    for place, why in {
        "folder": "it is no regular file",
        "pipe": "it is no regular file",
        "link": "Too many levels of symbolic links",  # as if it had come into its place a moment ago
        "loop": "Too many levels of symbolic links",
        "loop/a": "Too many levels of symbolic links",
        "file/a": "Not a directory",
        "run/a": "is missing",
        "other/a": "is missing",
    }.items():
        with pytest.raises(Unsound, match=why), files.open(str(root / place)):
            pass
        assert [type(head) for head in files.heads([str(root / place)])] == [Unsound]


def test_a_disk_that_cannot_be_read_loses_the_file_not_the_store(files: LocalFiles) -> None:
    files.write(files.place("run", "a"), pieces(b"a"))
    with pytest.raises(Unsound, match="cannot be read: Input/output error"), files.open(files.place("run", "a")):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(TimeoutError), files.open(files.place("run", "a")):
        raise TimeoutError(errno.ETIMEDOUT, "the server does not answer")


def test_heads_are_the_first_bytes_and_the_size(files: LocalFiles) -> None:
    files.write(files.place("run", "a"), pieces(b"a" * 600))
    files.write(files.place("run", "b"), pieces(b"b"))
    found = list(files.heads([files.place("run", name) for name in "abc"]))
    assert found[:2] == [(b"a" * 512, 600), (b"b", 1)]
    assert isinstance(found[2], Unsound)


def test_folders_are_measured_and_deleted(files: LocalFiles, root: Path) -> None:
    (root.parent / "precious").mkdir()
    (root.parent / "precious" / "file").write_text("precious")
    files.write(files.place("run", "a"), pieces(b"abc"))
    (root / "run" / ".abc.part").write_bytes(b"ab")
    (root / "run" / "link").symlink_to(root.parent / "precious")
    link_bytes = (root / "run" / "link").lstat().st_size
    assert files.names() == ["run"]
    assert files.exists(files.place("run", "a"))
    assert files.size(files.place("run")) == 5 + link_bytes
    files.delete(files.place("run"))
    files.delete(files.place("run"))
    assert (files.names(), files.size(files.place("run"))) == ([], 0)
    assert not files.exists(files.place("run", "a"))
    assert (root.parent / "precious" / "file").read_text() == "precious"
    files.write(files.place("probe"), pieces(b"abc"))
    files.delete(files.place("probe"))
    assert everything_in(root) == []


def test_a_folder_that_is_reached_through_a_link_is_as_good(tmp_path: Path, root: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    files = LocalFiles(str(tmp_path / "link"))
    files.write(files.place("run", "a"), pieces(b"a"))
    assert everything_in(root) == ["run", "run/a"]
