"""Reruns of flows of a session: what is executed again, with the functions as they are now, what is kept, and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells, reasons, stale, states
from wfkit.core.states import RunState
from wfkit.errors import BadParameter, CannotRerun


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
    cells.open_gate("clean0")
    run = cells["etl"].start()
    run.until(lambda: states(run).get("clean[0]") == "COMPLETED", PATIENCE_S)
    run.cancel()
    ended(run)
    cells.executed()
    for index in range(4):
        cells.open_gate(f"clean{index}")
    again = ended(run.rerun())
    assert run.state is RunState.CANCELLED
    assert cells.executed() == ["clean 1", "clean 2", "clean 3", "report"]
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
    run.until(lambda: cells.has_come("clean 0"), PATIENCE_S)
    run.lose_cluster("the Dask cluster is gone")
    cells.open_gate("go")
    assert ended(run).state is RunState.INTERRUPTED
    cells.executed()
    cells.execute(CURED)
    again = ended(run.rerun())
    assert again.result()["summary"] == 60
    told = {reasons(again)[f"clean[{index}]"] for index in range(4)}
    assert told <= {"was cancelled", "was interrupted", "never started"}


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


# --- the body, and what it calls ---


def test_calls_are_found_again_in_another_order(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("values = [1, 2, 3]\n@flow\ndef two():\n    return [load(value) for value in values]\n")
    run = cells["two"].run()
    cells.executed()
    cells.execute("values[:] = [3, 9, 1]")
    again = ended(run.rerun())
    assert cells.executed() == ["load 9"]
    assert again.result() == [3, 9, 1]
    assert reasons(again)["load#2"] == "input `i` changed"


def test_parameters_are_those_of_the_record(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    run = cells["etl"].run(2)
    assert ended(run.rerun()).result()["tidy"] == [0, 10]
    with pytest.raises(BadParameter):
        cells["etl"].run(n=1, m=2)


def test_changed_plain_inputs_are_executed_and_named(cells: Cells) -> None:
    cells.execute(PIPELINE)
    cells.execute("factor = 2\n@task\ndef times(x, f):\n    note(f'times {x} {f}')\n    return x * f\n")
    cells.execute("@flow\ndef scaled():\n    return times.map([1, 2], unmapped(factor))\n")
    run = cells["scaled"].run()
    cells.executed()
    cells.execute("factor = 3")
    again = ended(run.rerun())
    assert cells.executed() == ["times 1 3", "times 2 3"]
    assert reasons(again)["times[0]"] == "input `f` changed"


def test_an_ignored_argument_does_not_count(cells: Cells) -> None:
    cells.execute(
        "factor = 2\n@task(identity_ignore='f')\ndef times(x, f):\n    note(f'times {x}')\n    return x * f\n"
    )
    cells.execute("@flow\ndef scaled():\n    return times(1, factor)\n")
    run = cells["scaled"].run()
    cells.executed()
    cells.execute("factor = 3")
    assert ended(run.rerun()).result() == 2
    assert cells.executed() == []


def test_elements_are_found_by_their_keys(cells: Cells) -> None:
    cells.execute("@task\ndef work(row):\n    note(f'work {row[0]}')\n    return row\n")
    cells.execute("rows = [('a', 1), ('b', 2)]")
    cells.execute("@flow\ndef keyed():\n    return work.map(rows, key=lambda row: row[0])\n")
    run = cells["keyed"].run()
    cells.executed()
    cells.execute("rows = [('c', 3), ('b', 20), ('a', 1)]")
    again = ended(run.rerun())
    assert cells.executed() == ["work b", "work c"]
    assert reasons(again) == {"work[0]": "new", "work[1]": "input `row` changed", "work[2]": "reused"}
    assert again.result() == [("c", 3), ("b", 20), ("a", 1)]


def test_a_reduce_runs_again_where_its_list_became_shorter(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("size = 3\n@flow\ndef sized():\n    return report(load.map(range(size)))\n")
    run = cells["sized"].run()
    cells.executed()
    cells.execute("size = 2")
    again = ended(run.rerun())
    assert cells.executed() == ["report"]
    assert (again.result(), reasons(again)["report"]) == (1, "the list of `load` changed")


def test_the_body_decides_anew(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("""
    @task
    def probe():
        note("probe")
        return 1

    @flow
    def decides():
        return load(1) if probe().result() > 3 else load(2)
    """)
    run = cells["decides"].run()
    cells.executed()
    cells.execute("@task\ndef probe():\n    note('probe')\n    return 5\n")
    plan = run.plan("changed")
    assert [(row.name, row.action, row.depends_on_body) for row in plan] == [
        ("probe", "run", False),
        ("load", "reuse", True),
    ]
    again = ended(run.rerun("changed"))
    assert cells.executed() == ["load 1", "probe"]
    assert again.result() == 1


def test_a_body_that_reads_what_is_gone_is_an_error_of_its_run(cells: Cells, failed: Any) -> None:
    failed.flow = None
    with pytest.raises(CannotRerun, match="is not known here"):
        failed.rerun()


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
