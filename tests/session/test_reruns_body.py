"""Reruns whose flow body decides anew: calls that moved, inputs that changed, elements that came and went."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.authoring.cells import forget, local_module
from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells, ended, reasons
from wfkit.errors import BadParameter, CannotRerun
from wfkit.session.session import Session

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


MINUS = """
@task
def one():
    return 1


@task
def two():
    return 2


@task
def minus(left=0, right=0):
    note("minus")
    return left - right


@task
def of(pair):
    note("of")
    return pair["left"] - pair["right"]


@flow
def etl():
    return difference()
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("minus(left=one(), right=two())", "minus(right=one(), left=two())"),
        ("minus(left=1, right=2)", "minus(right=1, left=2)"),
        ("minus(two())", "minus(right=two())"),
        ("of({'left': one(), 'right': two()})", "of({'right': one(), 'left': two()})"),
        ("minus.map(left=[1], right=unmapped(two()))", "minus.map(right=[1], left=unmapped(two()))"),
        ("minus.map(left=[one()], right=[two()])", "minus.map(right=[one()], left=[two()])"),
    ],
)
@pytest.mark.parametrize("what", [(), ("changed",)], ids=["failed", "changed"])
def test_what_is_passed_to_another_parameter_is_another_input(
    cells: Cells, before: str, after: str, what: tuple[str, ...]
) -> None:
    cells.execute(MINUS + f"\ndef difference():\n    return {before}\n")
    run = cells["etl"].run()
    cells.executed()
    cells.execute(f"def difference():\n    return {after}\n")
    again = ended(run.rerun(*what))
    assert again.result() == cells["etl"].run().result() != run.result()
    assert reasons(again)["minus" if "minus(" in after else "of" if "of(" in after else "minus[0]"] in {
        "its inputs are other ones",
        "input `left` changed",
        "input `pair` changed",
    }


def test_keyword_arguments_may_come_in_another_order(cells: Cells) -> None:
    cells.execute(MINUS + "\ndef difference():\n    return [minus(left=one(), right=two()), minus(left=1, right=2)]\n")
    run = cells["etl"].run()
    cells.executed()
    cells.execute("def difference():\n    return [minus(right=two(), left=one()), minus(right=2, left=1)]\n")
    assert ended(run.rerun("changed")).result() == [-1, -1]
    assert cells.executed() == []


def test_a_name_that_the_body_reads_and_that_is_another_one_is_in_the_record(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("factor, api_token = 2, 'canary-1'\n@flow\ndef scaled():\n    return load(factor * len(api_token))\n")
    run = cells["scaled"].run()
    cells.execute("factor, api_token = 3, 'canary-2'")
    again = ended(run.rerun())
    told = [f"`api_token` changed since {run.id}", f"`factor` changed from 2 to 3 since {run.id}"]
    assert [line.text for line in again.logs()] == told
    assert again.until(lambda: again.view_model.body_logs, PATIENCE_S)
    assert [line.text for line in current.keeper.find(again.id).logs()] == told
    assert ended(again.rerun()).logs() == []


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


def test_an_edited_body_is_found_whatever_the_name_of_its_flow(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED + "@flow(name='monthly report')\ndef monthly():\n    return load(1)\n")
    run = cells["monthly"].run()
    cells.execute("@flow(name='monthly report')\ndef monthly():\n    return load(2)\n")
    again = ended(run.rerun())
    assert (again.result(), again.flow_name) == (2, "monthly report")


def test_an_edited_body_of_a_module_is_found(cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "from wfkit import flow, task\n@task\ndef load(i):\n    return i\n@flow\ndef monthly():\n    return load(1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = local_module(tmp_path, "etl_here", text)
    run, other = module.monthly.run(), module.monthly.run()
    module = local_module(tmp_path, "etl_here", text.replace("load(1)", "load(2)"))
    assert ended(run.rerun()).result() == 2
    (tmp_path / "etl_here.py").write_text(text.replace("load(1)", "load(30)"))
    importlib.reload(module)
    assert ended(other.rerun()).result() == 30
    forget("etl_here")


def test_a_function_that_reads_what_is_gone_is_refused_before_anything_is_executed(
    cells: Cells, current: Session
) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("first, second = 1, 2\n@flow\ndef reads():\n    return [load(first), load(second)]\n")
    run = cells["reads"].run()
    cells.executed()
    del cells.names["second"]
    before = list(current.runs)
    with pytest.raises(CannotRerun, match="The body of `reads` reads `second`, which is not defined"):
        run.rerun("load")
    with pytest.raises(CannotRerun, match="The body of `reads` reads `second`, which is not defined"):
        run.plan()
    assert (current.runs, cells.executed()) == (before, [])
