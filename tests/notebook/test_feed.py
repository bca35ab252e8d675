"""The feed: snapshots, deltas, details; what a browser that applies them would know."""

from __future__ import annotations

import json
import random
import struct
import time
from typing import Any

import pytest

from tests.notebook.stories import (
    BEGIN_S,
    ERROR,
    GOLDEN,
    StoryRun,
    edge,
    ended,
    golden,
    logged,
    monthly,
    monthly_steps,
    retrying,
    run_finished,
    run_started,
    spec,
    started,
)
from wfkit.core.events import How, LogLine, LogLines, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.states import STATES, RunState, TaskState
from wfkit.notebook.feed import Message, Sent, delta, message_bytes, node_detail, snapshot

NOW_S = BEGIN_S + 10


class Browser:
    """Applies messages as the front end does."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.states: dict[str, bytearray] = {}
        self.run: dict[str, Any] = {}
        self.seq = -1

    def take(self, message: Message) -> None:
        content: Any = json.loads(json.dumps(message[0], allow_nan=False))
        buffers = list(message[1])
        if content["op"] == "snapshot":
            self.groups, self.states = {}, {}
            for group in content["groups"]:
                self.groups[group["id"]] = group
                self.states[group["id"]] = bytearray(buffers.pop(0))
        else:
            assert content["base"] <= self.seq
            for group in content["groups"]:
                self.groups[group["id"]] = self.groups.get(group["id"], {}) | group
            for cell in content["cells"]:
                if cell["form"] == "full":
                    self.states[cell["id"]] = bytearray(buffers.pop(0))
                    continue
                indexes, codes = buffers.pop(0), buffers.pop(0)
                for index, code in zip(struct.unpack(f"<{len(codes)}I", indexes), codes, strict=True):
                    self.states[cell["id"]][index] = code
        assert not buffers
        self.seq, self.run = content["seq"], content["run"]


def assert_same(browser: Browser, run: StoryRun) -> None:
    fresh = Browser()
    fresh.take(snapshot(run.view_model, NOW_S)[0])
    assert browser.states == fresh.states
    assert browser.groups == fresh.groups
    assert browser.run["state"] == run.state.value
    assert browser.seq == run.view_model.version


def long_run(length: int) -> StoryRun:
    return StoryRun(run_started("long"), NodesAdded(groups=(spec(0, "item", length, mapped=True),)))


def test_a_snapshot_says_everything() -> None:
    run = monthly()
    (content, buffers), sent = snapshot(run.view_model, NOW_S)
    assert content["states"] == [state.value for state in STATES]
    assert content["seq"] == sent.version == run.view_model.version
    groups: Any = content["groups"]
    assert [group["name"] for group in groups] == ["load", "clean", "delays", "carriers", "best", "worst", "report"]
    assert [len(part) for part in buffers] == [12, 12, 12, 1, 1, 1, 1]
    assert groups[1]["edges"] == [["g0", "each", 0]]
    assert groups[1]["counts"][STATES.index(TaskState.FAILED)] == 1
    assert groups[0]["first_s"] == BEGIN_S + 0.3
    assert groups[4]["first_s"] is None
    head: Any = content["run"]
    assert (head["flow"], head["state"], head["now_s"]) == ("monthly", "FAILED", NOW_S)
    json.dumps(content, allow_nan=False)


def test_a_browser_that_applies_the_deltas_knows_what_a_snapshot_says() -> None:
    run, browser = StoryRun(), Browser()
    message, sent = snapshot(run.view_model, NOW_S)
    browser.take(message)
    for events in monthly_steps():
        run.tell(*events)
        browser.take(delta(run.view_model, sent, NOW_S))
    assert_same(browser, run)


@pytest.mark.parametrize("seed", range(5))
def test_deltas_are_right_for_long_maps_that_change_anywhere_in_any_amount(seed: int) -> None:
    draw = random.Random(seed)
    run, browser = long_run(5_000), Browser()
    message, sent = snapshot(run.view_model, NOW_S)
    browser.take(message)
    alive = list(range(5_000))
    draw.shuffle(alive)
    while alive:
        batch = [alive.pop() for _ in range(min(len(alive), draw.choice([1, 3, 60, 1500])))]
        run.tell(*(started(0, index, after_s=draw.random()) for index in batch))
        if draw.random() < 0.5:
            browser.take(delta(run.view_model, sent, NOW_S))
        run.tell(*(ended(0, index, after_s=1 + draw.random()) for index in batch))
        browser.take(delta(run.view_model, sent, NOW_S))
    run.tell(run_finished(RunState.COMPLETED))
    browser.take(delta(run.view_model, sent, NOW_S))
    assert_same(browser, run)


def test_a_map_that_grows_is_told_whole() -> None:
    run, browser = StoryRun(run_started(), NodesAdded(groups=(spec(0, "item", None, mapped=True),))), Browser()
    message, sent = snapshot(run.view_model, NOW_S)
    browser.take(message)
    run.tell(started(0, 3))
    browser.take(delta(run.view_model, sent, NOW_S))
    run.tell(NodesAdded(groups=(spec(0, "item", 9, edge(1, How.EACH), mapped=True),)))
    browser.take(delta(run.view_model, sent, NOW_S))
    assert_same(browser, run)
    assert browser.groups["g0"]["length"] == 9


def test_only_what_changed_travels() -> None:
    run = long_run(100_000)
    _, sent = snapshot(run.view_model, NOW_S)
    run.tell(started(0, 70_000), ended(0, 5))
    content, buffers = delta(run.view_model, sent, NOW_S)
    assert content["cells"] == [{"id": "g0", "form": "sparse"}]
    assert struct.unpack("<2I", buffers[0]) == (5, 70_000)
    assert set(content["groups"][0]) == {"id", "counts", "first_s", "last_s"}  # type: ignore[index]
    assert message_bytes((content, buffers)) < 1_000


def test_a_delta_of_nothing_is_empty_and_moves_only_the_clock() -> None:
    run = monthly()
    _, sent = snapshot(run.view_model, NOW_S)
    content, buffers = delta(run.view_model, sent, NOW_S + 1)
    assert (content["groups"], content["cells"], buffers) == ([], [], [])
    assert content["base"] == content["seq"]


def test_a_group_that_changed_in_other_ways_sends_no_states() -> None:
    run = monthly(4)
    _, sent = snapshot(run.view_model, NOW_S)
    run.tell(logged(0, 0, 1, "a line"))
    content, buffers = delta(run.view_model, sent, NOW_S)
    assert (content["cells"], buffers) == ([], [])


def test_100_000_elements_cost_a_few_milliseconds_a_message() -> None:
    run = long_run(100_000)
    _, sent = snapshot(run.view_model, NOW_S)
    times = []
    for turn in range(5):
        run.tell(*(ended(0, turn * 1000 + index) for index in range(200)))
        begun_s = time.perf_counter()
        delta(run.view_model, sent, NOW_S)
        times.append(time.perf_counter() - begun_s)
    assert sorted(times)[2] < 0.05


def test_the_golden_feed_is_what_this_code_says() -> None:
    assert GOLDEN.read_text(encoding="utf-8") == golden(), (
        "run `python -m tests.notebook.stories` and look at the difference"
    )


def test_a_detail_tells_the_story_of_a_node() -> None:
    run = monthly()
    node: Any = node_detail(run.view_model, GroupId("g1"), 6)
    assert (node["name"], node["state"], node["kind"]) == ("clean[6]", "FAILED", "error")
    assert [attempt["attempt"] for attempt in node["attempts"]] == [1, 2]
    assert node["attempts"][0]["delay_s"] == 2.0
    assert node["attempts"][1]["error"]["type"] == "ValueError"
    assert node["attempts"][1]["error"]["traceback"] == ERROR.traceback
    assert [row[3] for row in node["logs"]][-1] == "cannot make sense of column dep_delay"
    assert [row[4] for row in node["logs"]] == sorted(row[4] for row in node["logs"])
    assert node["worker"].startswith("tcp://")
    json.dumps(node, allow_nan=False)


def test_a_detail_of_a_node_that_never_ran_is_plain_json() -> None:
    node = node_detail(monthly(1).view_model, GroupId("g6"), 0)
    assert (node["state"], node["attempts"], node["worker"], node["wall_s"]) == ("PENDING", [], "", None)
    json.dumps(node, allow_nan=False)


def test_a_retry_without_an_end_is_told() -> None:
    run = long_run(1)
    run.tell(started(0), retrying(0))
    node: Any = node_detail(run.view_model, GroupId("g0"), 0)
    assert (node["state"], node["attempts"][0]["error"]["type"]) == ("RETRYING", "ValueError")


@pytest.mark.parametrize(("group", "index"), [("g9", 0), ("g1", 12), ("g1", -1)])
def test_a_detail_of_nothing_is_an_error(group: str, index: int) -> None:
    with pytest.raises((KeyError, IndexError)):
        node_detail(monthly().view_model, GroupId(group), index)


@pytest.mark.parametrize(("lines", "length"), [(0, 10), (1, 10), (1000, 10), (1001, 10), (50_000, 10), (400, 9_000)])
def test_a_long_log_keeps_its_ends_and_says_what_is_left_out(lines: int, length: int) -> None:
    run = long_run(1)
    rows = tuple(LogLine(at_s=i, level=20, source="s", text=f"{i} ".ljust(length, ".")) for i in range(lines))
    run.tell(LogLines(group=GroupId("g0"), index=0, attempt=1, part=0, lines=rows))
    logs: Any = node_detail(run.view_model, GroupId("g0"), 0)["logs"]
    assert len(json.dumps(logs)) < 700_000
    told = [row for row in logs if row[2] != "wfkit"]
    gap = [row for row in logs if row[2] == "wfkit"]
    if len(told) == lines:
        assert not gap
    else:
        assert gap[0][3] == f"… {lines - len(told):,} lines are not shown here …"
        assert told[0][3].startswith("0 ")
        assert told[-1][3].startswith(f"{lines - 1} ")


def test_text_that_no_json_codec_takes_is_made_harmless() -> None:
    run = StoryRun(run_started("half \ud800"), NodesAdded(groups=(spec(0, "x\udfff\x1b[31m"),)))
    run.tell(ended(0, state=TaskState.FAILED, reason="\ud800\x00", error=ERROR))
    (content, _), sent = snapshot(run.view_model, NOW_S)
    json.dumps(content, ensure_ascii=False).encode()
    json.dumps(node_detail(run.view_model, GroupId("g0"), 0), ensure_ascii=False).encode()
    assert isinstance(sent, Sent)
