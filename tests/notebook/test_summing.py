"""What is told of many nodes together."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.notebook.stories import crawl, long_run, monthly
from tests.notebook.telling import ERROR, StoryRun, ended, run_started, spec
from tests.notebook.test_details import deck_of
from wfkit.core.events import NodesAdded, NodesDecided, Verdict
from wfkit.core.ids import GroupId
from wfkit.core.states import TaskState
from wfkit.notebook.summing import group_summary


def summary(run: StoryRun, card: str) -> Any:
    told = group_summary(run.view_model, deck_of(run), card)
    json.dumps(told, allow_nan=False)
    return told


def lasting(*walls_s: float) -> StoryRun:
    run = long_run(len(walls_s))
    run.tell(*(replace(ended(0, index), wall_s=wall_s) for index, wall_s in enumerate(walls_s)))
    return run


def test_durations_are_told_by_figures_and_bars() -> None:
    told = summary(lasting(*[1.0] * 18, 2.0, 25.0), "g0")["durations"]
    assert (told["count"], told["min_s"], told["median_s"], told["p95_s"], told["max_s"]) == (20, 1.0, 1.0, 25.0, 25.0)
    assert sum(told["bars"]) == 20
    assert (told["bars"][0], told["bars"][-1]) == (18, 1)
    assert len(told["limits_s"]) == len(told["bars"]) + 1


def test_durations_of_many_orders_have_bars_of_equal_ratios() -> None:
    told = summary(lasting(0.0, 0.01, 0.1, 1.0, 10.0, 100.0), "g0")["durations"]
    assert sum(told["bars"]) == 6
    assert max(told["bars"]) == 1
    ratios = [after / before for before, after in zip(told["limits_s"], told["limits_s"][1:], strict=False)]
    assert max(ratios) == pytest.approx(min(ratios))


def test_equal_durations_are_one_bar() -> None:
    told = summary(lasting(0.5, 0.5), "g0")["durations"]
    assert [many for many in told["bars"] if many] == [2]
    assert summary(long_run(3), "g0")["durations"] is None


def test_failures_are_told_by_what_went_wrong_with_the_first_nodes() -> None:
    run = long_run(8)
    other = replace(ERROR, message="another")
    run.tell(*(ended(0, index, TaskState.FAILED, error=ERROR) for index in (1, 2, 4, 5)))
    run.tell(ended(0, 7, TaskState.FAILED, error=other), ended(0, 0))
    first, second = summary(run, "g0")["failures"]
    assert (first["type"], first["message"], first["count"]) == ("ValueError", ERROR.message, 4)
    assert [place["name"] for place in first["first"]] == ["item[1]", "item[2]", "item[4]"]
    assert (second["message"], second["count"]) == ("another", 1)


def test_attempts_workers_and_bytes_are_counted() -> None:
    told = summary(monthly(), "g1")
    assert told["attempts"] == [(1, 11), (2, 1)]
    assert told["workers"] == {"most": [["tcp://127.0.0.1:40001", 6], ["tcp://127.0.0.1:40002", 6]], "count": 2}
    assert told["result_bytes"] == 11 * 3_400_000
    assert [place["name"] for place in told["consumers"]] == ["delays"]


def test_causes_are_counted() -> None:
    run = long_run(3)
    kept = Verdict((0, 2), reused=True, reason="reused")
    run.tell(NodesDecided(group=GroupId("g0"), verdicts=(kept, Verdict((2, 3), reused=False, reason="failed before"))))
    assert summary(run, "g0")["causes"] == [["Kept from the run before.", 2], ["Executed again: failed before.", 1]]


def test_what_was_spawned_and_what_a_flow_holds_is_summed_up() -> None:
    assert summary(crawl(), "fold:g0/read")["failures"][0]["count"] == 1
    run = StoryRun(
        run_started(), NodesAdded(groups=(spec(0, "etl", 0, kind="flow"), spec(1, "load", 2, mapped=True, parent="g0")))
    )
    run.tell(ended(1, 0), ended(1, 1, TaskState.FAILED, error=ERROR))
    told = summary(run, "g0")
    assert (told["durations"]["count"], told["failures"][0]["count"]) == (2, 1)


def test_what_is_not_there_is_a_lookup_error() -> None:
    with pytest.raises(KeyError):
        summary(monthly(), "no such group")


def test_a_hundred_thousand_nodes_are_summed_up_quickly() -> None:
    run = long_run(100_000)
    group = run.view_model.groups[GroupId("g0")]
    for index in range(100_000):
        group.wall_s[index] = index / 1000
        group.attempts[index] = 1
    deck = deck_of(run)
    begun = time.thread_time()
    group_summary(run.view_model, deck, "g0")
    assert time.thread_time() - begun < 1.0
