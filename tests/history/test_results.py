"""Results of a run are written by workers, found by reference, and told from those that are lost."""

from __future__ import annotations

import os
import pickle
import stat
from pathlib import Path

import fsspec
import pytest

from wfkit.errors import ResultLost, ResultUnreadable, StoreFailed, StoreUnusable
from wfkit.history.results import ResultStore, open_results


def stored(store: ResultStore, run: str, value: object, name: str = "clean[3]") -> str:
    buffers: list[pickle.PickleBuffer] = []
    payload = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return store.for_run(run).write(name, payload, buffers)


def files_of(store: ResultStore) -> fsspec.AbstractFileSystem:
    return fsspec.core.url_to_fs(store.url)[0]


def path_of(store: ResultStore, reference: str) -> str:
    return f"{fsspec.core.url_to_fs(store.url)[1]}/{reference}"


def test_a_value_comes_back(store: ResultStore, run: str) -> None:
    np = pytest.importorskip("numpy")
    value = {"array": np.arange(100_000), "text": "x" * 10_000}
    reference = stored(store, run, value)
    assert reference.startswith(f"{run}/clean-3-")
    back = store.load(reference)
    assert isinstance(back, dict)
    assert (back["array"] == value["array"]).all()
    assert back["array"].flags.writeable
    assert back["text"] == value["text"]


def test_workers_read_what_others_have_written_without_unpickling_it(store: ResultStore, run: str) -> None:
    reference = store.for_run(run).write("load", b"payload", [b"one", bytearray(b"two")])
    on_worker = pickle.loads(pickle.dumps(store.for_run(run)))
    assert on_worker.read(reference) == (b"payload", [b"one", b"two"])
    assert on_worker == store.for_run(run)


def test_each_execution_writes_a_file_of_its_own(store: ResultStore, run: str) -> None:
    first, second = stored(store, run, 1), stored(store, run, 2)
    assert first != second
    assert (store.load(first), store.load(second)) == (1, 2)


def test_what_travels_is_small_and_shows_no_secret(store: ResultStore, run: str) -> None:
    for travelling in (store.for_run(run), store.for_cache()):
        assert len(pickle.dumps(travelling)) < 600
        assert "key" not in repr(travelling)
    assert repr(store.for_run(run)) == f"RunStore(run_id='{run}')"
    assert repr(ResultStore("ftp://me:secret@host/x", b"key")) == "<ResultStore ftp://host/x>"


def test_the_key_of_all_results_stays_in_the_kernel(store: ResultStore, run: str) -> None:
    with pytest.raises(TypeError, match="stays in the kernel"):
        pickle.dumps(store)
    assert store._key not in pickle.dumps(store.for_run(run))


def test_a_result_of_another_run_needs_the_store_of_that_run(store: ResultStore, run: str, other_run: str) -> None:
    reference = stored(store, run, "value")
    with pytest.raises(ResultLost, match=f"no reference to a result of the run {other_run}"):
        store.for_run(other_run).read(reference)
    assert store.load(reference) == "value"


def test_checking_tells_what_is_lost_and_why(store: ResultStore, run: str, other_run: str) -> None:
    fine = [stored(store, run, at) for at in range(3)]
    other = stored(store, other_run, "other")
    missing = stored(store, run, "missing")
    files_of(store).rm_file(path_of(store, missing))
    cut = stored(store, run, "cut")
    files_of(store).pipe_file(path_of(store, cut), files_of(store).cat_file(path_of(store, cut))[:-1])
    assert store.check_all([*fine, other, missing, cut, "../../etc/passwd"]) == {
        missing: "its file is missing",
        cut: "its file is truncated: 639 of 640 bytes are left",
        "../../etc/passwd": "this is no reference to a result",
    }
    of_run = store.for_run(run)
    assert of_run.check(fine[0]) == ""
    assert of_run.check(missing) == "its file is missing"
    assert of_run.check_all([*fine, other]) == {other: f"this is no reference to a result of the run {run}"}
    assert store.check_all([]) == of_run.check_all([]) == {}


def test_a_lost_result_is_told_with_its_reason_and_the_way_out(store: ResultStore, run: str) -> None:
    reference = stored(store, run, "value")
    files_of(store).rm_file(path_of(store, reference))
    with pytest.raises(ResultLost) as caught:
        store.load(reference)
    assert caught.value.what == f"The stored result `{reference}` is lost: its file is missing."
    assert caught.value.fix == "Execute its task again."


