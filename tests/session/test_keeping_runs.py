"""Keeping: runs are on record, found again by anybody, and go on from their stored results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tests.history.making import a_record, begun, encoded, run_id, trivial
from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells, ended, reasons, stale, states
from wfkit.core.ids import RunId
from wfkit.core.states import RunState
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.errors import CannotRerun, NoSuchRun, ResultUnreadable
from wfkit.history import settling
from wfkit.session.keeping import Keeper
from wfkit.session.lookup import attach, runs
from wfkit.session.reruns import last_of
from wfkit.session.session import Session
from wfkit.session.settings import WfkitSettings

LARGE = """
@task
def load(i):
    note(f"load {i}")
    return str(i) * 20_000


@task
def clean(x):
    note(f"clean {x[0]}")
    if x[0] in "13":
        raise ValueError(x[0])
    return len(x)
"""
LARGE_CURED = """
@task
def clean(x):
    note(f"clean {x[0]}")
    return len(x)
"""


@pytest.fixture
def kept(cells: Cells, current: Session) -> RecordedRun:
    """A run with stored results of which two elements failed, as another kernel finds it."""
    cells.execute(PIPELINE + LARGE)
    run = cells["etl"].run()
    run.release()
    cells.executed()
    return current.keeper.find(run.id)


def file_of(current: Session, run: RecordedRun, name: str) -> tuple[Any, str]:
    """The file of a stored result."""
    group, index = run.view_model.by_name(name)
    assert current.results is not None
    files, root = fsspec.core.url_to_fs(current.results.url)  # type: ignore[attr-defined]  # of the real store
    return files, f"{root}/{group.stored[index or 0]}"


# --- looking back ---


def test_a_run_is_found_by_the_start_of_its_id_and_tells_all_that_it_told(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE)
    run = cells["etl"].run(3)
    found = current.keeper.find(run.id[:-3])
    assert (found.id, found.flow_name, found.state) == (run.id, "etl", RunState.FAILED)
    assert states(found) == states(run)
    assert reasons(found) == reasons(run)
    assert found["raw"].result() == [0, 1, 2]
    assert found.arguments == {"n": 3}


def test_a_run_that_nobody_knows_is_refused(current: Session) -> None:
    with pytest.raises(NoSuchRun):
        current.keeper.find("r-nothing")
    with pytest.raises(NoSuchRun):
        attach("r-nothing")


def test_runs_are_listed_newest_first_and_those_of_this_session_are_themselves(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE + CURED)
    first, second = cells["etl"].run(), cells["etl"].run()
    assert runs(flow="etl", limit=2) == [second, first]
    assert [one.id for one in current.keeper.runs(flow="etl", limit=2)] == [second.id, first.id]
    assert runs(flow="etl", state="COMPLETED", limit=1) == [second]
    assert attach(first.id) is first


def test_a_rerun_is_on_record_with_the_run_that_it_goes_on_from(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE)
    run = cells["etl"].run()
    cells.execute(CURED)
    again = ended(run.rerun())
    found = current.keeper.find(again.id)
    assert found.parent_id == run.id
    assert reasons(found) == reasons(again)
    assert found.node("clean[1]").result() == 10
    assert current.keeper.find(run.id).node("clean[1]").exception() is not None


def test_what_a_body_wrote_in_a_thread_is_on_record(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE + CURED)
    cells.execute("@flow\ndef talks():\n    print('from the body')\n    return load(1).result()\n")
    run = cells["talks"].start()
    assert ended(run).until(lambda: run.view_model.body_logs, PATIENCE_S)
    found = current.keeper.find(run.id)
    assert [line.text for line in found.logs()] == ["from the body"]
    assert [line.text for line in found.body_log] == [line.text for line in run.body_log]


# --- going on from the record ---


def test_a_recorded_run_goes_on_from_stored_results(cells: Cells, kept: RecordedRun) -> None:
    again = ended(kept.rerun())
    assert cells.executed() == ["clean 1", "clean 3"]
    assert again.parent_id == kept.id
    assert again.node("load[2]").result() == "2" * 20_000


def test_the_functions_are_those_of_this_kernel_where_it_has_them(
    cells: Cells, kept: RecordedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.execute(LARGE_CURED)
    monkeypatch.setattr(sys.modules["__main__"], "etl", cells["etl"], raising=False)
    assert set(stale(kept)) == {"clean[0]", "clean[2]"}
    assert kept.plan().headline == "3 run, 6 reused, of these 2 stale"
    again = ended(kept.rerun())
    assert cells.executed() == ["clean 1", "clean 3", "report"]
    assert again.result()["summary"] == 80_000


@pytest.mark.parametrize("fault", ["missing", "cut short"])
def test_a_result_that_is_lost_is_made_again_and_the_reason_is_told(
    cells: Cells, current: Session, kept: RecordedRun, fault: str
) -> None:
    files, path = file_of(current, kept, "load[1]")
    content = files.cat_file(path)
    files.rm(path)
    if fault == "cut short":
        files.pipe_file(path, content[:-7])
    row = next(row for row in kept.plan() if row.name == "load[1]")
    assert (row.action, row.reason.partition(": ")[0]) == ("run", "its result is lost")
    again = ended(kept.rerun())
    assert cells.executed() == ["clean 1", "clean 3", "load 1"]
    assert reasons(again)["load[1]"] == row.reason


def test_a_result_that_is_damaged_is_noticed_when_it_is_needed_and_made_again(
    cells: Cells, current: Session, kept: RecordedRun
) -> None:
    files, path = file_of(current, kept, "load[1]")
    content = files.cat_file(path)
    files.rm(path)
    files.pipe_file(path, content[:-1000] + bytes(7) + content[-993:])
    first = ended(kept.rerun())
    assert cells.executed() == ["clean 3"]
    assert states(first)["clean[1]"] == "UPSTREAM_FAILED"
    second = ended(first.rerun())
    assert cells.executed() == ["clean 1", "clean 3", "load 1"]
    assert reasons(second)["load[1]"] == "its result is lost: it could not be read"
    assert states(second)["load[1]"] == "COMPLETED"


def test_a_result_that_is_lost_between_two_reruns_is_made_again(
    cells: Cells, current: Session, kept: RecordedRun
) -> None:
    cells.execute(LARGE_CURED)
    first = ended(kept.rerun(replace={f"clean[{index}]": index for index in range(4)}))
    assert cells.executed() == ["report"]
    files, path = file_of(current, kept, "load[2]")
    files.rm(path)
    second = ended(first.rerun("clean[0]"))
    assert cells.executed() == ["clean 0", "clean 2", "load 2", "report"]
    assert reasons(second)["load[2]"].startswith("its result is lost")


def test_a_run_that_goes_on_elsewhere_is_not_repeated(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE + CURED.replace("return", "wait_for('go')\n    return"))
    run = cells["etl"].start()
    assert run.until(lambda: cells.has_begun("clean"), PATIENCE_S)
    assert current.keeper.history is not None
    current.keeper.history.flush(PATIENCE_S)
    with pytest.raises(CannotRerun, match="another process"):
        current.keeper.find(run.id).rerun()
    with pytest.raises(CannotRerun, match="another process"):
        current.keeper.find(run.id).plan()
    cells.open_gate("go")
    ended(run)


class Brittle:
    """An argument that another kernel cannot read."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_refuse, ())


