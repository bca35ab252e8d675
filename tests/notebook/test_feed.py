"""The feed: snapshots, deltas, details; what a browser that applies them would know."""

from __future__ import annotations

import json
import random
import struct
import time
from typing import Any

import pytest

from tests.notebook import graphs
from tests.notebook.stories import GOLDEN, crawl_steps, golden, long_run, monthly, monthly_steps, parents
from tests.notebook.telling import (
    BEGIN_S,
    ERROR,
    WORKERS,
    StoryRun,
    began,
    done,
    edge,
    ended,
    logged,
    run_finished,
    run_started,
    silent,
    spawned,
    spec,
    started,
)
from wfkit.core.events import AnyEvent, How, NodesAdded, NodeStopping
from wfkit.core.ids import GroupId
from wfkit.core.states import STATES, RunState, TaskState
from wfkit.notebook.deck import Deck
from wfkit.notebook.feed import Message, Sent, delta, message_bytes, snapshot

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
                known = self.states[cell["id"]]
                known.extend(bytes(cell["length"] - len(known)))
                indexes, codes = buffers.pop(0), buffers.pop(0)
                for index, code in zip(struct.unpack(f"<{len(codes)}I", indexes), codes, strict=True):
                    self.states[cell["id"]][index] = code
        assert not buffers
        self.seq, self.run = content["seq"], content["run"]


def assert_same(browser: Browser, run: StoryRun, deck: Deck | None = None) -> None:
    fresh = Browser()
    fresh.take(snapshot(run.view_model, NOW_S, deck)[0])
    assert browser.states == fresh.states
    assert browser.groups == fresh.groups
    assert browser.run["state"] == run.state.value
    assert browser.seq == run.view_model.version


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
    assert content["cells"] == [{"id": "g0", "form": "sparse", "length": 100_000}]
    assert struct.unpack("<2I", buffers[0]) == (5, 70_000)
    assert set(content["groups"][0]) == {"id", "counts", "first_s", "last_s"}  # type: ignore[index]
    assert message_bytes((content, buffers)) < 1_000


def test_the_size_of_a_message_counts_all_its_text() -> None:
    run = parents(30)
    run.tell(run_finished(RunState.FAILED, reason="because " * 500))
    message, _ = snapshot(run.view_model, NOW_S)
    assert message_bytes(message) >= len(json.dumps(message[0])) > 4_000


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


@pytest.mark.parametrize("story", [monthly_steps(), crawl_steps(4)], ids=["monthly", "crawl"])
def test_what_nodes_spawned_is_told_as_it_comes(story: list[list[AnyEvent]]) -> None:
    run, browser = StoryRun(), Browser()
    message, sent = snapshot(run.view_model, NOW_S)
    browser.take(message)
    for events in story:
        run.tell(*events)
        browser.take(delta(run.view_model, sent, NOW_S))
        assert_same(browser, run, sent.deck)
    assert_same(browser, run)


def test_2_000_spawned_groups_are_three_small_descriptions() -> None:
    run = parents(1_000)
    (content, buffers), _ = snapshot(run.view_model, NOW_S)
    groups: Any = content["groups"]
    assert [group["name"] for group in groups] == ["parent", "sum", "leaf"]
    leaf = groups[2]
    assert (leaf["id"], leaf["kind"], leaf["mapped"], leaf["length"]) == ("fold:g0/leaf", "spawned", True, 2_000)
    assert (leaf["parent"], leaf["levels"], sum(leaf["counts"]), len(buffers[2])) == ("g0", 1, 2_000, 2_000)


def test_a_fold_that_grows_sends_no_more_than_what_moved() -> None:
    run = parents(2_000)
    _, sent = snapshot(run.view_model, NOW_S)
    run.tell(NodesAdded(groups=(spawned("g0", 7, 3, "leaf", 9_000, 50, mapped=True),)), began("g0.7/3", 49))
    content, buffers = delta(run.view_model, sent, NOW_S)
    assert content["cells"] == [{"id": "fold:g0/leaf", "form": "sparse", "length": 4_050}]
    assert struct.unpack("<I", buffers[0]) == (4_049,)
    assert message_bytes((content, buffers)) < 1_000


