"""The home folder is made for its owner alone, and one that is not safe is refused with the way out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import platformdirs
import pytest

from wfkit.errors import StoreUnusable
from wfkit.history.home import home, own_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_home_and_its_new_parents_are_closed_to_others_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        made = home({"WFKIT_HOME": str(tmp_path / "new" / "home")})
    finally:
        os.umask(before)
    assert made == (tmp_path / "new" / "home").resolve()
    assert mode(made) == mode(made.parent) == 0o700


def test_an_existing_home_is_taken_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert home({"WFKIT_HOME": str(tmp_path)}) == tmp_path.resolve()
    assert mode(tmp_path) == 0o755


def test_without_the_variable_it_is_in_the_users_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert home({}) == home({"WFKIT_HOME": ""}) == platformdirs.user_data_path("wfkit", appauthor=False).resolve()


def test_a_tilde_and_a_relative_path_and_a_link_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "there").mkdir(0o700)
    expected = (tmp_path / "there").resolve()
    assert [home({"WFKIT_HOME": name}) for name in ("~/there", "there", "link")] == [expected] * 3


@pytest.mark.parametrize("writable_by", [0o020, 0o002])
def test_a_home_that_others_may_write_to_is_refused(tmp_path: Path, writable_by: int) -> None:
    tmp_path.chmod(0o700 | writable_by)
    with pytest.raises(StoreUnusable, match="is writable by other users") as caught:
        home({"WFKIT_HOME": str(tmp_path)})
    assert caught.value.fix == f"Type `chmod go-w {tmp_path}`, or: Set WFKIT_HOME to a folder of your own."


def test_a_home_of_another_user_is_refused(ordinary_user: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"/usr, belongs to another user\. Set WFKIT_HOME"):
        home({"WFKIT_HOME": "/usr"})


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("file", "a file of that name is in the way"),
        ("file/below", "a file of that name is in the way"),
        ("x" * 300, "its path is too long"),
        ("loop", "a file of that name is in the way"),
        ("closed/home", "not permitted"),
    ],
)
def test_a_home_that_cannot_be_made_is_told_with_the_cause(ordinary_user: Path, place: str, why: str) -> None:
    (ordinary_user / "file").touch()
    (ordinary_user / "loop").symlink_to("loop")
    (ordinary_user / "closed").mkdir(0o500)
    with pytest.raises(StoreUnusable, match=f"cannot be made: .*{why}") as caught:
        home({"WFKIT_HOME": str(ordinary_user / place)})
    assert caught.value.fix == "Set WFKIT_HOME to a folder of your own."


def test_a_home_that_is_read_only_is_refused(ordinary_user: Path) -> None:
    ordinary_user.chmod(0o500)
    with pytest.raises(StoreUnusable, match="cannot be written to"):
        home({"WFKIT_HOME": str(ordinary_user)})
    ordinary_user.chmod(0o700)


def test_the_error_names_what_the_folder_is_for(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match=r"The folder for results, .*/file, cannot be made.*\. Choose another\."):
        own_folder(tmp_path / "file", "The folder for results", "Choose another.")
