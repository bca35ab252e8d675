"""Reruns of runs that still go on: what they still work on is awaited, and nothing is executed twice."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells, ended, reasons, states
from wfkit.core.states import RunState
from wfkit.engine.driver import turns
from wfkit.engine.worker.calls import code_spec
from wfkit.session import codes
from wfkit.session.session import Session

HELD = """
@task
def held(x):
    note(f"held {x}")
    wait_for(f"held{x}")
    if x == 3:
        raise ValueError(x)
    return x
"""


def until(run: Any, holds: Any) -> None:
    assert run.until(holds, PATIENCE_S)


def test_what_runs_and_what_waits_is_awaited_and_nothing_is_executed_twice(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@flow\ndef slow():\n    return report(clean.map(held.map([0, 1])))\n")
    run = cells["slow"].start()
    cells.open_gate("held0")
    until(run, lambda: states(run).get("clean[0]") == "COMPLETED")
    again = run.rerun()
    until(again, lambda: states(again).get("clean[0]") == "REUSED" and "report" in states(again))
    assert (run.state, again.state) == (RunState.RUNNING, RunState.RUNNING)
    assert {name for name, state in states(again).items() if state == "PENDING"} == {
        "held[1]",
        "clean[1]",
        "report",
    }
    cells.open_gate("held1")
    assert ended(again).result() == ended(run).result() == 10
    assert cells.executed() == ["clean 0", "clean 1", "held 0", "held 1", "report"]
    assert set(states(again).values()) == {"REUSED"}


def test_a_plan_of_a_run_that_goes_on_says_what_is_awaited(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@flow\ndef slow():\n    return clean.map(held.map([0, 1]))\n")
    run = cells["slow"].start()
    cells.open_gate("held0")
    until(run, lambda: states(run).get("clean[0]") == "COMPLETED")
    plan = run.plan()
    assert plan.counts == {"run": 0, "reuse": 2, "await": 2, "stale": 0}
    cells.open_gate("held1")
    ended(run)


def test_what_fails_while_it_is_awaited_is_executed_again_at_once(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@flow\ndef slow():\n    return clean.map(held.map([3, 4]))\n")
    run = cells["slow"].start()
    until(run, lambda: cells.has_come("held 3"))
    cells.execute(HELD.replace("x == 3", "x == 99"))
    again = run.rerun()
    until(again, lambda: "clean[1]" in states(again))
    cells.open_gate("held3")
    until(again, lambda: states(again)["clean[0]"] == "COMPLETED")
    assert run.state is RunState.RUNNING
    assert (reasons(again)["held[0]"], reasons(again)["clean[0]"]) == ("failed before", "its inputs failed before")
    cells.open_gate("held4")
    assert ended(again).result() == [30, 40]
    assert cells.executed().count("held 4") == 1


def test_what_is_cancelled_while_it_is_awaited_is_executed(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@flow\ndef slow():\n    return held.map([1, 2])\n")
    run = cells["slow"].start()
    until(run, lambda: cells.has_come("held 1"))
    again = run.rerun()
    until(again, lambda: len(states(again)) == 2)
    run.cancel()
    cells.open_gate("held1")
    cells.open_gate("held2")
    assert ended(again).result() == [1, 2]


def test_a_rerun_that_is_cancelled_leaves_the_run_that_it_waits_for(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@flow\ndef slow():\n    return held.map([1, 2])\n")
    run = cells["slow"].start()
    until(run, lambda: cells.has_come("held 1"))
    again = run.rerun()
    until(again, lambda: len(states(again)) == 2)
    again.cancel()
    assert ended(again).state is RunState.CANCELLED
    cells.open_gate("held1")
    cells.open_gate("held2")
    assert ended(run).result() == [1, 2]
    assert cells.executed() == ["held 1", "held 2"]


def test_a_map_of_unknown_length_is_awaited_to_its_end(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@task\ndef listing(n):\n    note('listing')\n    wait_for('listing')\n    return list(range(n))\n")
    cells.execute("@flow\ndef slow():\n    return report(clean.map(listing(3)))\n")
    run = cells["slow"].start()
    until(run, lambda: cells.has_come("listing"))
    again = run.rerun()
    until(again, lambda: "listing" in states(again))
    cells.open_gate("listing")
    assert ended(again).result() == ended(run).result() == 30
    assert cells.executed() == ["clean 0", "clean 1", "clean 2", "listing", "report"]


def test_a_map_that_grows_with_the_parts_of_a_flatten_is_awaited_to_its_end(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("@task\ndef several(n):\n    wait_for(f'several{n}')\n    return list(range(n * 10, n * 11))\n")
    cells.execute("@flow\ndef slow():\n    return report(clean.map(flatten(several.map([1, 3]))))\n")
    run = cells["slow"].start()
    cells.open_gate("several3")
    until(run, lambda: cells.has_come("clean 32"))
    again = run.rerun()
    until(again, lambda: states(again).get("clean[1.2]") == "REUSED")
    cells.open_gate("several1")
    assert ended(again).result() == ended(run).result()
    assert len(cells.executed()) == 1 + 3 + 1
    assert set(states(again).values()) == {"REUSED"}


def test_a_parent_is_awaited_with_its_children(cells: Cells) -> None:
    cells.execute(PIPELINE + HELD)
    cells.execute("@task\ndef parent():\n    note('parent')\n    held.submit(1)\n    return [held.submit(2)]\n")
    cells.execute("@flow\ndef slow():\n    return parent()\n")
    run = cells["slow"].start()
    until(run, lambda: cells.has_come("held 1") and cells.has_come("held 2"))
    cells.open_gate("held2")
    until(run, lambda: states(run)["parent"] == "COMPLETED")
    again = run.rerun()
    until(again, lambda: "parent" in states(again))
    assert states(again)["parent"] == "PENDING"
    cells.open_gate("held1")
    assert ended(again).result() == [2]
    assert cells.executed() == ["held 1", "held 2", "parent"]
    assert set(states(again).values()) == {"REUSED"}


def test_children_that_a_parent_makes_while_it_is_awaited_are_executed_once(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED.replace("return", "if x == 2:\n        raise ValueError(x)\n    return"))
    cells.execute("@task\ndef parent():\n    note('parent')\n    wait_for('parent')\n    return clean.map(range(4))\n")
    cells.execute("@flow\ndef slow():\n    return parent()\n")
    run = cells["slow"].start()
    until(run, lambda: cells.has_come("parent"))
    again = run.rerun()
    until(again, lambda: "parent" in states(again))
    cells.open_gate("parent")
    ended(run)
    ended(again)
    assert cells.executed() == ["clean 0", "clean 1", "clean 2", "clean 2", "clean 3", "parent", "parent"]


def test_what_uses_a_node_that_is_awaited_with_its_children_is_not_kept_before(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@task\ndef parent():\n    note('parent 1')\n    held.submit(1)\n    return 1\n")
    cells.execute("@flow\ndef slow():\n    return report([clean(parent())])\n")
    run = cells["slow"].start()
    until(run, lambda: states(run).get("report") == "COMPLETED" and cells.has_come("held 1"))
    cells.execute("@task\ndef parent():\n    note('parent 2')\n    return 2\n")
    again = run.rerun("changed")
    until(again, lambda: "report" in states(again))
    cells.open_gate("held1")
    ended(run)
    assert ended(again).result() == 20
    assert reasons(again)["clean"] == "`parent` runs again"


def test_what_is_cancelled_before_it_is_decided_keeps_nobody_waiting(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@task\ndef parent():\n    held.submit(1)\n    return 1\n")
    cells.execute("@flow\ndef slow():\n    return clean(parent())\n")
    run = cells["slow"].start()
    until(run, lambda: states(run).get("clean") == "COMPLETED" and cells.has_come("held 1"))
    again = run.rerun()
    until(again, lambda: "clean" in states(again))
    again.node("parent").cancel()
    cells.open_gate("held1")
    ended(run)
    assert ended(again).state in {RunState.COMPLETED, RunState.CANCELLED, RunState.FAILED}
    assert states(again)["clean"] == "REUSED"


def test_calls_that_the_body_has_not_made_yet_are_made_by_both(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@flow\ndef slow():\n    return clean(held(1).result())\n")
    run = cells["slow"].start()
    until(run, lambda: cells.has_come("held 1"))
    again = run.rerun()
    until(again, lambda: "held" in states(again))
    cells.open_gate("held1")
    assert ended(again).result() == ended(run).result() == 10
    assert cells.executed().count("held 1") == 1


def test_a_loop_over_values_is_gone_through_behind_that_of_the_run_that_goes_on(
    cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.execute(PIPELINE + HELD)
    cells.execute("""
        import threading
        SLOW = []

        def pause(k):
            if threading.current_thread().name in SLOW:
                note(f"pause {k}")
                wait_for(f"pause{k}")

        @task
        def step(k):
            note(f"step {k}")
            return k + 1

        @flow
        def slow():
            k = held(0).result()
            while k < 4:
                k = step(k).result()
                pause(k)
            return k
        """)
    waits, wait = threading.Event(), turns._wait_for_more

    def noted(*what: Any) -> None:
        waits.set()
        wait(*what)

    monkeypatch.setattr(turns, "_wait_for_more", noted)
    run = cells["slow"].start()
    cells["SLOW"].append(f"wfkit-body-{run.id}")
    cells.open_gate("held0")
    until(run, lambda: cells.has_come("pause 1"))
    again = run.rerun()
    for k in range(1, 5):  # the live body is behind each time
        if k < 4:
            assert waits.wait(PATIENCE_S)
            waits.clear()
        cells.open_gate(f"pause{k}")
    assert ended(again).result() == ended(run).result() == 4
    assert [line for line in cells.executed() if "pause" not in line] == ["held 0", *(f"step {k}" for k in range(4))]
    assert set(reasons(again).values()) == {"reused"}


# --- what is read of a run that goes on is read under its lock, and nothing else is done under it ---


class Watched(dict[Any, Any]):
    """Tells whether it is gone over under the lock of its run."""

    def __init__(self, of: dict[Any, Any], run: Any) -> None:
        super().__init__(of)
        self._run = run

    def values(self) -> Any:
        assert self._run.lock._is_owned()
        return super().values()


def test_a_run_that_goes_on_is_gone_over_under_its_lock(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + HELD)
    cells.execute("@flow\ndef part():\n    return held.map([1])\n")
    cells.execute("@flow\ndef slow():\n    return part()\n")
    run = cells["slow"].start()
    until(run, lambda: cells.has_come("held 1") and states(run).get("held[0]") == "RUNNING")
    with run.lock:
        run.view_model.groups = Watched(run.view_model.groups, run)
        run.view_model.codes = Watched(run.view_model.codes, run)
    assert run._keep.counts() == {"RUNNING": 1}
    assert run.changes == {}
    assert [row.name for row in run.nodes] == ["held[0]"]
    again = run.rerun("part")
    cells.open_gate("held1")
    assert ended(run).result() == ended(again).result() == [1]
    assert cells.executed() == ["held 1", "held 1"]


def test_neither_code_nor_the_store_is_looked_at_under_the_lock_of_a_run(
    cells: Cells, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.execute(PIPELINE.replace("return i", "return 'x' * 20_000") + CURED.replace("x * 10", "len(x)"))
    run = cells["etl"].run()
    looked: list[str] = []
    results = current.results
    assert results is not None

    def check_all(stored: list[str]) -> dict[str, str]:
        assert not run.lock._is_owned()
        looked.extend(stored)
        return {}

    def code(task: Any) -> Any:
        assert not run.lock._is_owned()
        looked.append(task.name)
        return code_spec(task)

    monkeypatch.setattr(results, "check_all", check_all)
    monkeypatch.setattr(codes, "code_spec", code)
    monkeypatch.setattr(sys.modules["__main__"], "etl", cells["etl"], raising=False)
    assert run.plan().counts["reuse"] == 9
    assert len(looked) == 4 + 3
