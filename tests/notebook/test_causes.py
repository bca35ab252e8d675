"""Why nodes ran or were kept, and where their values are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.notebook.telling import StoryRun, ended, run_started, spec
from wfkit.core.events import NodesAdded, NodesDecided, Verdict
from wfkit.core.ids import GroupId, RunId
from wfkit.core.states import TaskState
from wfkit.notebook.causes import causes_of, place_of_value

G0 = GroupId("g0")


def rerun(verdict: Verdict | None = None) -> StoryRun:
    started = replace(run_started(), parent_id=RunId("r-before"))
    run = StoryRun(started, NodesAdded(groups=(spec(0, "clean"),)))
    if verdict is not None:
        run.tell(NodesDecided(group=G0, verdicts=(verdict,)))
    return run


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict((0, 1), reused=False, reason="failed before"), ["Executed again: failed before."]),
        (Verdict((0, 1), reused=True, reason="reused"), ["Kept from the run `r-before`."]),
        (
            Verdict((0, 1), reused=True, reason="reused", stale="body of `clean` changed"),
            ["Kept from the run `r-before`.", "Stale: body of `clean` changed."],
        ),
        (
            Verdict((0, 1), reused=True, reason="reused; input `f` cannot be compared"),
            ["Kept from the run `r-before` (input `f` cannot be compared)."],
        ),
    ],
)
def test_a_rerun_says_why(verdict: Verdict, said: list[str]) -> None:
    run = rerun(verdict)
    assert causes_of(run.view_model, run.view_model.groups[G0], 0) == said


def test_a_run_that_is_no_rerun_needs_no_reason() -> None:
    run = rerun()
    assert causes_of(run.view_model, run.view_model.groups[G0], 0) == []


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ({"inline": b"x"}, "in the record"),
        ({"stored": "r-0123456789abcdefghjkmnpqrs/one"}, "in the store of results"),
        ({"stored": "r-older/one"}, "in the store of results, from the run r-older"),
        ({}, "in cluster memory only"),
        ({"reason": "in cluster memory only: it holds a secret"}, "in cluster memory only: it holds a secret"),
        ({"state": TaskState.SKIPPED}, ""),
    ],
)
def test_where_a_value_is_is_told(kept: dict[str, object], said: str) -> None:
    run = rerun()
    run.tell(replace(ended(0), **kept))  # type: ignore[arg-type]  # fields of the event
    assert place_of_value(run.view_model, run.view_model.groups[G0], 0) == said
