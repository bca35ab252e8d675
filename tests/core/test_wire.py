"""The wire: every event survives lists, msgpack and JSON, and nothing malformed gets through."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.histories import G0, any_event, finished, retrying, started
from wfkit.core import wire
from wfkit.core.events import AnyEvent, LogLine, LogLines, NodeCrashed, NodeFinished, RunFinished, RunStarted
from wfkit.core.ids import RunId
from wfkit.core.states import FailureKind, RunState, TaskState

PLAIN = (type(None), bool, int, float, str, bytes, list)


def assert_plain(value: object) -> None:
    assert type(value) in PLAIN
    if isinstance(value, list):
        for one in value:
            assert_plain(one)


def test_every_event_has_its_shape() -> None:
    assert set(wire._SHAPES) == {cls.tag for cls in get_args(AnyEvent)}


@given(any_event)
def test_an_event_becomes_plain_values_and_comes_back(event: AnyEvent) -> None:
    values = wire.encode(event)
    assert_plain(values)
    assert values[0] == event.tag
    assert wire.decode(values) == event
    assert type(wire.decode(values)) is type(event)


@given(any_event, st.integers(1, 2**40))
def test_a_numbered_event_is_the_same_with_its_number(event: AnyEvent, seq: int) -> None:
    before = replace(event)
    assert wire.number(event, seq) is event
    assert event == replace(before, seq=seq)


@given(any_event)
def test_an_event_comes_back_from_msgpack_with_lists_or_tuples(event: AnyEvent) -> None:
    packed = msgpack.packb(wire.encode(event), use_bin_type=True, strict_types=True)
    for use_list in (True, False):
        assert wire.decode(msgpack.unpackb(packed, use_list=use_list)) == event


@given(any_event)
def test_an_event_comes_back_from_json(event: AnyEvent) -> None:
    text = wire.to_json(event)
    assert "\n" not in text
    assert wire.from_json(text) == event


def test_an_event_reads_as_a_list_that_starts_with_its_tag() -> None:
    event = started(G0, 3, seq=7, at_s=1.5, worker="tcp://a:1")
    assert wire.encode(event) == ["node-started", 7, 1.5, "", "g0", 3, 1, "tcp://a:1"]


def test_decoding_leaves_the_list_as_it_was() -> None:
    values = wire.encode(retrying(G0))
    before = json.dumps(values)
    wire.decode(values)
    wire.with_seq(values, 4)
    assert json.dumps(values) == before


def test_whoever_receives_an_event_may_number_it() -> None:
    numbered = wire.with_seq(wire.encode(finished(G0, seq=0)), 12)
    assert wire.seq_of(numbered) == 12
    assert wire.decode(numbered) == finished(G0, seq=12)


def test_decoded_states_are_the_members_themselves() -> None:
    event = wire.decode(wire.encode(finished(G0)))
    assert event.state is TaskState.COMPLETED  # type: ignore[union-attr]


def test_lone_surrogates_travel_as_escapes() -> None:
    line = LogLine(at_s=1.0, level=20, source="print", text="caf\u00e9 \udcff")
    event = LogLines(group=G0, index=0, attempt=1, part=0, lines=(line,))
    values = wire.encode(event)
    assert msgpack.packb(values)
    assert wire.decode(values) == replace(event, lines=(replace(line, text="caf\u00e9 \\udcff"),))


def test_whole_numbers_are_fine_where_seconds_belong() -> None:
    assert wire.from_json('["run-finished",3,5,"","COMPLETED",""]') == RunFinished(
        seq=3, at_s=5.0, state=RunState.COMPLETED
    )


GOOD_START: list[object] = ["node-started", 7, 1.5, "", "g0", 3, 1, "w"]
GOOD_FINISH: list[object] = list(wire.encode(finished(G0)))
GOOD_RETRY: list[object] = list(wire.encode(retrying(G0)))
GOOD_CRASH: list[object] = list(
    wire.encode(NodeCrashed(group=G0, index=0, attempt=1, kind=FailureKind.MEMORY, reason=""))
)
GOOD_RUN: list[object] = list(wire.encode(RunStarted(run_id=RunId("r"), flow_name="f", parameters=(("year", "2013"),))))


def added_with_parts(parts: list[object]) -> list[object]:
    return [
        "nodes-added",
        1,
        1.0,
        "",
        [["g0", 0, "a", "a", "task", True, 2, None, [], [], parts, "", [], [], [], [], []]],
    ]


def changed(values: list[object], place: int, value: object) -> list[object]:
    return [*values[:place], value, *values[place + 1 :]]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "None"),
        (["node-exploded", 1], "'node-exploded'"),
        ([3, 1], "3"),
        ([["node-started"], 1], r"\['node-started'\]"),
        ([None], "None"),
        (["node-started"], "'node-started'.* 0 fields where 7"),
        (GOOD_START[:-1], "'node-started'.* 6 fields where 7"),
        ([*GOOD_START, "more"], "'node-started'.* 8 fields where 7"),
        (changed(GOOD_START, 1, "7"), "'node-started'.*seq is str, not int"),
        (changed(GOOD_START, 2, None), "'node-started'.*at_s is NoneType"),
        (changed(GOOD_START, 4, b"g0"), "'node-started'.*group is bytes"),
        (changed(GOOD_START, 5, True), "'node-started'.*index is bool"),
        (changed(GOOD_START, 5, -1), "'node-started'.*index is below zero"),
        (changed(GOOD_START, 6, -1), "'node-started'.*attempt is below zero"),
        (changed(GOOD_FINISH, 7, "RUNNING"), "'node-finished'.*'RUNNING' is none of CANCELLED, COMPLETED"),
        (changed(GOOD_FINISH, 7, "CRASHED"), "'node-finished'.*'CRASHED' is none of"),
        (changed(GOOD_FINISH, 8, "bored"), "'node-finished'.*'bored' is none of"),
        (changed(GOOD_FINISH, 14, -1), "'node-finished'.*length is below zero"),
        (changed(GOOD_FINISH, 10, ["ValueError", "no"]), "'node-finished'.* 2 fields where 4"),
        (changed(GOOD_FINISH, 10, ["ValueError", "no", "", "text"]), "'node-finished'.*pickled is str"),
        (changed(GOOD_FINISH, -1, "text"), "'node-finished'.*fields"),
        (changed(GOOD_RETRY, 8, {"type_name": "E"}), "'node-retrying'.*error is dict"),
        (changed(GOOD_CRASH, 7, None), "'node-crashed'.*kind is NoneType"),
        (changed(GOOD_RUN, 7, [["year"]]), "'run-started'.*parameter"),
        (changed(GOOD_RUN, 7, ["year"]), "'run-started'.*holds str, not list"),
        (["nodes-added", 1, 1.0, "", [["g0", 0]]], "'nodes-added'.* 2 fields where 17"),
        (added_with_parts([3]), "'nodes-added'.*holds int, not list"),
        (added_with_parts([[1, "2"]]), "'nodes-added'.*a part is not two numbers"),
        (added_with_parts([[1, -2]]), "'nodes-added'.*a part is not two numbers"),
        (added_with_parts([[1, 2, 3]]), "'nodes-added'.*a part is not two numbers"),
        (added_with_parts([[]]), "'nodes-added'.*a part is not two numbers"),
        (["nodes-added", 1, 1.0, "", [3]], "'nodes-added'.*holds int, not list"),
        (["node-waiting", 1, 1.0, "", "g0", 0, 1, [3]], "'node-waiting'.*holds int, not str"),
        (["run-state-changed", 1, 1.0, "", "COMPLETED", ""], "'run-state-changed'.*'COMPLETED' is none of"),
        (["run-finished", 1, 1.0, "", "RUNNING", ""], "'run-finished'.*'RUNNING' is none of"),
    ],
)
def test_what_is_malformed_is_refused_by_its_tag(values: list[object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wire.decode(values)


def test_fields_that_an_earlier_version_did_not_have_are_as_where_nobody_says_them() -> None:
    event = wire.decode(GOOD_FINISH[:-2])
    assert isinstance(event, NodeFinished)
    assert (event.memory_bytes, event.made_by) == (0, "")
    assert wire.decode(wire.encode(event)) == event


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "3",
        '"node-started"',
        '{"base64":"AA=="}',
        '{"tag":"node-started"}',
        '["node-started",{"base64":"A"}]',
        '["node-started",{"base64":3}]',
    ],
)
def test_what_is_no_event_in_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        wire.from_json(text)


def test_an_object_that_no_event_holds_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="complex"):
        wire.to_json(replace(started(G0), at_s=1j))  # type: ignore[arg-type]  # on purpose


def best_us(call: Callable[[], object]) -> float:
    """Microseconds of one call: the best of several rounds, because the machine is shared."""
    rounds = []
    for _ in range(5):
        begin = time.thread_time()
        for _ in range(2_000):
            call()
        rounds.append((time.thread_time() - begin) / 2_000 * 1e6)
    return min(rounds)


@pytest.mark.parametrize("event", [started(G0), finished(G0)], ids=lambda event: event.tag)
def test_both_directions_are_cheap(event: AnyEvent) -> None:
    values = wire.encode(event)
    assert best_us(lambda: wire.encode(event)) < 8  # 0.5 to 0.9 where this was written; the budget is 4
    assert best_us(lambda: wire.decode(values)) < 8  # 1.4 to 2.2
