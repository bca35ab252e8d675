"""Reruns of flows of a session: what is executed again, with the functions as they are now, what is kept, and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells, ended, reasons, stale, states
from wfkit.core.states import RunState
from wfkit.engine.driver.lineage import newest
from wfkit.errors import NoSuchNode, StoreFailed
from wfkit.session import reruns
from wfkit.session.session import Session

# --- what failed ---


def test_a_fix_for_two_bad_items_executes_two_and_what_lies_downstream(cells: Cells, failed: Any) -> None:
    cells.execute(CURED)
    again = ended(failed.rerun())
    assert cells.executed() == ["clean 1", "clean 3", "report"]
    assert again.result()["summary"] == 60
    assert (again.state, again.parent_id) == (RunState.COMPLETED, failed.id)
    assert states(again) == {
        **{f"load[{index}]": "REUSED" for index in range(4)},
        **{f"clean[{index}]": "COMPLETED" if index in {1, 3} else "REUSED" for index in range(4)},
        "report": "COMPLETED",
    }


def test_whoever_watches_an_earlier_run_hears_of_each_rerun(cells: Cells, failed: Any) -> None:
    heard: list[Any] = []
    failed.subscribe(lambda: heard.append(newest(failed)[-1]))
    second = ended(failed.rerun())
    assert second in heard
    third = ended(second.rerun())
    assert third in heard


def test_what_changed_since_is_told_by_the_tasks_name(cells: Cells, failed: Any) -> None:
    assert failed.changes == {}
    cells.execute(CURED)
    assert set(failed.changes) == {"clean"}
    assert failed.changes["clean"].startswith("body of `clean` changed")


def test_each_node_has_its_reason(cells: Cells, failed: Any) -> None:
    cells.execute(CURED)
    told = reasons(ended(failed.rerun()))
    assert told["load[0]"] == "reused"
    assert told["clean[0]"].startswith("reused, stale: body of `clean` changed")
    assert (told["clean[1]"], told["report"]) == ("failed before", "its inputs failed before")


def test_attempts_of_all_generations_stay_readable(cells: Cells, failed: Any) -> None:
    cells.execute(CURED)
    again = ended(failed.rerun())
    assert isinstance(failed.node("clean[1]").exception(), ValueError)
    assert again.node("clean[1]").result() == 10
    assert isinstance(failed.node("clean[1]").exception(), ValueError)


def test_a_small_value_that_is_kept_has_a_future(cells: Cells, failed: Any) -> None:
    cells.execute(CURED)
    again = ended(failed.rerun())
    assert again.node("load[0]").future.result(timeout=20) == again.node("load[0]").result()


def test_nothing_is_repaired_by_a_rerun_alone(cells: Cells, failed: Any) -> None:
    again = ended(failed.rerun())
    assert cells.executed() == ["clean 1", "clean 3"]
    assert (again.state, states(again)["report"]) == (RunState.FAILED, "UPSTREAM_FAILED")


def test_a_rerun_of_a_rerun_goes_on_from_it(cells: Cells, failed: Any) -> None:
    cells.execute(CURED.replace("return", "if x == 3:\n        raise ValueError(x)\n    return"))
    second = ended(failed.rerun())
    assert cells.executed() == ["clean 1", "clean 3"]
    cells.execute(CURED)
    third = ended(second.rerun())
    assert cells.executed() == ["clean 3", "report"]
    assert (third.parent_id, third.result()["summary"]) == (second.id, 60)
    assert set(stale(third)) == {"clean[0]", "clean[1]", "clean[2]", "report"}


def test_a_rerun_of_what_is_fine_executes_nothing(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    run = cells["etl"].run()
    cells.executed()
    again = ended(run.rerun())
    assert cells.executed() == []
    assert set(states(again).values()) == {"REUSED"}
    assert again.result() == {"raw": [0, 1, 2, 3], "tidy": [0, 10, 20, 30], "summary": 60}


def test_a_cancelled_run_goes_on(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED.replace("return", "wait_for(f'clean{x}')\n    return"))
    for index in range(3):
        cells.open_gate(f"clean{index}")
    run = cells["etl"].start()
    done = {*(f"load[{index}]" for index in range(4)), *(f"clean[{index}]" for index in range(3))}
    assert run.until(lambda: {name for name, state in states(run).items() if state == "COMPLETED"} == done, PATIENCE_S)
    run.cancel()
    ended(run)
    cells.executed()
    cells.open_gate("clean3")
    again = ended(run.rerun())
    assert run.state is RunState.CANCELLED
    assert cells.executed() == ["clean 3", "report"]
    assert again.result()["summary"] == 60


def test_a_run_whose_body_was_interrupted_goes_on(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("""
    stop = [True]

    @flow
    def broken():
        raw = load.map(range(2))
        if stop:
            raise KeyboardInterrupt
        return clean.map(raw)
    """)
    with pytest.raises(KeyboardInterrupt):
        cells["broken"].run()
    run = ended(cells["broken"].last_run)
    assert run.state is RunState.INTERRUPTED
    cells.executed()
    cells["stop"].clear()
    again = ended(run.rerun())
    assert cells.executed() == ["clean 0", "clean 1"]
    assert again.result() == [0, 10]
    assert reasons(again)["clean[0]"] == "new"


def test_a_run_whose_cluster_was_lost_goes_on(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED.replace("return", "wait_for('go')\n    return"))
    run = cells["etl"].start()
    assert run.until(lambda: cells.has_begun("clean"), PATIENCE_S)
    run.lose_cluster("the Dask cluster is gone")
    cells.open_gate("go")
    assert ended(run).state is RunState.INTERRUPTED
    cells.executed()
    cells.execute(CURED)
    again = ended(run.rerun())
    assert again.result()["summary"] == 60
    told = {reasons(again)[f"clean[{index}]"] for index in range(4)}
    assert told <= {"was cancelled", "was interrupted", "never started"}


# --- what cannot be opened ---


def test_a_rerun_that_cannot_ask_the_store_opens_no_run(
    failed: Any, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_store(*_: object, **__: object) -> None:
        raise StoreFailed("The store of results does not answer.")

    monkeypatch.setattr(reruns, "Origin", no_store)
    before = list(current.runs)
    with pytest.raises(StoreFailed):
        failed.rerun()
    assert current.runs == before
    assert failed.reruns == []


def test_a_rerun_that_fails_while_it_opens_ends(failed: Any, current: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such rule")

    monkeypatch.setattr(reruns, "Reuse", broken)
    with pytest.raises(ValueError, match="no such rule"):
        failed.rerun()
    new = current.runs[-1]
    assert (new.state, new.parent_id) == (RunState.FAILED, failed.id)
    assert "no such rule" in new.view_model.reason


# --- what changed ---


def test_changed_executes_what_is_stale_and_all_downstream(cells: Cells, failed: Any) -> None:
    cells.execute(CURED)
    second = ended(failed.rerun())
    cells.executed()
    third = ended(second.rerun("changed"))
    assert cells.executed() == ["clean 0", "clean 2", "report"]
    assert stale(third) == {}
    assert reasons(third)["clean[0]"].startswith("body of `clean` changed")


def test_after_a_comment_only_edit_nothing_is_executed(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    run = cells["etl"].run()
    cells.executed()
    cells.execute(
        '@task\ndef clean(x):\n    """Clean it."""\n    # ten times\n    note(f"clean {x}")\n    return x * 10\n'
    )
    again = ended(run.rerun("changed"))
    assert cells.executed() == []
    assert stale(again) == stale(run) == {}


def test_an_edit_of_a_helper_makes_exactly_its_users_stale_and_what_they_feed_uses_stale(cells: Cells) -> None:
    cells.execute("def times(x):\n    return x * 10\n")
    cells.execute(PIPELINE + CURED.replace("x * 10", "times(x)"))
    run = cells["etl"].run()
    cells.executed()
    cells.execute("def times(x):\n    return x * 100\n")
    assert set(stale(run)) == {f"clean[{index}]" for index in range(4)}
    again = ended(run.rerun())
    assert cells.executed() == []
    assert set(stale(again)) == {*(f"clean[{index}]" for index in range(4)), "report"}
    assert "times" in stale(again)["clean[0]"]
    assert stale(again)["report"] == "uses stale `clean`"
    assert again.view_model.stale_count() == 4
    third = ended(again.rerun("changed"))
    assert cells.executed() == ["clean 0", "clean 1", "clean 2", "clean 3", "report"]
    assert third.result()["summary"] == 600


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


def test_an_item_of_a_value_reruns_the_node_that_made_it(cells: Cells) -> None:
    cells.execute("@task(n_outputs=2)\ndef halves(xs):\n    note('halves')\n    return xs[:1], xs[1:]\n")
    cells.execute("@flow\ndef split():\n    left, right = halves('ab')\n    return {'left': left, 'right': right}\n")
    run = cells["split"].run()
    cells.executed()
    again = ended(run["right"].rerun())
    assert cells.executed() == ["halves"]
    assert (again.result()["right"], reasons(again)) == ("b", {"halves": "asked for"})


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


# --- where values are ---


def test_results_come_from_the_store_after_a_release(cells: Cells, failed: Any) -> None:
    cells.execute("@task\ndef load(i):\n    note(f'load {i}')\n    return 'x' * 20_000\n")
    cells.execute("@task\ndef clean(x):\n    note('clean')\n    return len(x)\n")
    run = cells["etl"].run()
    assert run.view_model.groups["g1"].stored
    cells.executed()
    run.release()
    again = ended(run.rerun("clean"))
    assert cells.executed() == ["clean"] * 4 + ["report"]
    assert again.result()["summary"] == 80_000
    assert again.node("load[0]").result() == "x" * 20_000


def test_what_was_in_cluster_memory_only_is_executed_again_after_a_release(cells: Cells) -> None:
    cells.execute("@task(persist_result=False)\ndef big():\n    note('big')\n    return 'x' * 20_000\n")
    cells.execute("@task\ndef size(x):\n    note('size')\n    return len(x)\n")
    cells.execute("@flow\ndef sizes():\n    return size(big())\n")
    run = cells["sizes"].run()
    kept = ended(run.rerun())
    assert states(kept)["big"] == "REUSED"
    cells.executed()
    kept.release()
    run.release()
    again = ended(run.rerun("size"))
    assert cells.executed() == ["big", "size"]
    assert reasons(again)["big"] == "its result is lost: it was in cluster memory only"
