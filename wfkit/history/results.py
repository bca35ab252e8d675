"""Results: values of nodes that last, written by workers, read wherever they are needed again."""

from __future__ import annotations

import pickle
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn

from wfkit.errors import ResultLost, ResultUnreadable, StoreUnusable
from wfkit.history import keys, paths, storage
from wfkit.history.cache import CacheStore
from wfkit.history.faults import Unsound, told, words
from wfkit.history.home import own_folder
from wfkit.history.storage import storage_of

_NO_REFERENCE: Final = "this is no reference to a result"
_FIX: Final = "Choose another place for results."
#: A kernel that has lived for longer may find that new workers do not share the store.
_PROBE_LASTS_S: Final = 90 * 24 * 3600


@dataclass(frozen=True, slots=True)
class RunStore:
    """The results of one run. It travels to workers, with a key that opens nothing else.

    A reference names a result for good: two executions of one node write two files.
    """

    run_id: str
    url: str = field(repr=False)
    key: bytes = field(repr=False)
    probe: str = field(repr=False)

    def write(self, name: str, payload: bytes, buffers: Sequence[Any] = ()) -> str:
        """Write a value, whole or not at all.

        Parameters
        ----------
        name : str
            The node's.
        payload : bytes
            The pickle of the value, of protocol 5.
        buffers : sequence of buffers
            Its buffers, kept apart; they are not copied.

        Returns
        -------
        str : the reference under which the value can be read: "r-…/clean-3-4fq7wz2mtkd3a"

        Raises
        ------
        StoreFailed : the store is full, not writable or not reachable
        """
        reference = paths.new_reference(self.run_id, name)
        with told(f"The result of `{name:.200}` could not be stored in {paths.shown(self.url)}"):
            storage.write(self.url, reference, payload, buffers, self.key)
        return reference

    def read(self, reference: str) -> tuple[bytearray, list[bytearray]]:
        """The pickle and the buffers of a value; all of it is verified, nothing is unpickled.

        Raises
        ------
        ResultLost : the file is missing, truncated, corrupt, of another key or another result
        StoreFailed : the store cannot be read, so that nobody knows whether anything is lost
        """
        with told(f"The stored result `{reference:.200}` could not be read"), _lost(reference):
            self._own(reference)
            content = storage.read(self.url, reference, self.key)
        return content.payload, content.buffers

    def load(self, reference: str) -> object:
        """A value itself: the one place where stored bytes are unpickled.

        Raises
        ------
        ResultLost, StoreFailed : as of `read`
        ResultUnreadable : its own code fails
        """
        payload, buffers = self.read(reference)
        try:
            return pickle.loads(payload, buffers=buffers)  # noqa: S301 - `read` has verified each byte
        except (Exception, SystemExit) as error:
            why = "".join(traceback.format_exception_only(error)).strip()
            raise ResultUnreadable(
                f"The stored result `{reference}` cannot be loaded here: {why:.500}.",
                "Return something whose pickle can be read in another process.",
            ) from error

    def check(self, reference: str) -> str:
        """Why a result is lost, as far as the head and the size of its file tell; empty if it seems to be there.

        Raises
        ------
        StoreFailed : the store cannot be read
        """
        return self.check_all([reference]).get(reference, "")

    def check_all(self, references: Iterable[str]) -> dict[str, str]:
        """Those results that are lost, each with the reason; see `check`."""
        lost: dict[str, str] = {}
        own = []
        for reference in references:
            try:
                self._own(reference)
                own.append(reference)
            except Unsound as unsound:
                lost[reference] = str(unsound)
        with told(f"The results in {paths.shown(self.url)} could not be looked at"):
            return lost | storage.check(self.url, own, self.key)

    def is_shared(self) -> bool:
        """Whether this process sees the store that the kernel sees; found out once per process."""
        return _sees(self.url, self.probe)

    def _own(self, reference: str) -> None:
        if paths.run_of(reference) != self.run_id:
            raise Unsound(f"this is no reference to a result of the run {self.run_id}")