def test_20_000_spawned_groups_cost_little_at_each_message() -> None:
    run = parents(8_000)
    _, sent = snapshot(run.view_model, NOW_S)
    while sent.deck.is_behind:
        delta(run.view_model, sent, NOW_S)
    times, sizes = [], []
    for turn in range(5):
        news = [spawned("g0", turn * 200 + i, 3 + k, "leaf", 20_000 + turn) for i in range(200) for k in (0, 1)]
        run.tell(NodesAdded(groups=tuple(news)), *(began(each.id) for each in news))
        run.tell(*(done(f"g0.{turn * 200 + i}/{k}") for i in range(200) for k in (1, 2)))
        begun_s = time.thread_time()
        message = delta(run.view_model, sent, NOW_S)
        times.append(time.thread_time() - begun_s)
        sizes.append(message_bytes(message))
    assert sorted(times)[2] < 0.05
    assert max(sizes) < 20_000


def test_many_groups_that_come_at_once_are_told_in_several_quick_messages() -> None:
    run, browser = parents(6_000), Browser()
    message, sent = snapshot(run.view_model, NOW_S)
    browser.take(message)
    assert sent.deck.is_behind
    turns = 0
    while sent.deck.is_behind:
        browser.take(delta(run.view_model, sent, NOW_S))
        turns += 1
    assert 1 < turns < 5
    assert_same(browser, run, sent.deck)
    assert len(browser.states["fold:g0/leaf"]) == 12_000


def test_what_the_run_holds_and_who_is_told_to_stop_travel_too() -> None:
    run = long_run(3)
    run.tell(started(0, 1), NodeStopping(group=GroupId("g0"), index=1, attempt=1, worker="w1"))
    (content, _), _ = snapshot(run.view_model, NOW_S, held_bytes=1_200)
    head: Any = content["run"]
    groups: Any = content["groups"]
    assert head["held_bytes"] == 1_200
    assert groups[0]["note"] == "1 node: cancelling, still running on w1"


def test_who_is_stalled_travels_when_it_changes_and_only_then() -> None:
    run, browser = long_run(100_000), Browser()
    run.tell(*(started(0, index) for index in range(0, 8, 2)), started(0, 9))
    message, sent = snapshot(run.view_model, NOW_S)
    browser.take(message)
    assert browser.groups["g0"]["stalled"] == []
    run.tell(silent(WORKERS[0]))
    (content, buffers) = message = delta(run.view_model, sent, NOW_S)
    assert content["groups"] == [{"id": "g0", "stalled": [0, 2, 4, 6]}]
    assert buffers == []
    browser.take(message)
    run.tell(ended(0, 1))
    message = delta(run.view_model, sent, NOW_S)
    groups: Any = message[0]["groups"]
    assert "stalled" not in groups[0], "it is as it was"
    browser.take(message)
    run.tell(ended(0, 2))
    browser.take(delta(run.view_model, sent, NOW_S))
    assert browser.groups["g0"]["stalled"] == [0, 4, 6]
    run.tell(silent())
    browser.take(delta(run.view_model, sent, NOW_S))
    assert_same(browser, run)
    assert browser.groups["g0"]["stalled"] == []


def test_the_golden_feed_is_what_this_code_says() -> None:
    assert GOLDEN.read_text(encoding="utf-8") == golden(), (
        "run `python -m tests.notebook.stories` and look at the difference"
    )


def test_the_five_graphs_are_what_python_tells() -> None:
    assert graphs.GOLDEN.read_text(encoding="utf-8") == graphs.golden(), (
        "run `python -m tests.notebook.graphs` and look at the pictures"
    )


def test_text_that_no_json_codec_takes_is_made_harmless() -> None:
    run = StoryRun(run_started("half \ud800"), NodesAdded(groups=(spec(0, "x\udfff\x1b[31m"),)))
    run.tell(ended(0, state=TaskState.FAILED, reason="\ud800\x00", error=ERROR))
    (content, _), sent = snapshot(run.view_model, NOW_S)
    json.dumps(content, ensure_ascii=False).encode()
    assert isinstance(sent, Sent)
