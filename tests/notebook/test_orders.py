"""Orders to a run: which are given when, and what is answered."""

from __future__ import annotations

import pytest

from tests.notebook.stories import monthly_graph
from tests.notebook.telling import StoryRun, run_finished, run_started
from wfkit.core.events import RunStateChanged
from wfkit.core.states import RunState
from wfkit.notebook.orders import ORDERS, give


def run_in(state: RunState) -> StoryRun:
    run = StoryRun(run_started(), monthly_graph())
    if state in {RunState.PAUSED, RunState.CANCELLING}:
        run.tell(RunStateChanged(state=state))
    elif state is not RunState.RUNNING:
        run.tell(run_finished(state))
    return run


@pytest.mark.parametrize(
    ("order", "state", "given"),
    [
        ("pause", RunState.RUNNING, True),
        ("pause", RunState.PAUSED, False),
        ("pause", RunState.CANCELLING, False),
        ("pause", RunState.COMPLETED, False),
        ("resume", RunState.PAUSED, True),
        ("resume", RunState.RUNNING, False),
        ("resume", RunState.FAILED, False),
        ("cancel", RunState.RUNNING, True),
        ("cancel", RunState.PAUSED, True),
        ("cancel", RunState.CANCELLED, False),
        ("release", RunState.COMPLETED, True),
        ("release", RunState.INTERRUPTED, True),
        ("release", RunState.RUNNING, False),
        ("release", RunState.PAUSED, False),
    ],
)
def test_an_order_is_given_where_it_makes_sense_and_refused_in_words_elsewhere(
    order: str, state: RunState, *, given: bool
) -> None:
    run = run_in(state)
    run.held_bytes = 2_000
    ok, text = give(run, order, "by a test")
    assert ok is given
    assert text.endswith(".")
    assert bool(run.ordered or run.cancelled) is given
    if not given:
        assert text.startswith("The run ")


def test_a_release_tells_what_was_freed_and_happens_once() -> None:
    run = run_in(RunState.COMPLETED)
    run.held_bytes = 3_400_000
    assert give(run, "release", "")[1].startswith("Released 3.4 MB of cluster memory that the run held.")
    assert give(run, "release", "") == (False, "The run holds nothing in cluster memory.")
    assert run.ordered == ["release"]


def test_every_order_has_an_answer_for_every_state() -> None:
    for order in ORDERS:
        for state in RunState:
            if state is not RunState.PENDING:
                assert give(run_in(state), order, "by a test", "r-1 of f")[1]


def test_the_reason_of_a_cancel_is_who_gave_it() -> None:
    run = run_in(RunState.RUNNING)
    give(run, "cancel", "from the live view")
    assert run.cancelled == ["from the live view"]