class Grumpy:
    """A value whose own code fails when it is loaded."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __setstate__(self, state: dict[str, BaseException]) -> None:
        raise state["error"]


@pytest.mark.parametrize("error", [ValueError("not today"), SystemExit("not today")])
def test_a_value_whose_code_fails_is_told_apart_from_a_lost_one(
    store: ResultStore, run: str, error: BaseException
) -> None:
    reference = stored(store, run, Grumpy(error))
    with pytest.raises(ResultUnreadable, match=f"cannot be loaded here: {type(error).__name__}: not today"):
        store.load(reference)


# --- who shares it ---


def test_who_sees_the_probe_shares_the_store(store: ResultStore, run: str) -> None:
    assert store.for_run(run).is_shared()


def test_a_folder_of_the_same_name_on_another_machine_is_not_shared(
    home_folder: Path, tmp_path: Path, run: str
) -> None:
    """The other one has probes, too: those of its own kernels."""
    here = open_results(home_folder, str(tmp_path / "results"))
    open_results(home_folder, str(tmp_path / "results")).write_probe()
    assert not here.for_run(run).is_shared()


def test_a_store_that_cannot_be_asked_is_not_shared(run: str, tmp_path: Path) -> None:
    for url in ("nonsense://bucket", str(tmp_path / "missing")):
        assert not ResultStore(url, b"key").for_run(run).is_shared()


def test_old_probes_are_swept(store: ResultStore) -> None:
    files, root = fsspec.core.url_to_fs(store.url)
    for name in ("probe-00000abc-aaaaaaaaaaaaa", "probe-7fffffff-aaaaaaaaaaaaa", "probe-by-others"):
        files.pipe_file(f"{root}/{name}", b"")
    before = set(files.ls(root, detail=False))
    store.write_probe()
    assert before - set(files.ls(root, detail=False)) == {f"{root}/probe-00000abc-aaaaaaaaaaaaa"}


# --- keeping house ---


def test_runs_are_listed_measured_and_deleted(store: ResultStore, run: str, other_run: str) -> None:
    stored(store, other_run, "x" * 10_000)
    reference = stored(store, run, "value")
    store.for_cache().put("ab" * 16, b"cached")
    files, root = fsspec.core.url_to_fs(store.url)
    files.pipe_file(f"{root}/r-not-ours", b"")
    assert store.runs() == [run, other_run]
    assert store.size_of_run(run) == files.size(path_of(store, reference))
    store.delete_run(run)
    store.delete_run(run)
    assert store.runs() == [other_run]
    assert (store.size_of_run(run), store.check_all([reference])) == (0, {reference: "its file is missing"})
    assert store.for_cache().get("ab" * 16) is not None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "cache", "r-", "../home", "r-" + "0" * 26 + "/..", "r-" + "0" * 25 + "\n"]
)
def test_what_is_no_run_is_not_deleted(store: ResultStore, name: str) -> None:
    for act in (store.delete_run, store.size_of_run, store.for_run):
        with pytest.raises(ValueError, match="is no id of a run"):
            act(name)


# --- opening ---


def test_results_are_in_the_home_folder_and_closed_to_others(home_folder: Path, run: str) -> None:
    before = os.umask(0)
    try:
        store = open_results(home_folder)
        store.write_probe()
        stored(store, run, "value")
        store.for_cache().put("ab" * 16, b"cached")
    finally:
        os.umask(before)
    assert store.url == str(home_folder / "results")
    assert {stat.filemode(path.stat().st_mode) for path in home_folder.rglob("*")} == {"drwx------", "-rw-------"}


def test_a_place_of_ones_own_may_be_a_path_or_a_url(
    home_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    expected = str((tmp_path / "elsewhere").resolve())
    places = ["elsewhere", str(tmp_path / "elsewhere"), f"file://{tmp_path}/elsewhere"]
    assert [open_results(home_folder, place).url for place in places] == [expected] * 3


def test_the_key_never_lies_among_the_results(home_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(home_folder)
    for place in (home_folder, tmp_path, tmp_path / "link"):
        with pytest.raises(StoreUnusable, match="The key that signs results would lie among them"):
            open_results(home_folder, str(place))
    assert not (home_folder / "key").exists()


def test_a_place_that_others_may_write_to_is_refused(home_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(StoreUnusable, match=r"The folder for results, .*/open, is writable by other users"):
        open_results(home_folder, str(tmp_path / "open"))


def test_a_url_that_fsspec_cannot_reach_is_refused(home_folder: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"Results cannot be kept in nonsense://host: ValueError: Protocol"):
        open_results(home_folder, "nonsense://me:secret@host")


# --- when it fails ---


def test_a_store_that_may_not_be_written_to_is_told_at_the_write(ordinary_user: Path, run: str) -> None:
    store = ResultStore(str(ordinary_user), b"key")
    reference = stored(store, run, "value")
    ordinary_user.chmod(0o500)
    (ordinary_user / run).chmod(0o500)
    with pytest.raises(
        StoreFailed, match=r"The result of `clean\[3\]` could not be stored in /.*: not permitted\. See"
    ):
        stored(store, run, "other")
    with pytest.raises(StoreFailed, match=r"Results cannot be stored in /.*: not permitted"):
        store.write_probe()
    assert store.load(reference) == "value"
    (ordinary_user / run).chmod(0o000)
    with pytest.raises(StoreFailed, match=f"The stored result `{reference}` could not be read: not permitted"):
        store.load(reference)
    with pytest.raises(StoreFailed, match="could not be looked at: not permitted"):
        store.check_all([reference])
    ordinary_user.chmod(0o700)


def test_a_store_that_is_gone_loses_nothing(tmp_path: Path, home_folder: Path, run: str) -> None:
    """A disk that is not mounted must not look as if each task had to be executed again."""
    store = open_results(home_folder, str(tmp_path / "disk"))
    reference = stored(store, run, "value")
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    with pytest.raises(StoreFailed, match="it is not there on this machine"):
        store.check_all([reference])
    with pytest.raises(StoreFailed, match="it is not there on this machine"):
        store.load(reference)
    with pytest.raises(StoreFailed, match="it is not there on this machine"):
        stored(store, run, "other")
    assert not (tmp_path / "disk").exists()
    (tmp_path / "unmounted").rename(tmp_path / "disk")
    assert store.load(reference) == "value"
