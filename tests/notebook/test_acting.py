"""What comes of acts: done, planned or refused in words; nothing escapes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notebook.stories import monthly, monthly_graph
from tests.notebook.telling import StoryRun, rerun_of, run_finished, run_started
from wfkit.core.states import RunState
from wfkit.errors import CannotRerun
from wfkit.notebook.acting import act
from wfkit.notebook.acts import Act, AskPlan, Command, Place, ShowRun, StartRerun, Wish
from wfkit.notebook.deck import Deck

RERUN = Wish("failed")


def acted(action: Act, run: StoryRun) -> tuple[dict[str, Any], list[StoryRun]]:
    """The answer, and which run was turned to."""
    deck, turned = Deck(), list[StoryRun]()
    deck.update(run.view_model)
    return act(action, run, deck, turned.append), turned


def test_a_confirmed_rerun_is_started_and_shown() -> None:
    run = monthly()
    answer, turned = acted(StartRerun("a", run.id, Wish("node", Place("g1", 6))), run)
    assert run.ordered == ["rerun clean[6]"]
    assert turned == run.reruns
    assert answer == {"op": "ack", "ok": True, "text": f"{run.reruns[0].id} goes on from {run.id}."}


def test_a_plan_starts_nothing() -> None:
    run = monthly()
    answer, turned = acted(AskPlan("a", run.id, RERUN), run)
    assert (answer["op"], answer["counts"]["run"]) == ("plan", 5)
    assert (run.reruns, turned) == ([], [])


def test_a_value_by_hand_is_passed_on() -> None:
    run = monthly()
    acted(StartRerun("a", run.id, Wish("value", Place("g1", 6), "[1, 2]")), run)
    assert run.ordered == ["rerun {'clean[6]': [1, 2]}"]


@pytest.mark.parametrize(
    ("place", "cancelled", "called"),
    [
        (Place("g1", 3), "g1[3]", "`clean[3]`"),
        (Place("g1", None), "g1", "`clean`"),
        (Place("g3", 0), "g3[0]", "`carriers`"),
    ],
)
def test_a_part_of_a_run_is_cancelled(place: Place, cancelled: str, called: str) -> None:
    run = StoryRun(run_started(), monthly_graph())
    answer, _ = acted(Command("a", "cancel", run.id, place), run)
    assert run.cancelled == [cancelled]
    assert answer["ok"] is True
    assert answer["text"].startswith(f"Cancelling {called}: ")


def test_what_cannot_be_done_is_refused_in_words_and_does_nothing() -> None:
    live, ended = StoryRun(run_started(), monthly_graph()), monthly()
    refused: list[tuple[Act, StoryRun, str]] = [
        (Command("a", "cancel", live.id, Place("g77", 0)), live, "The run has no such node."),
        (Command("a", "cancel", ended.id, Place("g1", 0)), ended, "The run has ended already: FAILED."),
        (Command("a", "cancel", "r-other"), live, "The view shows another run now, so nothing was done."),
        (StartRerun("a", "r-other", RERUN), ended, "The view shows another run now, so nothing was done."),
        (StartRerun("a", ended.id, Wish("value", Place("g1", 0), "oops(")), ended, "This is no Python literal: "),
        (AskPlan("a", ended.id, Wish("node", Place("g1", 99))), ended, "The run has no such node."),
        (ShowRun("a", "r-other"), ended, "The run r-other is none that this view can show."),
    ]
    for action, run, text in refused:
        answer, turned = acted(action, run)
        assert (answer["op"] if isinstance(action, AskPlan) else answer["ok"]) in {"error", False}, action
        assert answer["text"].startswith(text)
        assert (run.cancelled, run.reruns, turned) == ([], [], [])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CannotRerun("The flow is not known.", "Define it again."), "The flow is not known. Define it again."),
        (ConnectionError("scheduler gone"), "Could not rerun: ConnectionError: scheduler gone"),
    ],
)
def test_errors_of_a_rerun_are_its_answer(error: Exception, told: str) -> None:
    run = monthly()

    def broken(*_: str, **__: object) -> StoryRun:
        raise error

    run.rerun = broken  # type: ignore[method-assign]
    answer, turned = acted(StartRerun("a", run.id, RERUN), run)
    assert (answer["ok"], turned) == (False, [])
    assert answer["text"].startswith(told)


def test_any_run_of_the_lineage_can_be_shown() -> None:
    first = StoryRun(run_started(), monthly_graph(), run_finished(RunState.FAILED))
    second = rerun_of(first)
    assert acted(ShowRun("a", second.id), first)[1] == [second]
    assert acted(ShowRun("a", first.id), second)[1] == [first]
