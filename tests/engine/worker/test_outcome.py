"""Outcomes: values travel pickled, unpickle at their first use, and blame their maker when they cannot."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.system import hostile
from wfkit.core.states import TaskState
from wfkit.engine.worker.outcome import Err, Ok, dump_value, load_value, size_of
from wfkit.errors import ResultUnreadable


def sent(outcome: Any, protocol: int = 5) -> Any:
    """As it arrives in another process."""
    buffers: list[pickle.PickleBuffer] = []
    keep_apart = buffers.append if protocol >= 5 else None
    payload = pickle.dumps(outcome, protocol=protocol, buffer_callback=keep_apart)
    return pickle.loads(payload, buffers=[bytes(buffer.raw()) for buffer in buffers])


@pytest.mark.parametrize("protocol", [4, 5])
@given(value=st.recursive(st.integers() | st.text() | st.binary(), st.lists))
def test_a_value_arrives_equal(protocol: int, value: object) -> None:
    assert sent(Ok(value, "make"), protocol).value() == value


def test_in_a_process_the_value_is_itself() -> None:
    value = [object()]
    assert Ok(value, "make").value() is value


@pytest.mark.parametrize("protocol", [4, 5])
def test_arrays_travel_in_buffers_and_may_be_sent_on_unread(protocol: int) -> None:
    np = pytest.importorskip("numpy")
    value = np.arange(10_000)
    once = sent(Ok(value, "make"), protocol)
    assert size_of(once) >= value.nbytes
    again = sent(once, protocol)
    assert (again.value() == value).all()
    assert again.maker == "make"
    assert (sent(again).value() == value).all()


def test_a_value_is_loaded_at_its_first_use_and_once(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    outcome = sent(Ok(hostile.LoadsFrom(str(ready)), "make"))
    for _ in range(2):
        with pytest.raises(ResultUnreadable, match="The result of `make` cannot be loaded here: RuntimeError: not yet"):
            outcome.value()
    ready.touch()
    value = outcome.value()
    assert outcome.value() is value


@pytest.mark.parametrize("payload", [b"", b"junk", pickle.dumps(hostile.Unloadable())])
def test_whatever_unpickling_raises_is_named(payload: bytes) -> None:
    with pytest.raises(ResultUnreadable, match="`make`"):
        load_value(payload, (), "make")


def test_threads_may_load_one_value_at_the_same_time() -> None:
    for _ in range(50):
        outcome = sent(Ok(list(range(1_000)), "make"))
        start = threading.Barrier(4)
        found: list[object] = []

        def load() -> None:
            start.wait()  # noqa: B023 - the threads end within the round
            found.append(outcome.value())  # noqa: B023

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [list(range(1_000))] * 4


def test_an_end_without_a_value_travels_whole() -> None:
    err = sent(Err(TaskState.SKIPPED, "why", None, "make"))
    assert (err.state, err.reason, err.error, err.maker) == (TaskState.SKIPPED, "why", None, "make")
    assert repr(err) == "<Err SKIPPED of make>"


def test_what_a_notebook_defines_travels_by_value() -> None:
    class Local:
        number = 3

    payload, _ = dump_value(Local())
    assert type(load_value(payload, (), "make")).number == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", set(hostile.CANNOT_TRAVEL) - {"too deep"})
def test_what_cannot_travel_is_refused_and_never_printed(fault: str) -> None:
    value = hostile.CANNOT_TRAVEL[fault][0]()
    with pytest.raises((TypeError, pickle.PicklingError)):
        dump_value([hostile.Endless(), value])
    if hasattr(value, "close"):
        value.close()


@pytest.mark.parametrize("value", [hostile.Destructive(), [hostile.Destructive()], 10**100])
def test_sizes_are_numbers_whatever_the_value_says(value: object) -> None:
    assert 0 <= size_of(value) < 2**63
    assert 0 <= size_of(Ok(value, "make")) < 2**63
