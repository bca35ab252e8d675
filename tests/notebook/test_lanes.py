"""Lanes: bars of a worker never overlap, and lie in as few lanes as can be."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.telling import BEGIN_S, WORKERS, StoryRun, ended, retrying, run_started, spec, started, waits
from wfkit.core.events import NodesAdded
from wfkit.core.states import TaskState
from wfkit.notebook.lanes import Lane, laid_out


def told(*spans: tuple[int, int, int]) -> StoryRun:
    """A run whose nodes have worker, start and length."""
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "item", len(spans), mapped=True),)))
    for index, (worker, start, length) in enumerate(spans):
        run.tell(replace(started(0, index, after_s=start), worker=WORKERS[worker]))
        run.tell(replace(ended(0, index, after_s=start + length), worker=WORKERS[worker]))
    return run


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30), st.integers(1, 9)), max_size=40))
def test_bars_never_overlap_and_lanes_are_as_few_as_can_be(spans: list[tuple[int, int, int]]) -> None:
    run = told(*spans)
    bars, lanes = laid_out(run.view_model, BEGIN_S + 100)
    assert len(bars) == len(spans)
    for row in range(len(lanes)):
        mine = sorted((bar.phase.start_s, bar.phase.end_s) for bar in bars if bar.lane == row)
        assert all(end <= start for (_, end), (start, _) in pairwise(mine))
    for worker, name in enumerate(WORKERS):
        mine_too = [(start, start + length) for on, start, length in spans if on == worker]
        deepest = max((sum(a <= start < b for a, b in mine_too) for start, _ in mine_too), default=0)
        number = run.view_model.worker_index.get(name)
        assert sum(lane.worker == number for lane in lanes) == deepest


def test_what_goes_on_ends_where_the_caller_says() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "item", 2, mapped=True),)), started(0, 0, after_s=1))
    [bar], lanes = laid_out(run.view_model, BEGIN_S + 7)
    assert (bar.phase.state, bar.phase.end_s, bar.lane) == (TaskState.RUNNING, BEGIN_S + 7, 0)
    assert lanes == [Lane(0, 0)]


def test_delays_and_waits_stay_with_their_attempt_and_take_no_lane() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "item", 3, mapped=True),)))
    run.tell(
        started(0, 0, after_s=1),
        retrying(0, 0, after_s=2),
        started(0, 0, 2, after_s=5),
        ended(0, 0, attempt=2, after_s=6),
    )
    run.tell(started(0, 2, after_s=2), waits("g0", 2, after_s=3))
    bars, lanes = laid_out(run.view_model, BEGIN_S + 9)
    assert len(lanes) == 1
    assert [(bar.element, bar.phase.state.value, bar.is_tail) for bar in bars] == [
        (0, "FAILED", False),
        (0, "RETRYING", True),
        (2, "RUNNING", False),
        (2, "WAITING", True),
        (0, "COMPLETED", False),
    ]
