"""Outcomes: values travel pickled, unpickle at their first use, and blame their maker when they cannot."""

from __future__ import annotations

import pickle
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.system import hostile
from wfkit.core.states import TaskState
from wfkit.engine.worker.outcome import Bounced, Err, Ok, Outcome, Outcomes, arrived, dump_value, load_value, size_of
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


def test_what_bounced_travels_whole_and_is_no_end() -> None:
    bounced = sent(Bounced("load[3]"))
    assert (bounced.maker, bounced.state, repr(bounced)) == ("load[3]", TaskState.PENDING, "<Bounced load[3]>")


def shown(outcome: Outcome) -> tuple[str, object, str]:
    value = outcome.value() if isinstance(outcome, Ok) else getattr(outcome, "reason", "")
    return type(outcome).__name__, value, outcome.maker


ends = (
    st.builds(Ok, st.integers() | st.binary(), st.text())
    | st.builds(Err, st.sampled_from([TaskState.FAILED, TaskState.SKIPPED]), st.text(), st.none(), st.text())
    | st.builds(Bounced, st.text())
)


@pytest.mark.parametrize("protocol", [4, 5])
@given(outcomes=st.lists(ends, max_size=5))
def test_a_carrier_travels_whole_and_is_as_large_as_what_it_carries(protocol: int, outcomes: list[Outcome]) -> None:
    carrier = sent(Outcomes(outcomes), protocol)
    assert [shown(one) for one in carrier.outcomes] == [shown(one) for one in outcomes]
    assert size_of(Outcomes(outcomes)) == sum(size_of(one) for one in outcomes)


def test_one_value_of_a_carrier_that_cannot_be_read_leaves_the_others_readable() -> None:
    carrier = sent(Outcomes([Ok(1, "a"), Ok(hostile.Unloadable(), "b"), Ok(3, "c")]))
    assert (carrier.outcomes[0].value(), carrier.outcomes[2].value()) == (1, 3)
    with pytest.raises(ResultUnreadable, match="`b`"):
        carrier.outcomes[1].value()


def test_what_was_told_is_read_at_its_first_use() -> None:
    outcome = arrived(pickle.dumps([1]), "make")
    assert outcome.value() is outcome.value()
    with pytest.raises(ResultUnreadable):
        arrived(b"junk", "make").value()


def test_what_comes_with_many_tasks_of_a_run_is_read_once_for_items_and_each_time_as_a_whole() -> None:
    first, second, of_another_run = (sent(Ok([[1], [2]], "make")) for _ in range(3))
    assert first.common_value("r-1") is second.common_value("r-1")
    assert of_another_run.common_value("r-2") is not first.common_value("r-1")
    assert second.value() is not first.value()
    assert sent(Ok([[1], [2]], "other")).common_value("r-1") is not first.common_value("r-1")
    made_here = Ok([3], "make")
    assert made_here.common_value("r-1") is made_here.value()


def test_a_value_that_was_read_for_many_goes_with_the_last_of_them() -> None:
    first = sent(Ok([[1], [2]], "make"))
    kept = weakref.ref(first)
    first.common_value("r-1")
    del first
    assert kept() is None
    assert sent(Ok([[1], [2]], "make")).common_value("r-1") == [[1], [2]]
