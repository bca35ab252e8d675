"""Details of nodes: the story of one, the names of a page of many, who spawned whom."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.notebook.stories import crawl, long_run, monthly
from tests.notebook.telling import (
    ERROR,
    TRACEBACK,
    WORKERS,
    StoryRun,
    ended,
    retrying,
    run_started,
    silent,
    spec,
    started,
)
from wfkit.core.events import LogLine, LogLines, NodeRetrying, NodesAdded, NodeStopping
from wfkit.core.ids import GroupId
from wfkit.core.states import CODES, TaskState
from wfkit.engine.driver.knowing import Known
from wfkit.notebook.deck import Deck
from wfkit.notebook.details import node_detail, node_rows


def deck_of(run: StoryRun) -> Deck:
    deck = Deck()
    deck.update(run.view_model)
    return deck


def detail(run: StoryRun, group: str, index: int = 0) -> Any:
    return node_detail(run.view_model, deck_of(run), group, index)


def test_a_detail_tells_the_story_of_a_node() -> None:
    run = monthly()
    node: Any = detail(run, "g1", 6)
    assert (node["name"], node["state"], node["kind"]) == ("clean[6]", "FAILED", "error")
    assert [attempt["attempt"] for attempt in node["attempts"]] == [1, 2]
    assert node["attempts"][0]["delay_s"] == 2.0
    assert node["attempts"][1]["error"]["type"] == "ValueError"
    assert node["attempts"][1]["error"]["traceback"] == ERROR.traceback
    assert [row[3] for row in node["logs"]][-1] == "cannot make sense of column dep_delay"
    assert [row[4] for row in node["logs"]] == sorted(row[4] for row in node["logs"])
    assert node["worker"].startswith("tcp://")
    json.dumps(node, allow_nan=False)


def test_a_detail_tells_the_way_of_a_node_and_of_its_error() -> None:
    node: Any = detail(monthly(), "g1", 6)
    assert [move[0] for move in node["moves"]] == ["PENDING", "RUNNING", "RETRYING", "RUNNING", "FAILED"]
    first, second = node["attempts"]
    assert (first["ended_s"] - first["started_s"], first["worker"]) == (pytest.approx(0.15), WORKERS[0])
    assert second["ended_s"] - second["started_s"] == pytest.approx(0.6)
    assert second["error"]["chain"][0]["frames"][0]["where"] == "<cell 4>, line 5"


def test_a_detail_tells_what_a_node_is_made_from_and_what_uses_it() -> None:
    node: Any = detail(monthly(), "g1", 3)
    assert [source["name"] for one in node["arguments"] for source in one["sources"]] == ["load[3]"]
    assert [user["name"] for user in node["consumers"]] == ["delays[3]"]
    assert (node["kept"], node["causes"], node["waits"]) == ("in cluster memory only", [], [])


def test_a_detail_tells_what_is_known_beyond_the_view() -> None:
    run = monthly()
    known = Known("clean-0ab-6", [("month", "7")])
    node = node_detail(run.view_model, deck_of(run), "g1", 6, {}, known)
    assert node["key"] == "clean-0ab-6"


def test_a_detail_tells_the_memory_of_the_worker_where_it_was_asked_for() -> None:
    run = monthly()
    group = run.view_model.groups[GroupId("g1")]
    assert detail(run, "g1", 6)["memory_bytes"] is None
    group.memory_bytes[6] = 5
    assert detail(run, "g1", 6)["memory_bytes"] == 5


def test_a_detail_of_a_node_that_never_ran_is_plain_json() -> None:
    node = detail(monthly(1), "g6", 0)
    assert (node["state"], node["attempts"], node["worker"], node["wall_s"]) == ("PENDING", [], "", None)
    json.dumps(node, allow_nan=False)


def test_a_retry_without_an_end_is_told() -> None:
    run = long_run(1)
    run.tell(started(0), retrying(0))
    node: Any = detail(run, "g0")
    assert (node["state"], node["attempts"][0]["error"]["type"]) == ("RETRYING", "ValueError")


def test_of_many_attempts_and_waits_the_first_and_the_last_are_told() -> None:
    run = long_run(1)
    error = replace(ERROR, message="m" * 6_000, traceback="x" * 20_000 + TRACEBACK)
    for number in range(1, 401):
        run.tell(started(0, 0, number, after_s=number))
        run.tell(replace(retrying(0, 0, number, after_s=number + 0.5), error=error))
    node: Any = detail(run, "g0")
    assert [attempt["attempt"] for attempt in node["attempts"]] == [*range(1, 6), *range(386, 401)]
    assert node["attempts_more"] == 380
    assert len(node["moves"]) == 100
    place, count = node["moves_gap"]
    assert [move[2] for move in node["moves"][place - 1 : place + 1]] == [10, 361]
    assert node["attempts"][0]["error"]["traceback"].endswith(TRACEBACK)
    assert count == 1 + 2 * 400 - 100
    assert len(json.dumps(node)) < 500_000
    assert [bool(attempt["error"]["chain"]) for attempt in node["attempts"]] == [False] * 17 + [True] * 3
    few: Any = detail(monthly(), "g1", 6)
    assert (few["moves_gap"], few["attempts_more"]) == (None, 0)


@pytest.mark.parametrize(("group", "index"), [("g9", 0), ("g1", 12), ("g1", -1)])
def test_a_detail_of_nothing_is_an_error(group: str, index: int) -> None:
    with pytest.raises((KeyError, IndexError)):
        detail(monthly(), group, index)


@pytest.mark.parametrize(("lines", "length"), [(0, 10), (1, 10), (1000, 10), (1001, 10), (50_000, 10), (400, 9_000)])
def test_a_long_log_keeps_its_ends_and_says_what_is_left_out(lines: int, length: int) -> None:
    run = long_run(1)
    rows = tuple(LogLine(at_s=i, level=20, source="s", text=f"{i} ".ljust(length, ".")) for i in range(lines))
    run.tell(LogLines(group=GroupId("g0"), index=0, attempt=1, part=0, lines=rows))
    logs: Any = detail(run, "g0")["logs"]
    assert len(json.dumps(logs)) < 700_000
    told = [row for row in logs if row[2] != "wfkit"]
    gap = [row for row in logs if row[2] == "wfkit"]
    if len(told) == lines:
        assert not gap
    else:
        assert gap[0][3] == f"… {lines - len(told):,} lines are not shown here …"
        assert told[0][3].startswith("0 ")
        assert told[-1][3].startswith(f"{lines - 1} ")


def test_a_cell_of_a_fold_tells_its_real_node_and_who_spawned_it() -> None:
    run = crawl()
    deck = deck_of(run)
    reads = deck.by_id["fold:g0/read"]
    cell = reads.states.index(CODES[TaskState.FAILED])
    node: Any = node_detail(run.view_model, deck, "fold:g0/read", cell)
    assert (node["group"], node["index"], node["state"]) == ("fold:g0/read", cell, "FAILED")
    assert node["name"].startswith("read#")
    assert node["name"].endswith("[3]")
    above: Any = node["spawner"]
    assert above["group"] == "fold:g0/walk"
    parent: Any = node_detail(run.view_model, deck, above["group"], above["index"])
    assert parent["name"] == above["name"]
    assert [child["total"] for child in parent["spawned"]] == [4, 1, 1, 1, 1]
    assert {child["group"] for child in parent["spawned"]} == {"fold:g0/read", "fold:g0/total", "fold:g0/walk"}
    assert parent["spawned"][0]["index"] is None
    inner: Any = node_detail(run.view_model, deck, "fold:g0/walk", parent["spawned"][-1]["index"])
    assert inner["spawner"]["name"] == parent["name"]
    assert detail(run, "g0")["spawner"] is None
    json.dumps(parent, allow_nan=False)


def test_rows_have_the_names_of_their_nodes_and_their_reasons() -> None:
    parts = ((1, 2), (0, 3))
    group = spec(0, "line", 5, mapped=True)
    run = StoryRun(run_started(), NodesAdded(groups=(replace(group, parts=parts),)))
    run.tell(ended(0, 4, TaskState.CANCELLED, reason="by somebody"))
    rows = node_rows(run.view_model, deck_of(run), "g0", [0, 1, 4])
    assert rows == [["line[1.0]", ""], ["line[1.1]", ""], ["line[0.2]", "by somebody"]]
    with pytest.raises(IndexError):
        node_rows(run.view_model, deck_of(run), "g0", [5])
    with pytest.raises(KeyError):
        node_rows(run.view_model, deck_of(run), "g9", [0])


def test_a_node_that_is_told_to_stop_says_where_it_still_runs() -> None:
    run = long_run(2)
    run.tell(NodeStopping(group=GroupId("g0"), index=1, attempt=1, worker="tcp://w"))
    assert detail(run, "g0", 1)["reason"] == "cancelling, still running on tcp://w"


def test_a_node_that_is_stalled_says_why_unless_it_is_told_to_stop() -> None:
    run = long_run(2)
    run.tell(NodeStopping(group=GroupId("g0"), index=1, attempt=1, worker="tcp://w"))
    run.tell(started(0, 0), started(0, 1), silent(*WORKERS))
    stalled, stopping = (detail(run, "g0", index)["reason"] for index in range(2))
    assert stalled.startswith(f"stalled: nothing is heard of its worker {WORKERS[0]}. It is frozen")
    assert stopping == "cancelling, still running on tcp://w"
    assert node_rows(run.view_model, deck_of(run), "g0", [0]) == [["item[0]", stalled]]


def test_an_attempt_that_ended_with_its_worker_tells_the_cause() -> None:
    run = long_run(1)
    run.tell(NodeRetrying(group=GroupId("g0"), index=0, attempt=1, delay_s=0, error=None, cause="worker lost: killed"))
    assert detail(run, "g0")["attempts"][0]["cause"] == "worker lost: killed"


def test_text_that_no_json_codec_takes_is_made_harmless() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "x\udfff\x1b[31m"),)))
    run.tell(ended(0, state=TaskState.FAILED, reason="\ud800\x00", error=ERROR))
    json.dumps(detail(run, "g0"), ensure_ascii=False).encode()
