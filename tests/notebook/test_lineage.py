"""The lineage of a run: all generations, oldest first, from whichever it is asked."""

from __future__ import annotations

from tests.notebook.stories import monthly_graph
from tests.notebook.telling import StoryRun, rerun_of, run_finished, run_started
from wfkit.core.states import RunState
from wfkit.notebook.lineage import generations, lineage


def test_every_run_of_a_lineage_knows_all_of_it() -> None:
    first = StoryRun(run_started(), monthly_graph(), run_finished(RunState.FAILED))
    second = rerun_of(first, 2)
    fourth = rerun_of(second, 4)
    third = rerun_of(first, 3)
    for run in (first, second, third, fourth):
        assert lineage(run) == [first, second, third, fourth]
    assert generations(third) == [
        [first.id, 1, "FAILED"],
        [second.id, 2, "RUNNING"],
        [third.id, 3, "RUNNING"],
        [fourth.id, 4, "RUNNING"],
    ]


def test_a_run_that_stands_alone_has_none_to_tell_of() -> None:
    assert generations(StoryRun(run_started())) == []


def test_the_newest_of_very_many_are_told() -> None:
    run = first = StoryRun(run_started())
    for number in range(2, 81):
        run = rerun_of(run, number)
    told = generations(first)
    assert (len(told), told[0][1], told[-1][:2]) == (50, 31, [run.id, 80])
