"""Stored results: written beside the tasks, loaded for tasks that need them again, and never at the cost of a run."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from wfkit.core.states import TaskState
from wfkit.engine.worker import stored
from wfkit.engine.worker.outcome import Err, Ok
from wfkit.engine.worker.stored import Writers, load_stored
from wfkit.errors import ResultLost, StoreFailed

PATIENCE_S = 10.0


class Memory:
    """A store in memory."""

    def __init__(self, *, shared: bool = True, full: bool = False) -> None:
        self.shared, self.full = shared, full
        self.files: dict[str, tuple[bytes, Sequence[Any]]] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.threads = set[str]()

    def write(self, name: str, payload: bytes, buffers: Sequence[Any] = ()) -> str:
        self.threads.add(threading.current_thread().name)
        assert self.gate.wait(PATIENCE_S)
        if self.full:
            raise StoreFailed("The disk is full.", "Make room.")
        self.files[name] = payload, buffers
        return f"at/{name}"

    def read(self, reference: str) -> tuple[bytes, Sequence[Any]]:
        if reference.removeprefix("at/") not in self.files:
            raise ResultLost("The file is gone.", "Rerun.")
        return self.files[reference.removeprefix("at/")]

    def is_shared(self) -> bool:
        return self.shared


def written(writers: Writers, store: Memory, name: str = "a", payload: bytes = b"1") -> list[tuple[str, str]]:
    """Write, and wait until it is done; what was told then."""
    told: list[tuple[str, str]] = []
    writers.write(store, name, (payload, ()), lambda reference, why: told.append((reference, why)))
    assert writers.finish(PATIENCE_S)
    return told


def test_a_value_is_written_in_another_thread_and_its_reference_is_told() -> None:
    store = Memory()
    assert written(Writers(), store) == [("at/a", "")]
    assert store.files == {"a": (b"1", ())}
    assert store.threads == {"wfkit-results"}


def test_why_a_value_is_not_stored_is_told_and_costs_nothing_else() -> None:
    told = written(Writers(), Memory(full=True))
    assert told[0][0] == ""
    assert "The disk is full." in told[0][1]
    assert written(Writers(), Memory(shared=False)) == [("", "this worker does not share the store of results")]


def test_tasks_do_not_wait_for_a_slow_disk_until_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_WAITING_BYTES", 10)
    store, writers, told = Memory(), Writers(), list[str]()
    store.gate.clear()
    for name in "ab":
        writers.write(store, name, (b"12345", ()), lambda reference, _: told.append(reference))
    assert not writers.finish(0)
    opened = threading.Timer(0.05, store.gate.set)
    opened.start()
    writers.write(store, "c", (b"12345", ()), lambda reference, _: told.append(reference))
    assert "at/c" in told  # written by the caller itself
    assert threading.current_thread().name in store.threads
    assert writers.finish(PATIENCE_S)
    assert sorted(told) == ["at/a", "at/b", "at/c"]


def test_many_values_are_written_by_few_threads() -> None:
    store, writers, told = Memory(), Writers(), list[str]()
    for number in range(50):
        writers.write(store, str(number), (b"1", (memoryview(b"23"),)), lambda reference, _: told.append(reference))
    assert writers.finish(PATIENCE_S)
    assert len(told) == len(store.files) == 50
    assert sum(thread.name == "wfkit-results" for thread in threading.enumerate()) >= 1


def test_a_stored_value_is_an_outcome_like_that_of_a_task() -> None:
    store = Memory()
    store.files["a"] = pickle.dumps([1, 2]), ()
    outcome = load_stored("at/a", store)
    assert isinstance(outcome, Ok)
    assert outcome.value() == [1, 2]


def test_a_stored_value_that_is_gone_is_a_crash_that_says_why() -> None:
    outcome = load_stored("at/nothing", Memory())
    assert isinstance(outcome, Err)
    assert outcome.state is TaskState.CRASHED
    assert outcome.reason.startswith("its stored result cannot be had: ")
    assert "The file is gone." in outcome.reason
