"""Reruns of reruns the body of which was cut short: what it did not come to is looked for in the run before."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.session.cells import CURED, PATIENCE_S, Cells, ended, reasons, states
from wfkit.core.states import RunState
from wfkit.engine.driver.lineage import follow
from wfkit.errors import BadArguments, HandleMisuse, NoSuchNode, NotPicklable
from wfkit.session.session import Session

VALUE = {"tidy": [0, 10], "branches": [50, 60]}
BROKEN = """
@task
def clean(x, oops):
    return x
"""
BROKEN_AT_ONCE = """
@task
def load(i, oops):
    return i
"""
LOAD = """
@task
def load(i):
    note(f"load {i}")
    return i
"""
ALL_BUT_TWO = {f"load[{at}]": "REUSED" for at in range(4)} | {
    "clean[0]": "REUSED",
    "clean[1]": "COMPLETED",
    "clean[2]": "REUSED",
    "clean[3]": "COMPLETED",
    "report": "COMPLETED",
}


@pytest.fixture
def cut(cells: Cells, failed: Any) -> Any:
    """A rerun of the failed run, which came to its first call; then `clean` is mended."""
    cells.execute(BROKEN)
    run = ended(failed.rerun())
    cells.execute(CURED)
    assert (run.state, set(states(run))) == (RunState.FAILED, {f"load[{at}]" for at in range(4)})
    assert cells.executed() == []
    return run


def test_what_the_body_did_not_come_to_is_kept_and_each_reason_is_true(cells: Cells, cut: Any) -> None:
    again = ended(cut.rerun())
    assert states(again) == ALL_BUT_TWO
    assert cells.executed() == ["clean 1", "clean 3", "report"]
    told = reasons(again)
    assert told["clean[0]"].startswith("reused, stale: body of `clean` changed")
    assert (told["clean[1]"], told["report"]) == ("failed before", "its inputs failed before")
    assert again.result()["summary"] == 60


def test_a_body_that_made_no_call_hides_nothing_either_how_often_it_fails(cells: Cells, failed: Any) -> None:
    cells.execute(BROKEN_AT_ONCE)
    first = ended(failed.rerun())
    second = ended(first.rerun())
    assert (states(first), states(second)) == ({}, {})
    cells.execute(CURED + LOAD)
    assert states(ended(second.rerun())) == ALL_BUT_TWO


def test_the_plan_says_the_same_as_the_rerun_does(cells: Cells, cut: Any) -> None:
    plan = cut.plan()
    assert plan.headline == "3 run, 6 reused, of these 2 stale"
    again = ended(cut.rerun())
    assert {row.name: row.action for row in plan} == {
        name: "reuse" if state == "REUSED" else "run" for name, state in states(again).items()
    }
    assert {row.name: row.reason for row in plan if row.action == "run"} == {
        name: reason for name, reason in reasons(again).items() if states(again)[name] == "COMPLETED"
    }


def test_names_that_only_the_run_before_has_can_be_asked_for_and_replaced(cells: Cells, cut: Any) -> None:
    assert {row.name: row.reason for row in cut.plan("clean[0]")}["clean[0]"] == "asked for"
    again = ended(cut.rerun("clean[0]", replace={"clean[3]": 1}))
    assert (reasons(again)["clean[0]"], reasons(again)["clean[3]"]) == ("asked for", "set by hand")
    assert cells.executed() == ["clean 0", "clean 1", "report"]
    assert again.result()["summary"] == 31
    with pytest.raises(NoSuchNode, match=f"{cut.id} has no node 'cleen'"):
        cut.rerun("cleen")


@pytest.mark.parametrize("method", ["rerun", "plan"])
def test_what_is_asked_of_the_run_before_is_checked_at_the_call_as_well(
    cells: Cells, current: Session, failed: Any, cut: Any, method: str
) -> None:
    before = list(current.runs)
    with pytest.raises(NotPicklable, match=r"`replace` gives `clean\[3\]` a value"):
        getattr(cut, method)(replace={"clean[3]": threading.Lock()})
    with pytest.raises(HandleMisuse):
        getattr(cut, method)(replace={"clean[3]": failed["raw"]})
    with pytest.raises(BadArguments, match="not the task `clean`"):
        getattr(cut, method)(cells["clean"])
    assert (current.runs, cells.executed()) == (before, [])


def test_what_is_made_from_children_that_the_run_before_kept_for_a_stale_task_uses_stale(cells: Cells) -> None:
    cells.execute(
        LOAD
        + CURED
        + """
@task
def spread(n):
    return load.map(range(n))

@flow
def etl():
    first = load(7)
    return clean.map(spread(2))