def _refuse() -> None:
    raise ModuleNotFoundError("No module named 'etl_helpers'")


def test_a_run_whose_flow_cannot_be_read_here_is_looked_at_and_planned(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE)
    cells.execute("@flow\ndef brittle(what):\n    return load.map(range(2))\n")
    run = cells["brittle"].run(Brittle())
    found = current.keeper.find(run.id)
    assert states(found) == {"load[0]": "COMPLETED", "load[1]": "COMPLETED"}
    assert (found.changes, found.plan().headline) == ({}, "0 run, 2 reused")
    with pytest.raises(ResultUnreadable, match="No module named 'etl_helpers'"):
        found.rerun()


def test_who_reads_the_nodes_of_a_recorded_run_loads_none_of_its_arguments(
    cells: Cells, current: Session, kept: RecordedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.execute(LARGE_CURED)
    monkeypatch.setattr(sys.modules["__main__"], "etl", cells["etl"], raising=False)
    monkeypatch.setattr(kept._record, "flow", lambda: pytest.fail("the flow was loaded"))
    assert set(stale(kept)) == {"clean[0]", "clean[2]"}


def test_a_run_that_is_too_many_stays_for_the_one_that_goes_on_from_it(
    cells: Cells, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.execute(PIPELINE + LARGE)
    run = cells["etl"].run()
    other = cells["etl"].run()
    run.release()
    current.keeper.close()
    monkeypatch.setattr(current.settings, "history_keep_runs", 1)
    current._keeper = None
    assert current.keeper.history is not None
    monkeypatch.setattr(current.keeper.history, "begin", lambda *_: None)  # the moment before the rerun is on record
    again = current.keeper.find(run.id).rerun()
    current.keeper._settle()
    ended(again)
    assert states(again)["load[2]"] == "REUSED"
    assert {one.id for one in current.keeper.runs()} == {run.id, other.id}
    assert again.node("load[2]").result() == "2" * 20_000


# --- kernels that are gone ---


@pytest.fixture
def abandoned(current: Session, monkeypatch: pytest.MonkeyPatch) -> RunId:
    """A run of a kernel that is not heard of any more, and has some seconds to be."""
    keeper = Keeper(WfkitSettings())
    assert keeper.history is not None
    keeper.history.begin(a_record())
    keeper.history.append(run_id(), encoded([*begun(), *trivial(2)]))
    keeper.close()
    monkeypatch.setattr(settling, "TURN_S", 5.0)
    return run_id()


def test_who_attaches_to_another_run_does_not_wait_for_a_kernel_that_is_gone(
    abandoned: RunId, cells: Cells, current: Session
) -> None:
    cells.execute(PIPELINE + CURED)
    other = cells["etl"].run()
    assert current.keeper.find(other.id).state == "COMPLETED"
    assert current.keeper.history is not None
    assert current.keeper.history.run(abandoned).state == "RUNNING"


def test_who_lists_runs_waits_once_for_a_kernel_that_is_gone(
    abandoned: RunId, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "TURN_S", 0.5)
    assert [(run.id, run.state) for run in current.keeper.runs()] == [(abandoned, "INTERRUPTED")]


def test_who_attaches_to_a_run_of_a_kernel_that_is_gone_or_goes_on_from_it_finds_it_interrupted(
    abandoned: RunId, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "TURN_S", 0.5)
    last = last_of(current, "etl")
    assert last is not None
    assert (last.id, last.state) == (abandoned, "INTERRUPTED")


# --- without a record ---


def test_without_a_history_runs_are_those_of_the_session() -> None:
    keeper = Keeper(WfkitSettings(history_keep=False))
    assert (keeper.history, keeper.results, keeper.runs()) == (None, None, [])
    with pytest.raises(NoSuchRun, match="There is no run") as refused:
        keeper.find("r-1")
    assert "No history is kept" in str(refused.value)
    keeper.cautions += ["Others can enter the folder. Set WFKIT_HOME to another directory.", "The disk is full."]
    with pytest.raises(NoSuchRun, match=r"another directory; The disk is full\.$"):
        keeper.find("r-1")
    keeper.close()


def test_what_cannot_be_kept_is_a_caution_and_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    keeper = Keeper(WfkitSettings(results_url=str(blocked / "results"), history_url=f"sqlite:///{blocked}/a/b.sqlite"))
    assert (keeper.results, keeper.history) == (None, None)
    assert len(keeper.cautions) == 2
    keeper.close()


def test_a_run_whose_file_of_the_flow_is_lost_goes_on_with_the_flow_that_is_here(
    cells: Cells, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.execute(PIPELINE + "\n@flow\ndef small():\n    return report(load.map(range(3)))\n")
    without, having = cells["small"].run(), cells["etl"].run(4)
    for run in (without, having):
        lose_flow(current, run)
    monkeypatch.setattr(sys.modules["__main__"], "small", cells["small"], raising=False)
    cells.executed()
    again = ended(current.keeper.find(without.id).rerun("report"))
    assert (again.result(), cells.executed()) == (3, ["report"])
    with pytest.raises(CannotRerun, match="The flow `etl` of the run") as refused:
        current.keeper.find(having.id).rerun()
    assert "their file is lost" in refused.value.fix


def lose_flow(current: Session, run: Any) -> None:
    """Delete the stored flow of a run, with its arguments."""
    assert current.results is not None
    files, root = fsspec.core.url_to_fs(current.results.url)  # type: ignore[attr-defined]  # of the real store
    (stored,) = [path for path in files.find(f"{root}/{run.id}") if Path(path).name.startswith("flow")]
    files.rm(stored)


def test_a_flow_that_cannot_be_pickled_is_on_record_and_cannot_be_repeated_elsewhere(
    cells: Cells, current: Session
) -> None:
    cells.execute(PIPELINE + "\nimport threading\nlock = threading.Lock()\n")
    cells.execute("@flow\ndef locked():\n    assert lock\n    return load(1)\n")
    run = cells["locked"].run()
    found = current.keeper.find(run.id)
    assert states(found) == {"load": "COMPLETED"}
    with pytest.raises(CannotRerun, match="is not known here"):
        found.rerun()
    assert ended(run.rerun()).state is RunState.COMPLETED
