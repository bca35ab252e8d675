"""`%%flow --reuse`: which run a cell goes on from, with runs on a small cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.notebook.shells import Lab
from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells, ended, states
from wfkit.errors import CannotRerun, NoSuchNode
from wfkit.notebook.cell import install
from wfkit.notebook.hooks import NotebookHooks
from wfkit.session.session import Session

TASKS = "from wfkit import task\n@task\ndef load(i):\n    return i\n@task\ndef total(xs):\n    return sum(xs)\n"
CELL = "%%flow etl --reuse --wait\nraw = load.map(range(3))\nall = total(raw)\n"


@pytest.fixture
def notebook(lab: Lab, current: Session) -> Iterator[Lab]:
    """A shell whose cells run on the cluster."""
    current.settings.notebook_view = False
    uninstall = install(lab.shell, NotebookHooks(lab.shell, current))
    lab.run(TASKS)
    yield lab
    uninstall()
    lab.__init__(lab.shell)  # type: ignore[misc]


def ran(notebook: Lab) -> list[str]:
    """What the last run of the cell has executed."""
    run: Any = notebook.names["etl"].last_run
    return [name for name, state in states(run).items() if state != "REUSED"]


def fails(notebook: Lab, cell: str) -> None:
    """Run a cell with a typo; it does not wait for the tasks before that."""
    assert isinstance(notebook.run(cell).error_in_exec, NameError)
    ended(notebook.names["etl"].last_run)


@pytest.mark.parametrize("line", ["raw", "all"])
def test_a_body_that_failed_before_it_made_a_new_call_is_passed_over(notebook: Lab, line: str) -> None:
    notebook.run(CELL)
    assert len(ran(notebook)) == 4
    for _ in range(2):
        fails(notebook, CELL.replace(line, f"typo_here\n{line}", 1))
    assert notebook.run(CELL).success
    assert ran(notebook) == []


def test_a_body_that_failed_behind_new_calls_is_gone_on_from(notebook: Lab) -> None:
    fails(notebook, "%%flow etl --reuse --wait\nfirst = load(7)\ntypo_here")
    assert notebook.run(CELL.replace("raw", "first = load(7)\nraw", 1)).success
    assert "load" not in ran(notebook)
    assert "load#2[0]" in ran(notebook)


def test_a_flow_whose_bodies_all_failed_at_once_is_run_from_zero(notebook: Lab) -> None:
    fails(notebook, "%%flow etl --reuse --wait\ntypo_here")
    assert notebook.run(CELL).success
    assert len(ran(notebook)) == 4


def test_a_run_that_another_kernel_still_drives_is_refused(
    notebook: Lab, cells: Cells, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.execute(PIPELINE + CURED.replace("return", "wait_for('go')\n    return"))
    run = cells["etl"].start()
    assert run.until(lambda: cells.has_begun("clean"), PATIENCE_S)
    assert current.keeper.history is not None
    current.keeper.history.flush(PATIENCE_S)
    monkeypatch.setattr(current, "runs", [])
    refused = notebook.run(CELL)
    assert isinstance(refused.error_in_exec, CannotRerun)
    assert "still goes on in another process" in str(refused.error_in_exec)
    assert current.runs == []
    cells.open_gate("go")
    ended(run)


def test_a_name_that_the_body_binds_no_more_is_none_of_its_run_and_nobody_waits_for_it(notebook: Lab) -> None:
    notebook.run("extra = None\nwanted = True")
    cell = CELL + "if wanted:\n    extra = load(9)\n"
    notebook.run(cell)
    first = notebook.names["etl"].last_run
    assert sorted(first.result()) == ["all", "extra", "raw"]
    notebook.run("wanted = False")
    assert notebook.run(cell).success
    second = notebook.names["etl"].last_run
    assert second.result() == {"all": 3, "raw": [0, 1, 2]}
    third = ended(second.rerun())
    assert third.result() == second.result()
    with pytest.raises(NoSuchNode):
        third["extra"]


def test_a_body_that_passes_a_handle_of_the_run_before_gets_the_value_that_it_had_there(notebook: Lab) -> None:
    notebook.run(CELL)
    assert notebook.run("%%flow etl --reuse --wait\nall = total(raw)\nlooked = raw.result()").success
    run = notebook.names["etl"].last_run
    assert (run.result()["all"], notebook.names["looked"]) == (3, [0, 1, 2])
    assert "NodeGone" in ended(run.rerun()).view_model.reason, "the run before has it no more"
