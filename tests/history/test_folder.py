"""Folders: nobody else may look in, and disks of other machines are known."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from wfkit.errors import HistoryUnusable
from wfkit.history.folder import FILE_NAME, network_of, private_file, private_folder

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_folder_and_file_are_private_whatever_the_umask(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "deep" / "history")
    private_file(folder / "a")
    assert (mode(folder), mode(folder / "a")) == (0o700, 0o600)


def test_a_history_that_others_could_read_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "home" / FILE_NAME).touch(0o644)
    private_file(private_folder(tmp_path / "home") / FILE_NAME)
    assert (mode(tmp_path / "home"), mode(tmp_path / "home" / FILE_NAME)) == (0o700, 0o600)


def test_a_folder_that_others_use_is_not_taken_from_them(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o755)
    (tmp_path / "shared" / "data.csv").touch()
    with pytest.raises(HistoryUnusable, match=r"holds more than a history.*chmod 700"):
        private_folder(tmp_path / "shared")
    assert mode(tmp_path / "shared") == 0o755


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(HistoryUnusable, match="no directory"):
        private_folder(tmp_path / "home")
    with pytest.raises(HistoryUnusable, match="cannot be used"):
        private_folder(tmp_path / "home" / "below")


@AS_ROOT
def test_what_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    os.chown(tmp_path / "home", 12_345, -1)
    with pytest.raises(HistoryUnusable, match=r"belongs to the user 12345.*of your own"):
        private_folder(tmp_path / "home")
    (tmp_path / "a").touch()
    os.chown(tmp_path / "a", 12_345, -1)
    with pytest.raises(HistoryUnusable, match="belongs to the user 12345"):
        private_file(tmp_path / "a")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/me/x", "nfs4"), ("/home/me/local/x", ""), ("/scratch/x", "lustre"), ("/homework/x", ""), ("/x", "")],
)
def test_the_nearest_mount_above_a_path_tells_its_file_system(path: str, kind: str) -> None:
    mounts = [("/", "ext4"), ("/home", "nfs4"), ("/home/me/local", "xfs"), ("/scratch", "lustre")]
    assert network_of(Path(path), mounts) == kind


def test_the_disk_of_this_test_is_asked_for(tmp_path: Path) -> None:
    assert network_of(tmp_path) in {"", "9p", "nfs", "nfs4", "ceph", "lustre"}
