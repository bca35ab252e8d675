"""A cache gives what was put there last, with its age, and nothing rather than something unsound."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import fsspec
import pytest

from wfkit.errors import StoreFailed
from wfkit.history.results import ResultStore, open_results

KEY = "0123456789abcdef" * 2


def test_what_was_put_last_is_got_with_its_time(store: ResultStore) -> None:
    cache = pickle.loads(pickle.dumps(store.for_cache()))
    before_s = time.time()
    assert cache.get(KEY) is None
    cache.put(KEY, b"old")
    cache.put(KEY, b"new", [b"buffer"])
    payload, buffers, written_s = cache.get(KEY)
    assert (payload, buffers) == (b"new", [b"buffer"])
    assert before_s <= written_s <= time.time()


@pytest.mark.parametrize("harm", [b"", b"nonsense", None])
def test_what_is_unsound_counts_as_absent_and_can_be_put_again(store: ResultStore, harm: bytes | None) -> None:
    cache = store.for_cache()
    cache.put(KEY, b"value")
    files, root = fsspec.core.url_to_fs(store.url)
    path = f"{root}/cache/{KEY}"
    files.pipe_file(path, files.cat_file(path)[:-1] + b"!" if harm is None else harm)
    assert cache.get(KEY) is None
    cache.put(KEY, b"value")
    found = cache.get(KEY)
    assert found is not None
    assert found.payload == b"value"


def test_a_value_under_another_key_counts_as_absent(store: ResultStore) -> None:
    cache = store.for_cache()
    cache.put(KEY, b"value")
    files, root = fsspec.core.url_to_fs(store.url)
    files.cp_file(f"{root}/cache/{KEY}", f"{root}/cache/{KEY[::-1]}")
    assert cache.get(KEY[::-1]) is None


def test_keys_are_digests(store: ResultStore) -> None:
    cache = store.for_cache()
    for key in ("../key", "", "A" * 32):
        with pytest.raises(ValueError, match="is no digest"):
            cache.get(key)
        with pytest.raises(ValueError, match="is no digest"):
            cache.put(key, b"value")


def test_a_store_that_is_gone_is_told(home_folder: Path, tmp_path: Path) -> None:
    store = open_results(home_folder, str(tmp_path / "disk"))
    (tmp_path / "disk").rmdir()
    with pytest.raises(StoreFailed, match=r"The cache could not be read: it is not there"):
        store.for_cache().get(KEY)
    with pytest.raises(StoreFailed, match=r"A value could not be cached in .*: it is not there"):
        store.for_cache().put(KEY, b"value")
