"""Comparison of two runs: which took longer, why, and what was reused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.notebook.telling import (
    BEGIN_S,
    HOSTILE,
    StoryRun,
    ended,
    retrying,
    run_finished,
    run_started,
    spec,
    started,
)
from wfkit.core.events import NodesAdded
from wfkit.core.ids import RunId
from wfkit.core.states import RunState, TaskState
from wfkit.notebook.comparison import Comparison, summed

NOW_S = BEGIN_S + 1_000


def etl(
    run_id: str, clean_s: float, *, reused: int = 0, at_once: int = 2, state: RunState = RunState.COMPLETED
) -> StoryRun:
    """Six loads of a second, each cleaned; the first of both are reused, and so many run at the same time."""
    begun = replace(run_started("etl"), run_id=RunId(run_id))
    run = StoryRun(begun, NodesAdded(groups=(spec(0, "load", 6, mapped=True), spec(1, "clean", 6, mapped=True))))
    busy_s = 0.0
    for group, took_s in ((0, 1.0), (1, clean_s)):
        for index in range(6):
            if index < reused:
                run.tell(ended(group, index, TaskState.REUSED))
                continue
            at_s = busy_s / at_once
            run.tell(started(group, index, after_s=at_s), ended(group, index, after_s=at_s + took_s))
            busy_s += took_s
    run.tell(run_finished(state, after_s=busy_s / at_once))
    return run


def compare(this: StoryRun, other: StoryRun) -> Comparison:
    return Comparison(summed(this.view_model, NOW_S), summed(other.view_model, NOW_S))


def test_a_rerun_tells_what_it_saved_and_what_it_reused() -> None:
    both = compare(etl("r-b", 4.0, reused=5), etl("r-a", 4.0))
    assert both.headline == (
        "etl r-b took 2.5 s, 12.5 s less than r-a: clean -20.0 s (5 reused); load -5.0 s (5 reused)."
    )
    [clean, load] = both.tasks
    assert (clean.task, load.task) == ("clean", "load")
    assert clean.this is not None
    assert (clean.this.executed, clean.this.reused, clean.this.failed) == (1, 5, 0)


def test_a_slower_run_tells_the_task_that_took_longer() -> None:
    both = compare(etl("r-b", 10.0), etl("r-a", 4.0))
    assert both.headline == "etl r-b took 33.0 s, 18.0 s longer than r-a: clean +36.0 s."
    assert [(pair.name, pair.this_s, pair.other_s) for pair in both.nodes[:2]] == [
        ("clean[0]", 10.0, 4.0),
        ("clean[1]", 10.0, 4.0),
    ]


def test_a_run_that_did_the_same_work_with_less_at_once_says_so() -> None:
    both = compare(etl("r-b", 4.0, at_once=1), etl("r-a", 4.0, at_once=3))
    assert both.headline == "etl r-b took 30.0 s, 20.0 s longer than r-a: 1.0 tasks ran at once, 3.0 in the other run."


def test_runs_that_took_as_long_are_not_told_apart() -> None:
    assert compare(etl("r-b", 4.0), etl("r-a", 4.05)).headline == "etl r-b took 15.0 s, about as long as r-a (15.2 s)."


def test_the_text_has_a_row_a_task_and_the_greatest_differences() -> None:
    text = str(compare(etl("r-b", 10.0, reused=2, state=RunState.FAILED), etl("r-a", 4.0)))
    lines = text.splitlines()
    assert lines[1].startswith("this  FAILED: 8 executed, 4 reused, 0 failed, 0 retries; 44.0 s of work on 2 workers")
    assert lines[2].startswith("other COMPLETED: 12 executed, 0 reused")
    rows = [line.split() for line in lines if line.startswith(("clean", "load"))]
    assert " ".join(rows[0]) == "clean 40.0 s 24.0 s +16.0 s 10.0 s 4.0 s 4 6 2 0 0 0"
    assert lines[-1].startswith("greatest differences of single nodes: clean[2] 10.0 s instead of 4.0 s, ")


def test_tasks_of_one_run_alone_are_named() -> None:
    extra = etl("r-b", 4.0)
    extra.tell(NodesAdded(groups=(spec(2, "report"),)), started(2), ended(2))
    assert "only in this run: report" in str(compare(extra, etl("r-a", 4.0)))
    assert "only in the other: report" in str(compare(etl("r-a", 4.0), extra))


def test_a_retried_node_counts_its_work_and_not_its_delays() -> None:
    run = etl("r-b", 4.0)
    run.tell(NodesAdded(groups=(spec(2, "report"),)))
    run.tell(
        started(2, after_s=1), retrying(2, after_s=2), started(2, 0, 2, after_s=9), ended(2, attempt=2, after_s=12)
    )
    report = summed(run.view_model, NOW_S).tasks["report"]
    assert (report.executed, report.retries, report.busy_s) == (1, 1, 4.0)


@pytest.mark.parametrize("now_s", [5.0, 50.0])
def test_what_still_runs_counts_until_now(now_s: float) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "load"),)), started(0, after_s=1))
    told = summed(run.view_model, BEGIN_S + now_s)
    assert (told.elapsed_s, told.busy_s) == (now_s, now_s - 1)


def test_names_are_shown_as_text() -> None:
    run = StoryRun(run_started(HOSTILE), NodesAdded(groups=(spec(0, HOSTILE),)), started(0), ended(0))
    html = compare(run, etl("r-a", 4.0))._repr_html_()
    assert "<img" not in html
    assert "&lt;img" in html