"""
    )
    run = ended(cells["etl"].start())
    cells.execute("@task\ndef load(i, oops):\n    return i\n")
    cut = ended(run.rerun())
    assert states(cut) == {}
    cells.execute(LOAD + "@task\ndef spread(n):\n    return load.map([*range(n)])\n")
    plan = {row.name: row.stale for row in cut.plan()}
    again = ended(cut.rerun())
    assert set(states(again).values()) == {"REUSED"}
    for index in range(2):
        group, _ = again.view_model.by_name(f"clean[{index}]")
        assert group.verdict(index).stale == f"uses stale `spread/load[{index}]`"
    assert plan["spread"].startswith("body of `spread` changed")


def test_handles_follow_past_it(cells: Cells, failed: Any, cut: Any) -> None:
    names = dict(failed.names)
    follow(names, failed)
    assert names["tidy"][0].result() == 0
    again = names["tidy"][0].rerun()
    assert (ended(again).parent_id, reasons(again)["clean[0]"]) == (cut.id, "asked for")
    assert names["summary"].result() == 60


def test_what_a_cut_short_rerun_has_executed_is_neither_lost_nor_mixed_with_what_was_made_before(
    cells: Cells, failed: Any
) -> None:
    cells.execute(BROKEN)
    other = LOAD.replace("return i", "return i + 10 if i == 2 else i")
    cells.execute(other)
    cut = failed.rerun("load[2]")
    assert states(ended(cut))["load[2]"] == "COMPLETED"
    cells.execute(CURED)
    cells.executed()
    again = ended(cut.rerun())
    assert cells.executed() == ["clean 1", "clean 12", "clean 3", "report"]
    assert reasons(again)["clean[2]"] == "`load[2]` runs again"
    assert again.result()["summary"] == 0 + 10 + 120 + 30


def test_a_rerun_that_was_cancelled_while_its_body_waits_hides_nothing(cells: Cells) -> None:
    cells.execute(
        LOAD
        + CURED
        + """
@task
def size(n):
    note("size")
    wait_for(current.run_id if current.is_replay else "size")
    return n

@flow
def etl():
    return clean.map(load.map(range(size(2).result())))
"""
    )
    cells.open_gate("size")
    run = ended(cells["etl"].start())
    cut = run.rerun("size")
    assert cut.until(lambda: states(cut).get("size") == "RUNNING", PATIENCE_S)
    cut.cancel()
    assert (ended(cut).state, states(cut)) == (RunState.CANCELLED, {"size": "CANCELLED"})
    cells.executed()
    assert {row.name: row.depends_on_body for row in cut.plan()}["clean[0]"]
    again = cut.rerun("clean[1]")
    cells.open_gate(again.id)
    assert ended(again).result() == [0, 10]
    assert cells.executed() == ["clean 1", "size"]


def test_children_and_branches_that_the_body_did_not_come_to_are_kept(cells: Cells) -> None:
    source = (
        LOAD
        + CURED
        + """
@task
def spread(n):
    note("spread")
    return [load.submit(at) for at in range(n)]

@flow
def branch(x):
    return clean.submit(x)

@flow
def etl():
    spread_out = spread(2)
    tidy = clean.map(spread_out)
    branches = branch.map([5, 6])
    CUT
    return {"tidy": tidy, "branches": branches}
"""
    )
    cells.execute(source.replace("CUT", "pass"))
    run = ended(cells["etl"].start())
    assert run.result() == VALUE
    cells.executed()
    before = run
    for place in ("tidy = clean.map(spread_out)", "branches = branch.map([5, 6])", "CUT"):
        cells.execute(source.replace(place, f"raise OSError\n    {place}").replace("CUT", "pass"))
        before = ended(before.rerun())
        assert before.state is RunState.FAILED
    cells.execute(source.replace("CUT", "pass"))
    assert before.plan().counts["run"] == 0
    again = ended(before.rerun())
    assert again.result() == VALUE
    assert cells.executed() == []


def test_it_is_on_record_that_a_body_was_cut_short(cells: Cells, current: Session) -> None:
    cells.execute(LOAD + CURED)
    cells.execute("""
@flow
def etl():
    first = load(1)
    if Path(f"{LOG}-cut").exists():
        raise OSError("not now")
    return clean(first)
""")
    run = ended(cells["etl"].start())
    cells.open_gate("cut")
    cut = ended(run.rerun())
    assert (cut.state, states(cut)) == (RunState.FAILED, {"load": "REUSED"})
    Path(f"{cells['LOG']}-cut").unlink()
    current.runs.clear()
    cells.executed()
    recorded = current.keeper.find(cut.id)
    assert recorded.plan().headline == "0 run, 2 reused"
    again = ended(recorded.rerun())
    assert (again.result(), states(again)) == (10, {"load": "REUSED", "clean": "REUSED"})
    assert cells.executed() == []
