"""Reruns whose flow body decides anew: calls that moved, inputs that changed, elements that came and went."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.cells import CURED, PIPELINE, Cells, ended, reasons
from wfkit.errors import BadParameter, CannotRerun

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
