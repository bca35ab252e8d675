"""The key is made once, for its owner alone, and what is derived from it opens one thing only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wfkit.errors import StoreUnusable
from wfkit.history.keys import for_cache, for_run, signing_key


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_the_key_is_for_its_owner_alone_whatever_the_umask(home_folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        key = signing_key(home_folder)
    finally:
        os.umask(before)
    assert len(key) == 32
    assert stat.S_IMODE((home_folder / "key").stat().st_mode) == 0o600
    assert [path.name for path in home_folder.iterdir()] == ["key"]


def test_it_stays_the_same_and_each_home_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert signing_key(tmp_path / "a") == signing_key(tmp_path / "a")
    assert signing_key(tmp_path / "a") != signing_key(tmp_path / "b")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_may_have_read_is_refused(home_folder: Path, mode: int) -> None:
    signing_key(home_folder)
    (home_folder / "key").chmod(mode)
    with pytest.raises(StoreUnusable, match=r"Others may have read the key .*Delete it: a new one"):
        signing_key(home_folder)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_key_is_refused_and_not_replaced(home_folder: Path, content: bytes) -> None:
    (home_folder / "key").write_bytes(content)
    (home_folder / "key").chmod(0o600)
    with pytest.raises(StoreUnusable, match="is damaged"):
        signing_key(home_folder)
    assert (home_folder / "key").read_bytes() == content


def test_a_link_or_a_folder_in_its_place_is_refused(home_folder: Path) -> None:
    (home_folder / "elsewhere").write_bytes(bytes(32))
    (home_folder / "key").symlink_to("elsewhere")
    with pytest.raises(StoreUnusable, match="cannot be read or made: Too many levels of symbolic links"):
        signing_key(home_folder)
    (home_folder / "key").unlink()
    (home_folder / "key").mkdir()
    with pytest.raises(StoreUnusable, match="cannot be read or made: Is a directory"):
        signing_key(home_folder)


def test_a_home_that_cannot_be_written_to_is_told(ordinary_user: Path) -> None:
    ordinary_user.chmod(0o500)
    with pytest.raises(StoreUnusable, match=r"cannot be read or made: not permitted\. Set WFKIT_HOME"):
        signing_key(ordinary_user)
    ordinary_user.chmod(0o700)


def test_each_run_and_the_cache_have_keys_of_their_own(run: str, other_run: str) -> None:
    key = bytes(32)
    derived = {for_run(key, run), for_run(key, other_run), for_cache(key), for_run(bytes(31) + b"1", run)}
    assert len(derived) == 4
    assert key not in derived
    assert for_run(key, run) == for_run(key, run)
