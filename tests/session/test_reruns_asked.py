"""What reruns are asked for: nodes by name, values by hand, and a plan of what would be done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells, reasons, states
from wfkit.core.states import RunState
from wfkit.errors import NoSuchNode


def ended(run: Any) -> Any:
    return run.wait(PATIENCE_S)


@pytest.fixture
def failed(cells: Cells) -> Any:
    """A run of the pipeline in which two elements failed; what it executed is forgotten."""
    cells.execute(PIPELINE)
    run = cells["etl"].run()
    assert run.state is RunState.FAILED
    cells.executed()
    return run


# --- what is asked for ---


@pytest.mark.parametrize("as_handle", [True, False])
def test_an_element_that_is_asked_for_is_executed_with_what_lies_downstream(cells: Cells, as_handle: bool) -> None:
    cells.execute(PIPELINE + CURED)
    run = cells["etl"].run()
    cells.executed()
    again = ended(run.rerun(run.node("clean[2]") if as_handle else "clean[2]"))
    assert cells.executed() == ["clean 2", "report"]
    assert (reasons(again)["clean[2]"], reasons(again)["report"]) == ("asked for", "`clean` runs again")


def test_a_whole_map_can_be_asked_for_and_a_handle_reruns_itself(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    run = cells["etl"].run()
    cells.executed()
    ended(run.rerun("load"))
    assert len(cells.executed()) == 9
    ended(run["tidy"][0].rerun())
    assert cells.executed() == ["clean 0", "report"]


def test_a_group_of_a_flow_can_be_asked_for(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("""
    @flow
    def part(n):
        return clean.map(load.map(range(n)))

    @flow
    def whole():
        return [part(1), report([1])]
    """)
    run = cells["whole"].run()
    cells.executed()
    ended(run.rerun("part"))
    assert cells.executed() == ["clean 0", "load 0"]


def test_a_value_by_hand_takes_the_place_of_a_node(cells: Cells, failed: Any) -> None:
    again = ended(failed.rerun(replace={"clean[1]": 7, "load[3]": 0}))
    assert cells.executed() == ["clean 0", "report"]
    assert again.result()["summary"] == 0 + 7 + 20 + 0
    assert (states(again)["clean[1]"], reasons(again)["clean[1]"]) == ("REUSED", "set by hand")
    assert reasons(again)["clean[3]"] == "failed before"
    third = ended(again.rerun())
    assert cells.executed() == []
    assert third.result()["summary"] == 27


def test_a_large_value_by_hand_travels_to_the_cluster(cells: Cells, failed: Any) -> None:
    cells.execute("@task\ndef report(xs):\n    return [len(x) for x in xs if not isinstance(x, int)]\n")
    again = ended(failed.rerun(replace={"clean[1]": "x" * 500_000, "clean[3]": [0] * 100_000}))
    assert again.result()["summary"] == [500_000, 100_000]
    assert again.node("clean[1]").result() == "x" * 500_000


@pytest.mark.parametrize("name", ["clean", "nothing", "clean[77]"])
def test_a_value_by_hand_is_for_one_node_that_is_there(failed: Any, name: str) -> None:
    with pytest.raises(NoSuchNode):
        failed.rerun(replace={name: 1})
    with pytest.raises(NoSuchNode):
        failed.plan("nothing")


# --- the plan ---


def test_a_plan_says_what_a_rerun_does_and_runs_nothing(cells: Cells, failed: Any) -> None:
    cells.execute(CURED)
    plan = failed.plan()
    assert cells.executed() == []
    assert plan.headline == "3 run, 6 reused, of these 2 stale"
    again = ended(failed.rerun())
    done = {row.name: "reuse" if states(again)[row.name] == "REUSED" else "run" for row in plan}
    assert {row.name: row.action for row in plan} == done
    assert failed.rerun(dry_run=True).counts == plan.counts
    changed = failed.plan("changed")
    assert changed.counts == {"run": 5, "reuse": 4, "await": 0, "stale": 0}


def test_a_plan_tells_of_what_is_asked_for_and_given(failed: Any) -> None:
    plan = {row.name: (row.action, row.reason) for row in failed.plan("load[0]", replace={"clean[1]": 3})}
    assert plan["load[0]"] == ("run", "asked for")
    assert plan["clean[0]"] == ("run", "`load[0]` runs again")
    assert plan["clean[1]"] == ("reuse", "set by hand")
