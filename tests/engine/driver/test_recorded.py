"""A run of another process, as its record tells it."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from wfkit import flatten, task
from wfkit.core import wire
from wfkit.core.events import AnyEvent, NodeFinished
from wfkit.core.snapshot import snapshot
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.engine.driver.run import Run
from wfkit.errors import CannotRerun, HandleMisuse, MapFailed, NotDrivenHere, ResultLost, UpstreamFailed, WaitTimeout

WAIT_S = 10


class Kept:
    """The record of one run in the memory of a test."""

    def __init__(self, run: Any, events: list[AnyEvent]) -> None:
        self.id, self.flow_name, self.parent_id = run.id, run.flow_name, run.parent_id
        self.told, self.looks, self.asked_after = events, 0, list[int]()
        self.taken_over = self.pinned = False

    def last_seq(self) -> int:
        self.looks += 1
        return max(event.seq for event in self.told)

    def events(self, after_seq: int) -> list[AnyEvent]:
        self.asked_after.append(after_seq)
        return [event for event in self.told if event.seq > after_seq]

    def pin(self, on: bool) -> None:
        self.pinned = on

    def take_over(self) -> None:
        self.taken_over = True

    def flow(self) -> None:
        return None


class Stored:
    """A store that has one value."""

    def load(self, reference: str) -> object:
        if reference != "r-1/a":
            raise ResultLost(f"{reference} is missing.")
        return "from the store"


@pytest.fixture
def recorded(run_of: Callable[..., Run]) -> Callable[..., tuple[RecordedRun, Any]]:
    def record(body: Callable[[], Any]) -> tuple[RecordedRun, Any]:
        events: list[AnyEvent] = []
        run = run_of(body, keep=lambda encoded: events.extend(map(wire.decode, encoded)))
        return RecordedRun(Kept(run, events), cast("Any", Stored())), run

    return record


@task
def inc(x: int) -> int:
    if x == 13:
        raise ValueError(x)
    return x + 1


@task
def total(xs: Any) -> int:
    return sum(xs)


def test_it_tells_what_the_run_told(recorded: Any) -> None:
    found, run = recorded(lambda: total(inc.map([1, 2])))
    assert snapshot(found.view_model) == snapshot(run.view_model)
    assert (found.state, found.result(), found.node("inc").result()) == (RunState.COMPLETED, 5, [2, 3])
    assert (found.node("inc").state, found.node("inc[0]").state, len(found.node("inc"))) == ("COMPLETED",) * 2 + (2,)
    assert found.node("inc")[1].result() == 3
    assert repr(found.node("total")) == repr(run.node("total"))
    assert (found.held_bytes, found.release(), found.logs()) == (0, None, [])


def test_errors_are_those_of_the_run(recorded: Any) -> None:
    found, _ = recorded(lambda: total(inc.map([1, 13])))
    assert [type(one) for one in found.node("inc").exception()] == [type(None), ValueError]
    with pytest.raises(MapFailed, match=r"1 of 2 elements of `inc`"):
        found.node("inc").result()
    with pytest.raises(UpstreamFailed):
        found.node("total").result()


def test_lists_over_a_flatten_stand_in_the_order_of_its_parts(recorded: Any) -> None:
    @task
    def parts(n: int) -> list[int]:
        return list(range(n))

    found, run = recorded(lambda: inc.map(flatten(parts.map([2, 1]))))
    assert found.node("inc").result() == run.node("inc").result() == [1, 2, 1]
    with pytest.raises(HandleMisuse, match="is no task"):
        found.node("flatten").result()


def test_a_value_that_is_not_in_the_record_is_stored_or_lost(recorded: Any) -> None:
    found, _ = recorded(lambda: inc.map([1, 2, 3]))
    elsewhere = {0: "r-1/a", 1: "r-1/b", 2: ""}
    found._record.told[:] = [
        replace(event, inline=None, stored=elsewhere[event.index]) if isinstance(event, NodeFinished) else event
        for event in found._record.told
    ]
    assert found.node("inc[0]").result() == "from the store"
    with pytest.raises(ResultLost, match="r-1/b is missing"):
        found.node("inc[1]").result()
    with pytest.raises(ResultLost, match="in cluster memory only"):
        found.node("inc[2]").result()


def test_a_run_that_goes_on_elsewhere_is_followed(recorded: Any) -> None:
    found, _ = recorded(lambda: inc(1))
    events, whole = found._record.told, list(found._record.told)
    del events[-2:]
    assert found.state is RunState.RUNNING
    with pytest.raises(WaitTimeout, match="still RUNNING after 0 s"):
        found.wait(0)
    events[:] = whole
    assert found.wait(WAIT_S).state is RunState.COMPLETED
    looks = found._record.looks
    assert found.refresh().wait().state is RunState.COMPLETED
    assert found._record.looks == looks, "a run that has ended is not read again"


def test_of_a_run_that_goes_on_elsewhere_only_what_is_new_is_read_into_the_same_view(recorded: Any) -> None:
    found, run = recorded(lambda: inc(1))
    events, whole = found._record.told, list(found._record.told)
    del events[-2:]
    view, last_seq = found.view_model, events[-1].seq
    assert found.refresh().refresh().view_model is view
    assert found._record.asked_after == [0]
    events[:] = whole
    assert found.refresh().view_model is view
    assert found._record.asked_after == [0, last_seq]
    assert snapshot(view) == snapshot(run.view_model)


def test_who_listens_hears_what_is_recorded_and_of_the_end(recorded: Any) -> None:
    found, _ = recorded(lambda: inc(1))
    events, whole = found._record.told, list(found._record.told)
    del events[-2:]
    heard, has_ended = list[RunState](), threading.Event()
    unsubscribe = found.subscribe(lambda: heard.append(found.state))
    found.when_ended(has_ended.set)
    events[:] = whole
    assert has_ended.wait(WAIT_S)
    assert heard[-1] is RunState.COMPLETED
    unsubscribe()
    told = len(heard)
    found.pin()
    assert (found.pinned, found._record.pinned, len(heard)) == (True, True, told)
    late = list[str]()
    found.when_ended(lambda: late.append("at once"))
    assert late == ["at once"]


def test_it_cannot_be_steered_but_taken_over(recorded: Any) -> None:
    found, _ = recorded(lambda: inc(1))
    for order in (found.cancel, found.pause, found.resume, found.node("inc").cancel):
        with pytest.raises(NotDrivenHere, match="driven by another process"):
            order()
    with pytest.raises(HandleMisuse, match="no cluster has it"):
        _ = found.node("inc").future
    found.take_over()
    assert found._record.taken_over


def test_no_task_can_depend_on_it(recorded: Any, run_of: Callable[..., Run]) -> None:
    found, _ = recorded(lambda: inc(1))
    with pytest.raises(CannotRerun, match=r"Pass its `\.result\(\)`"):
        run_of(lambda: inc(found.node("inc")))


def test_a_value_of_the_flow_that_is_not_on_record_is_named(recorded: Any) -> None:
    found, _ = recorded(lambda: [inc(1), bytes(100_000)])
    with pytest.raises(ResultLost, match="is not on record"):
        found.result()
    assert pickle.loads(found.view_model.by_name("inc")[0].inline[0]) == 2
    assert found.node("inc").state is TaskState.COMPLETED


class Lost(Kept):
    """A record whose file of the flow is gone."""

    def flow(self) -> None:
        raise ResultLost("The stored result is lost: its file is missing.")


def test_a_flow_whose_file_is_lost_counts_as_one_that_was_not_kept() -> None:
    run = RecordedRun(Lost(SimpleNamespace(id="r-1", flow_name="etl", parent_id=None), []), None)
    assert (run.flow, run.arguments) == (None, {})
