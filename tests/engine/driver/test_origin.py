"""Origin: how the nodes of a recorded run ended, and where their values are, or why they are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tests.engine.driver import gates
from tests.engine.driver.repeating import Repeater, held, large, load
from wfkit.authoring.signals import Skip
from wfkit.authoring.task import task
from wfkit.core.events import GroupSpec, NodeFinished, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.reducer import fold
from wfkit.core.states import TaskState
from wfkit.core.view import RunView
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.origin import Origin
from wfkit.engine.driver.run import Run

G1 = GroupId("g1")
Start = Callable[..., Run]


@task
def skips() -> Any:
    raise Skip("nothing to do")


class Shelf:
    """A store of results in which some are lost."""

    def __init__(self, **lost: str) -> None:
        self.lost = lost

    def check_all(self, references: Iterable[str]) -> Mapping[str, str]:
        return {one: why for one, why in self.lost.items() if one in references}


def recorded(**facts: Any) -> RunView:
    """A run of one node that ended."""
    view = RunView()
    spec = GroupSpec(id=G1, order=1, name="a", task="a", kind="task", mapped=False, length=1, code="v1")
    fold(
        view,
        [
            NodesAdded(seq=1, groups=(spec,)),
            NodeFinished(seq=2, group=G1, index=0, attempt=1, **{"state": TaskState.COMPLETED, **facts}),
        ],
    )
    return view


@pytest.mark.parametrize(
    ("facts", "shelf", "why"),
    [
        ({"inline": b"1"}, None, ""),
        ({"stored": "ref"}, Shelf(), ""),
        ({"stored": "ref"}, Shelf(ref="its file is damaged"), "its file is damaged"),
        ({"stored": "ref"}, None, "there is no store of results"),
        ({}, Shelf(), "it was in cluster memory only"),
    ],
)
def test_a_value_is_lost_where_nobody_has_it_and_the_reason_is_told(
    facts: dict[str, Any], shelf: Any, why: str
) -> None:
    assert Origin(recorded(**facts), shelf).lost((G1, 0)) == why


def test_a_value_on_the_cluster_is_not_lost_until_its_run_is_released(run_of: Start, engine: Engine) -> None:
    run = run_of(lambda: {"x": large(300_000)})
    origin = Origin(run.view_model, None, run)
    assert origin.lost((G1, 0)) == ""
    assert origin.key((G1, 0), engine) == run.groups[G1].where(0)
    run.release()
    assert origin.lost((G1, 0)) == "it was in cluster memory only"
    assert origin.key((G1, 0), engine) is None


def test_the_record_alone_knows_no_key(run_of: Start, engine: Engine) -> None:
    run = run_of(lambda: {"x": load(1)})
    assert Origin(run.view_model, None).key((G1, 0), engine) is None


def test_a_kept_node_ends_reused_with_what_is_known_of_its_value(run_of: Start) -> None:
    run = run_of(lambda: {"x": load([1, 2])})
    end = Origin(run.view_model, None, run).end((G1, 0), (GroupId("g7"), 3), 5.0)
    assert (end.group, end.index, end.attempt, end.state) == ("g7", 3, 0, TaskState.REUSED)
    assert (end.length, end.preview, end.at_s) == (2, "[1, 2]", 5.0)
    assert end.made_by == run.view_model.groups[G1].spec.code


def test_a_kept_node_was_made_by_who_made_it_first() -> None:
    view = recorded(state=TaskState.REUSED, inline=b"1", made_by="v0")
    assert Origin(view, None).end((G1, 0), (G1, 0), 0.0).made_by == "v0"


def test_what_was_skipped_stays_skipped_for_the_same_reason(run_of: Start) -> None:
    run = run_of(lambda: {"x": skips()})
    end = Origin(run.view_model, None, run).end((G1, 0), (G1, 0), 0.0)
    assert (end.state, end.reason) == (TaskState.SKIPPED, "nothing to do")
    assert end.made_by == run.view_model.groups[G1].spec.code


def test_it_tells_when_a_node_has_ended(start: Start) -> None:
    run = start(lambda: {"x": held(1)})
    origin, told = Origin(run.view_model, None, run), list[str]()
    assert origin.is_live
    origin.when_ended((G1, 0), lambda: told.append("ended"))
    assert told == []
    gates.open_gates("held 1")
    run.wait(gates.PATIENCE_S)
    gates.until(lambda: told == ["ended"])
    assert not origin.is_live


def test_a_large_value_by_hand_is_not_lost_as_long_as_its_run_is_here(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"x": large(5)})
    new = again(run, lambda: {"x": large(5)}, by_hand={("g1", 0): "y" * 200_000})
    origin = Origin(new.view_model, None, new)
    assert origin.lost((G1, 0)) == ""
    assert Origin(new.view_model, None).lost((G1, 0)) == "it was in cluster memory only"


def test_a_stored_value_that_a_task_could_not_have_is_lost() -> None:
    view = recorded(stored="r-1/load-1")
    user = GroupSpec(id=GroupId("g2"), order=2, name="b", task="b", kind="task", mapped=False, length=1)
    reason = "`r-1/load-1` CRASHED, `load[2]` FAILED"
    end = NodeFinished(seq=4, group=user.id, index=0, attempt=0, state=TaskState.UPSTREAM_FAILED, reason=reason)
    fold(view, [NodesAdded(seq=3, groups=(user,)), end])
    shelf: Any = Shelf()
    assert Origin(view, shelf).lost((G1, 0)) == "it could not be read"
