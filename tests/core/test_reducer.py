"""The reducer: the same view from the same events, however they arrive."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import isnan
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.histories import (
    G0,
    added,
    any_record,
    deliveries,
    finished,
    folded,
    folded_as_is,
    group,
    histories,
    numbered,
    retrying,
    started,
)
from wfkit.core import reducer, wire
from wfkit.core.events import (
    AnyEvent,
    ErrorInfo,
    LogLine,
    LogLines,
    NodeCrashed,
    NodeFinished,
    RunFinished,
    RunStarted,
    RunStateChanged,
)
from wfkit.core.ids import GroupId, RunId
from wfkit.core.snapshot import snapshot
from wfkit.core.states import STATES, TASK_ENDS, TASK_MOVES, FailureKind, RunState, TaskState
from wfkit.core.view import RunView

GOLDEN = Path(__file__).parents[1] / "golden"


def assert_counts_are_the_histogram(view: RunView) -> None:
    for columns in view.groups.values():
        histogram = Counter(columns.states)
        assert columns.counts == [histogram[code] for code in range(len(STATES))]


# --- any order, any number of times -----------------------------------------------------------------------------------


def test_every_event_has_its_handler() -> None:
    assert set(reducer._HANDLERS) == set(get_args(AnyEvent))


@given(st.data())
def test_any_order_and_any_repeats_give_the_same_view(data: st.DataObject) -> None:
    record = data.draw(any_record)
    shuffled = data.draw(deliveries(record))
    assert snapshot(folded_as_is(shuffled)) == snapshot(folded_as_is(record))


@given(st.data())
def test_a_history_that_could_have_happened_folds_the_same_in_any_order(data: st.DataObject) -> None:
    record = data.draw(histories())
    shuffled = data.draw(deliveries(record))
    assert snapshot(folded_as_is(shuffled)) == snapshot(folded_as_is(record))


@given(histories())
def test_in_order_every_change_of_state_is_a_move_of_the_table(record: list[AnyEvent]) -> None:
    view = RunView()
    for event in record:
        before = {(key, at): columns.state(at) for key, columns in view.groups.items() for at in range(len(columns))}
        reducer.apply(view, event)
        for (key, index), old in before.items():
            new = view.groups[key].state(index)
            assert new is old or TASK_MOVES[old, new] == event.tag


@given(any_record)
def test_in_order_nothing_leaves_an_end_state(record: list[AnyEvent]) -> None:
    view, ends, run_ends = RunView(), dict[tuple[GroupId, int], TaskState](), set[RunState]()
    for event in record:
        reducer.apply(view, event)
        for key, columns in view.groups.items():
            for index in range(len(columns)):
                if columns.state(index) in TASK_ENDS:
                    assert columns.state(index) is ends.setdefault((key, index), columns.state(index))
        if isinstance(event, RunFinished) or run_ends:
            run_ends.add(view.state)
        assert len(run_ends) <= 1


@given(any_record)
def test_a_second_delivery_of_the_whole_record_changes_nothing(record: list[AnyEvent]) -> None:
    view = folded_as_is(record)
    version = view.version
    reducer.fold(view, record)
    assert view.version == version


class AnyOrder(RuleBasedStateMachine):
    """Events of one record arrive in any order, some twice, and the view stays sound all the time."""

    @initialize(record=any_record.filter(bool))
    def begin(self, record: list[AnyEvent]) -> None:
        self.record, self.left, self.view = record, list(record), RunView()
        self.ended = set[tuple[GroupId, int]]()
        self.version = 0

    @precondition(lambda self: self.left)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.left) - 1))
        reducer.apply(self.view, self.left.pop(place))

    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.record))
        if event not in self.left:
            reducer.apply(self.view, event)

    @invariant()
    def counts_are_the_histogram(self) -> None:
        assert_counts_are_the_histogram(self.view)

    @invariant()
    def what_has_ended_stays_ended(self) -> None:
        now = {
            (key, index)
            for key, columns in self.view.groups.items()
            for index in range(len(columns))
            if columns.state(index) in TASK_ENDS
        }
        assert now >= self.ended
        self.ended = now

    @invariant()
    def versions_never_fall(self) -> None:
        assert self.view.version >= self.version
        assert all(columns.changed <= self.view.version for columns in self.view.groups.values())
        self.version = self.view.version

    def teardown(self) -> None:
        if hasattr(self, "record"):
            reducer.fold(self.view, self.left)
            assert snapshot(self.view) == snapshot(folded_as_is(self.record))


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=30, stateful_step_count=20)


# --- which event holds ------------------------------------------------------------------------------------------------


def test_a_node_goes_through_its_states() -> None:
    view = folded(added(group(0)))
    columns = view.groups[G0]
    seen = [columns.state(0)]
    for event in numbered([started(G0), retrying(G0), started(G0, attempt=2), finished(G0, attempt=2)]):
        reducer.apply(view, event)
        seen.append(columns.state(0))
    assert seen == [
        TaskState.PENDING,
        TaskState.RUNNING,
        TaskState.RETRYING,
        TaskState.RUNNING,
        TaskState.COMPLETED,
    ]
    assert columns.attempts[0] == 2
    assert columns.delays_s == {0: {1: 1.0}}


def test_a_start_that_comes_after_the_end_fills_in_the_times_only() -> None:
    view = folded_as_is([added(group(0), seq=1), finished(G0, seq=3, worker=""), started(G0, seq=2, worker="w9")])
    columns = view.groups[G0]
    assert columns.state(0) is TaskState.COMPLETED
    assert columns.started_s[0] == 10.0
    assert view.workers[columns.worker_of[0]] == "w9"


def test_the_worker_that_an_end_names_is_not_replaced_by_a_late_start() -> None:
    view = folded_as_is([finished(G0, seq=3, worker="a"), started(G0, seq=4, worker="b")])
    assert view.workers[view.groups[G0].worker_of[0]] == "a"


def test_the_first_end_in_the_record_holds_and_takes_back_what_a_later_one_told() -> None:
    late = NodeFinished(
        seq=9,
        group=G0,
        index=0,
        attempt=1,
        state=TaskState.FAILED,
        kind=FailureKind.ERROR,
        reason="late",
        error=ErrorInfo(type_name="ValueError", message="late", traceback=""),
        worker="w9",
        wall_s=5.0,
        result_bytes=7,
        length=3,
        preview="late",
        inline=b"late",
        memory_bytes=9,
    )
    cancelled = finished(G0, TaskState.CANCELLED, attempt=0, seq=4, worker="")
    crashed = NodeCrashed(seq=3, group=G0, index=0, attempt=1, kind=FailureKind.MEMORY, reason="killed")
    view = folded_as_is([started(G0, seq=2), late, cancelled])
    columns = view.groups[G0]
    assert columns.state(0) is TaskState.CANCELLED
    assert view.workers[columns.worker_of[0]] == "w1"
    assert columns.result_bytes[0] == 0
    texts = (columns.kinds, columns.reasons, columns.errors, columns.previews)
    for facts in (*texts, columns.lengths, columns.inline, columns.memory_bytes):
        assert not facts
    reducer.apply(view, crashed)
    assert columns.state(0) is TaskState.CRASHED
    assert columns.kinds[0] is FailureKind.MEMORY
    assert isnan(columns.wall_s[0])


def test_an_error_of_a_later_end_gives_way_to_the_error_of_the_retry() -> None:
    error = ErrorInfo(type_name="KeyError", message="late", traceback="")
    late = replace(finished(G0, TaskState.FAILED, seq=9), error=error)
    view = folded_as_is([late, retrying(G0, seq=3, message="first try")])
    assert view.groups[G0].errors == {0: {1: error}}
    reducer.apply(view, finished(G0, TaskState.CANCELLED, seq=4))
    assert view.groups[G0].errors[0][1].message == "first try"


def test_a_second_execution_of_the_same_attempt_shows_its_worker_and_the_first_start() -> None:
    view = folded(started(G0, at_s=5.0, worker="a"), started(G0, at_s=8.0, worker="b"))
    columns = view.groups[G0]
    assert view.workers[columns.worker_of[0]] == "b"
    assert columns.started_s[0] == 5.0


def test_a_node_that_never_began_has_no_duration() -> None:
    view = folded(replace(finished(G0, TaskState.UPSTREAM_FAILED, attempt=0), wall_s=0.0))
    assert isnan(view.groups[G0].wall_s[0])


def test_a_group_is_found_by_its_last_name_alone() -> None:
    view = folded_as_is([started(G0, seq=1)])
    assert view.names == {}
    for seq, name in ((2, "old"), (4, "new"), (3, "late")):
        reducer.apply(view, added(group(0, name=name), seq=seq))
    assert view.names == {"new": "g0"}


def test_a_group_may_have_the_id_of_another_as_its_name() -> None:
    view = folded_as_is([started(G0, seq=1), added(group(1, name="g0"), group(0, name="clean"), seq=2)])
    assert view.names == {"g0": "g1", "clean": "g0"}


def test_parts_grow_with_the_length() -> None:
    first = replace(group(0, 2), parts=((1, 2),))
    second = replace(group(0, 5), parts=((1, 2), (0, 3)))
    record: list[AnyEvent] = [added(first, seq=1), added(second, seq=2)]
    for order in itertools.permutations(record):
        columns = folded_as_is(order).groups[G0]
        assert [columns.name(index) for index in (1, 2, 4)] == ["task0[1.1]", "task0[0.0]", "task0[0.2]"]


def test_a_node_before_its_group_is_kept_and_described_later() -> None:
    view = folded_as_is([finished(G0, index=4, seq=2)])
    assert len(view.groups[G0]) == 5
    assert view.groups[G0].spec.length is None
    reducer.apply(view, added(group(0, 8, name="clean"), seq=1))
    assert view.groups[G0].name(4) == "clean[4]"
    assert len(view.groups[G0]) == 8
    assert view.groups[G0].state(4) is TaskState.COMPLETED


def test_a_length_that_becomes_known_grows_the_group() -> None:
    late, early = added(group(0, 6), seq=5), added(group(0, None), seq=2)
    for order in ([early, late], [late, early]):
        view = folded_as_is(order)
        assert view.groups[G0].spec.length == 6
        assert len(view.groups[G0]) == 6


def test_the_last_description_of_a_group_holds() -> None:
    early, late = added(group(0, 2, name="old"), seq=2), added(group(0, 2, name="new"), seq=5)
    for order in ([early, late], [late, early]):
        assert folded_as_is(order).groups[G0].spec.name == "new"


def log(part: int, text: str, seq: int) -> LogLines:
    lines = (LogLine(at_s=1.0, level=20, source="print", text=text),)
    return LogLines(seq=seq, group=G0, index=0, attempt=1, part=part, lines=lines)


def test_logs_are_kept_by_attempt_and_part() -> None:
    view = folded_as_is([log(1, "b", 3), log(0, "a", 2), log(1, "b", 3)])
    parts = view.groups[G0].logs[0]
    assert [parts[key].lines[0].text for key in sorted(parts)] == ["a", "b"]


def test_of_two_executions_of_an_attempt_the_last_one_tells_its_logs_and_its_error() -> None:
    early: list[AnyEvent] = [log(0, "first", 2), retrying(G0, seq=3, message="first", delay_s=1.0)]
    late: list[AnyEvent] = [log(0, "second", 4), retrying(G0, seq=5, message="second", delay_s=2.0)]
    for order in (early + late, late + early):
        columns = folded_as_is(order).groups[G0]
        assert columns.logs[0][1, 0].lines[0].text == "second"
        assert columns.errors[0][1].message == "second"
        assert columns.delays_s[0][1] == 2.0


def test_attempts_beyond_the_column_stay_at_its_end() -> None:
    assert folded(started(G0, attempt=10**6)).groups[G0].attempts[0] == 2**16 - 1


def test_a_run_goes_through_its_states() -> None:
    view, seen = RunView(), list[RunState]()
    events: list[AnyEvent] = [
        RunStarted(at_s=1.0, run_id=RunId("r-1"), flow_name="etl"),
        RunStateChanged(state=RunState.PAUSED, reason="by hand"),
        RunStateChanged(state=RunState.RUNNING),
        RunStateChanged(state=RunState.CANCELLING),
        RunFinished(at_s=9.0, state=RunState.CANCELLED, reason="asked to"),
        RunFinished(at_s=10.0, state=RunState.INTERRUPTED),
        RunStateChanged(state=RunState.RUNNING),
    ]
    for event in numbered(events):
        reducer.apply(view, event)
        seen.append(view.state)
    assert seen == ["RUNNING", "PAUSED", "RUNNING", "CANCELLING", "CANCELLED", "CANCELLED", "CANCELLED"]
    assert (view.started_s, view.ended_s, view.reason) == (1.0, 9.0, "asked to")


def test_a_start_of_the_run_that_comes_late_changes_no_later_state() -> None:
    start = RunStarted(seq=1, run_id=RunId("r-1"), flow_name="etl")
    for later in (RunStateChanged(seq=2, state=RunState.PAUSED), RunFinished(seq=2, state=RunState.FAILED)):
        view = folded_as_is([later, start])
        assert view.state is later.state
        assert view.flow_name == "etl"


def test_a_finish_whose_state_is_no_end_is_refused() -> None:
    with pytest.raises(KeyError):
        folded(finished(G0, TaskState.RUNNING))


# --- golden logs and speed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_log(case: Path) -> None:
    log = json.loads(case.read_text(encoding="utf-8"))
    events = [wire.from_json(json.dumps(event)) for event in log["events"]]
    assert snapshot(folded_as_is(events)) == log["expected"]
    twice = events * 2
    Random(7).shuffle(twice)
    assert snapshot(folded_as_is(twice)) == log["expected"]


def fastest_s(work: Callable[[], object]) -> float:
    """The best of three: others' garbage is collected in between, and takes longer the more there is of it."""
    taken: list[float] = []
    for _ in range(3):
        begin = time.thread_time()
        work()
        taken.append(time.thread_time() - begin)
    return min(taken)


def test_five_thousand_groups_are_described_and_found_quickly() -> None:
    def work() -> None:
        view = RunView()
        for number in range(5_000):
            reducer.apply(view, added(group(number, None), seq=2 * number + 1))
            reducer.apply(view, added(group(number, 3), seq=2 * number + 2))
            assert view.by_name(f"task{number}[2]")[1] == 2

    assert fastest_s(work) < 1.0


def test_a_hundred_thousand_nodes_fold_in_well_under_a_second() -> None:
    count = 100_000
    events: list[AnyEvent] = [added(group(0, count), seq=1)]
    events += [started(G0, index, seq=2 + index, worker=f"w{index % 8}") for index in range(count)]
    events += [finished(G0, index=index, seq=2 + count + index) for index in range(count)]
    assert folded_as_is(events).counts()[STATES.index(TaskState.COMPLETED)] == count
    assert fastest_s(lambda: folded_as_is(events)) < 1.0
