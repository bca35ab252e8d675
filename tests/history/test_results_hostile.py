"""Nothing that was changed, cut, swapped or planted in a store is ever unpickled, and no reference leads out of it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.history.test_paths import NAMES
from wfkit.errors import ResultLost
from wfkit.history.results import ResultStore, open_results


class Bomb:
    """A value that leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def folder(home_folder: Path) -> ResultStore:
    return open_results(home_folder)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def planted(store: ResultStore, run: str, mark: Path) -> tuple[str, Path]:
    """The reference and the file of a bomb."""
    reference = store.for_run(run).write("bomb", pickle.dumps(Bomb(mark), protocol=5), [b"buffer" * 30])
    return reference, Path(store.url) / reference


def is_refused(store: ResultStore, reference: str, mark: Path) -> str:
    with pytest.raises(ResultLost) as caught:
        store.load(reference)
    assert not mark.exists()
    return caught.value.what.partition("is lost: ")[2]


def test_the_bomb_is_live(folder: ResultStore, run: str, mark: Path) -> None:
    folder.load(planted(folder, run, mark)[0])
    assert mark.exists()


def test_with_any_byte_changed_it_is_not_executed(folder: ResultStore, run: str, mark: Path) -> None:
    reference, path = planted(folder, run, mark)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        is_refused(folder, reference, mark)
        assert bool(folder.for_run(run).check(reference)) == (at < 512), "the head is all that is checked"


def test_cut_at_any_length_it_is_not_executed(folder: ResultStore, run: str, mark: Path) -> None:
    reference, path = planted(folder, run, mark)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert "is truncated" in is_refused(folder, reference, mark)
        assert "is truncated" in folder.for_run(run).check(reference)


def test_in_the_place_of_another_result_it_is_not_executed(
    folder: ResultStore, run: str, other_run: str, mark: Path
) -> None:
    bomb, path = planted(folder, run, mark)
    victim = folder.for_run(run).write("clean", pickle.dumps("value"))
    path.replace(Path(folder.url) / victim)
    assert is_refused(folder, victim, mark) == f"its file holds another result, `{bomb}`."
    of_other = folder.for_run(other_run).write("clean", pickle.dumps("value"))
    (Path(folder.url) / victim).replace(Path(folder.url) / of_other)
    assert is_refused(folder, of_other, mark) == "its file was signed with another key."


def test_signed_with_another_users_key_it_is_not_executed(
    folder: ResultStore, run: str, tmp_path: Path, mark: Path
) -> None:
    (tmp_path / "other").mkdir(0o700)
    reference, path = planted(open_results(tmp_path / "other"), run, mark)
    (Path(folder.url) / run).mkdir(0o700)
    path.replace(Path(folder.url) / reference)
    assert is_refused(folder, reference, mark) == "its file was signed with another key."


def test_unsigned_it_is_not_executed(folder: ResultStore, run: str, mark: Path) -> None:
    reference, path = planted(folder, run, mark)
    path.write_bytes(pickle.dumps(Bomb(mark)).ljust(1000, b"\0"))
    assert is_refused(folder, reference, mark) == "its file is corrupt: it does not begin as a stored result."


def test_behind_a_link_it_is_not_executed(folder: ResultStore, run: str, mark: Path, tmp_path: Path) -> None:
    reference, path = planted(folder, run, mark)
    path.rename(tmp_path / "file")
    path.symlink_to(tmp_path / "file")
    assert is_refused(folder, reference, mark) == "a symbolic link is in its place."
    path.unlink()
    (tmp_path / "file").rename(path)
    path.parent.rename(tmp_path / "folder")
    path.parent.symlink_to(tmp_path / "folder")
    assert is_refused(folder, reference, mark) == "a symbolic link is in its place."
    assert folder.check_all([reference]) == {reference: "a symbolic link is in its place"}


def test_in_the_cache_it_is_not_executed(folder: ResultStore, run: str, mark: Path) -> None:
    path = planted(folder, run, mark)[1]
    cache = folder.for_cache()
    cache.put("ab" * 16, b"value")
    path.replace(Path(folder.url) / "cache" / ("ab" * 16))
    assert cache.get("ab" * 16) is None


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> tuple[ResultStore, bytes]:
    """A store, and beside it a folder whose name begins the same, with a file in it that is signed rightly."""
    base = tmp_path_factory.mktemp("hostile")
    (base / "home").mkdir(0o700)
    store = open_results(base / "home", str(base / "results"))
    (base / "results-evil").mkdir()
    (base / "results-evil" / "a").write_bytes(b"secret")
    return store, b"secret"


@given(names=st.lists(NAMES, min_size=1, max_size=4), extra=NAMES)
def test_no_reference_leads_out_of_the_store(beside: tuple[ResultStore, bytes], names: list[str], extra: str) -> None:
    store, _ = beside
    run = "r-" + "0" * 26
    for reference in ("/".join(names), f"{run}/{'/'.join(names)}", f"{run}{extra}", f"{extra}{run}/a", extra):
        with pytest.raises(ResultLost):
            store.load(reference)
        assert list(store.check_all([reference])) == [reference]
    assert (Path(store.url).parent / "results-evil" / "a").read_bytes() == b"secret"


def test_a_node_may_be_called_anything(folder: ResultStore, run: str) -> None:
    for name in ("../../evil", "/etc/passwd", "a\0b", "x" * 10_000, "", "file:///a::b", "%2e%2e%2f"):
        reference = folder.for_run(run).write(name, pickle.dumps(name))
        assert folder.load(reference) == name
    assert {path.parent.name for path in Path(folder.url).rglob("*") if path.is_file()} == {run}