class ResultStore:
    """All results. It stays in the kernel, with the key from which the keys of the runs are made.

    Parameters
    ----------
    url : str
        An absolute path, or a URL for fsspec; see `open_results`.
    key : bytes
    """

    def __init__(self, url: str, key: bytes) -> None:
        self.url = url
        self._key = key
        self._probe = paths.new_probe(time.time())

    def __repr__(self) -> str:
        return f"<ResultStore {paths.shown(self.url)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the key of all results stays in the kernel; `for_run` gives what may travel")

    def for_run(self, run_id: str) -> RunStore:
        """The results of one run, for its workers."""
        _check_id(run_id)
        return RunStore(run_id, self.url, keys.for_run(self._key, run_id), self._probe)

    def for_cache(self) -> CacheStore:
        """Values that any run may use again, for workers."""
        return CacheStore(self.url, keys.for_cache(self._key))

    def load(self, reference: str) -> object:
        """A value itself; see `RunStore.load`."""
        run_id = paths.run_of(reference)
        if not run_id:
            raise _gone(reference, _NO_REFERENCE)
        return self.for_run(run_id).load(reference)

    def read(self, reference: str) -> tuple[bytearray, list[bytearray]]:
        """The pickle and the buffers of a value, of whichever run; see `RunStore.read`."""
        run_id = paths.run_of(reference)
        if not run_id:
            raise _gone(reference, _NO_REFERENCE)
        return self.for_run(run_id).read(reference)

    def check_all(self, references: Iterable[str]) -> dict[str, str]:
        """Those results that are lost, of whichever runs, each with the reason; see `RunStore.check`."""
        of_runs: dict[str, list[str]] = {}
        for reference in references:
            of_runs.setdefault(paths.run_of(reference), []).append(reference)
        lost = dict.fromkeys(of_runs.pop("", ()), _NO_REFERENCE)
        for run_id, of_run in of_runs.items():
            lost |= self.for_run(run_id).check_all(of_run)
        return lost

    def write_probe(self) -> None:
        """Write the file by which other processes see that they share this store; delete those of kernels long gone.

        Raises
        ------
        StoreFailed : the store is full, not writable or not reachable
        """
        now_s = time.time()
        with told(f"Results cannot be stored in {paths.shown(self.url)}"):
            files = storage_of(self.url)
            files.write(files.place(self._probe), [memoryview(b"wfkit\n")])
            for name in files.names():
                made_s = paths.probe_made_s(name)
                if made_s is not None and made_s < now_s - _PROBE_LASTS_S:
                    files.delete(files.place(name))

    def runs(self) -> list[str]:
        """Ids of the runs that have files here, the oldest first."""
        with told(f"The results in {paths.shown(self.url)} could not be listed"):
            return sorted(filter(paths.is_run, storage_of(self.url).names()))

    def size_of_run(self, run_id: str) -> int:
        """Bytes of all files of a run."""
        _check_id(run_id)
        with told(f"The results of the run {run_id} could not be measured"):
            files = storage_of(self.url)
            return files.size(files.place(run_id))

    def delete_run(self, run_id: str) -> None:
        """Delete all files of a run; nothing happens if there are none."""
        _check_id(run_id)
        with told(f"The results of the run {run_id} could not be deleted"):
            files = storage_of(self.url)
            files.delete(files.place(run_id))


def open_results(home: Path, url: str = "") -> ResultStore:
    """Open the store of results; a folder for it is made where there is none.

    Parameters
    ----------
    home : Path
        As `home.home` gives it. The key is in it.
    url : str
        A path, or a URL for fsspec; the folder `results` in `home` if empty.

    Raises
    ------
    StoreUnusable : the folder belongs to somebody else, is writable by others, or cannot be made; fsspec cannot reach
        such URLs here; or the key would be in the store
    """
    url = url or str(home / "results")
    folder = paths.folder_here(url)
    if folder is None:
        try:
            storage_of(url)
        except Exception as error:
            raise StoreUnusable(f"Results cannot be kept in {paths.shown(url)}: {words(error)}.", _FIX) from error
    else:
        url = str(own_folder(Path(folder), "The folder for results", _FIX))
        if home.resolve().is_relative_to(url):
            raise StoreUnusable(f"The key that signs results would lie among them, in {url}.", _FIX)
    return ResultStore(url, keys.signing_key(home))


def _check_id(run_id: str) -> None:
    if not paths.is_run(run_id):
        raise ValueError(f"{run_id!r:.100} is no id of a run")


@lru_cache(maxsize=64)
def _sees(url: str, probe: str) -> bool:
    try:
        files = storage_of(url)
        return files.exists(files.place(probe))
    except Exception:  # noqa: BLE001 - who cannot even ask does not share the store
        return False


def _gone(reference: str, why: str) -> ResultLost:
    return ResultLost(f"The stored result `{reference:.200}` is lost: {why}.", "Execute its task again.")


@contextmanager
def _lost(reference: str) -> Iterator[None]:
    try:
        yield
    except Unsound as unsound:
        raise _gone(reference, str(unsound)) from None
