"""Runs of this session and of others, found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wfkit import attach, runs, task
from wfkit.authoring.flow import flow
from wfkit.core.ids import RunId
from wfkit.core.snapshot import snapshot
from wfkit.core.states import RunState
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.errors import BadParameter, FlowFailed, NoSuchRun
from wfkit.session.lookup import record_of
from wfkit.session.session import Session


@task
def inc(x: Any) -> Any:
    if x == 13:
        raise ValueError(x)
    return x + 1


@flow(tags={"nightly"})
def etl(n: int = 2) -> Any:
    return inc.map(range(n))


@flow
def other(x: int) -> Any:
    return inc(x)


def test_runs_of_this_session_are_the_runs_themselves_newest_first(current: Session) -> None:
    first: Any = etl.run()
    second: Any = etl.run()
    assert runs() == [second, first]
    assert attach(first.id) is attach(first.id[:-1]) is first


def test_runs_are_filtered_and_paged(current: Session) -> None:
    made = [etl.run(), other.run(700_700_700), other.run(13)]
    ids = [run.id for run in made]  # type: ignore[attr-defined]
    assert [run.id for run in runs(flow="other")] == [ids[2], ids[1]]
    assert [run.id for run in runs(state="FAILED")] == [ids[2]]
    assert [run.id for run in runs(tags={"nightly"})] == [ids[0]]
    assert [run.id for run in runs(text="700700700")] == [ids[1]]
    assert [run.id for run in runs(limit=1)] == [ids[2]]
    assert [run.id for run in runs(limit=1, before=ids[2])] == [ids[1]]
    with pytest.raises(BadParameter, match=r"state='ENDED' is not allowed\. It takes one of .*COMPLETED"):
        runs(state="ENDED")
    with pytest.raises(BadParameter, match=r"limit=0 is not allowed\. It takes whole numbers from 1 to 500"):
        runs(limit=0)


def test_a_run_of_another_session_is_read_from_the_record(current: Session) -> None:
    made: Any = other.run(13)
    current.keeper.close()
    current._keeper = None
    current.runs.clear()
    found: Any = attach(made.id[:20])
    assert isinstance(found, RecordedRun)
    assert (found.state, found.flow_name) == (RunState.FAILED, "other")
    assert [(row.name, row.state, row.reason) for row in found.nodes] == [
        (row.name, row.state, row.reason) for row in made.nodes
    ]
    assert isinstance(found.node("inc").exception(), ValueError)
    assert snapshot(found.view_model) == snapshot(made.view_model)
    with pytest.raises(FlowFailed):
        found.result()


def test_values_of_a_run_on_record_are_those_of_the_run(current: Session) -> None:
    made: Any = etl.run(3)
    value = made.result()
    current.keeper.close()
    current._keeper = None
    current.runs.clear()
    found: Any = attach(made.id)
    assert found.result() == value == [1, 2, 3]
    assert found.node("inc[1]").result() == 2


def test_what_is_not_there_is_named(current: Session) -> None:
    with pytest.raises(NoSuchRun, match="r-nope"):
        attach("r-nope")


def test_what_is_on_record_about_a_run_is_in_its_report_also_from_another_process(
    current: Session, tmp_path: Path
) -> None:
    made: Any = other.run(13)
    record = record_of(made.id)
    assert record is not None
    assert record.host
    current.keeper.close()
    current._keeper = None
    current.runs.clear()
    page = attach(made.id).report(tmp_path / "x.html").read_text(encoding="utf-8")
    for told in (made.id, record.host, record.environment["dask"], "inc</strong> FAILED"):
        assert told in page
    assert record_of(RunId("r-nobody")) is None
