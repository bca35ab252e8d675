"""The widget, and the magics, on a run from the record: of another kernel, or of before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.notebook.shells import Lab
from tests.notebook.test_view import Recorded, eventually
from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells
from tests.session.cells import ended as end_of
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.notebook.arguments import FlowCommand
from wfkit.notebook.commands import make_magics, told
from wfkit.notebook.extension import load
from wfkit.notebook.view import FlowView
from wfkit.session.session import Session


@pytest.fixture
def known(failed: Any, current: Session) -> RecordedRun:
    """A run in which two elements failed, as another kernel finds it."""
    failed.release()
    current.runs.clear()
    return current.keeper.find(failed.id)


@pytest.fixture
def view(known: RecordedRun) -> Iterator[Recorded]:
    made = Recorded(known)  # type: ignore[arg-type]  # any run that is watched
    made.ask(op="hello", have=None)
    assert eventually(lambda: bool(made.told("snapshot")))
    yield made
    made.close()


def test_a_run_from_the_record_gives_its_view(known: RecordedRun) -> None:
    view = known.view()
    assert isinstance(view, FlowView)
    (data, _) = view._repr_mimebundle_() or ({}, {})
    assert data["text/plain"].startswith("etl FAILED")
    view.close()


def test_it_is_shown_asked_about_planned_and_gone_on_from(
    cells: Cells, known: RecordedRun, view: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = view.told("snapshot")[0]
    assert (snapshot["run"]["state"], [card["name"] for card in snapshot["groups"]]) == (
        "FAILED",
        ["load", "clean", "report"],
    )
    view.ask(op="detail", request="d", group="g2", index=1)
    assert view.told("detail")[0]["node"]["name"] == "clean[1]"
    view.ask(op="command", request="pin", name="pin")
    assert eventually(lambda: bool(view.told("ack")))
    assert known.pinned
    assert eventually(lambda: any(about["pinned"] for about in view.told("about")))
    cells.execute(CURED)
    monkeypatch.setattr(sys.modules["__main__"], "etl", cells["etl"], raising=False)
    view.ask(op="plan", request="p", run=known.id, wish={"what": "failed"})
    assert eventually(lambda: bool(view.told("plan")))
    assert view.told("plan")[0]["counts"]["run"] == 3
    view.ask(op="rerun", request="r", run=known.id, wish={"what": "failed"})
    assert eventually(lambda: len(view.told("snapshot")) == 2)
    again = view.told("snapshot")[1]["run"]["id"]
    assert again > known.id
    assert eventually(lambda: view.told("snapshot", "delta")[-1]["run"]["state"] == "COMPLETED", PATIENCE_S)


def test_a_run_that_goes_on_elsewhere_is_followed_to_its_end(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE + CURED.replace("return", "wait_for('go')\n    return"))
    run = cells["etl"].start()
    assert run.until(lambda: cells.has_begun("clean"), PATIENCE_S)
    view = Recorded(current.keeper.find(run.id))  # type: ignore[arg-type]  # any run that is watched
    view.ask(op="hello", have=None)
    assert eventually(lambda: bool(view.told("snapshot")))
    assert view.told("snapshot")[0]["run"]["state"] == "RUNNING"
    view.ask(op="command", request="c", name="cancel")
    assert eventually(lambda: bool(view.told("ack")))
    assert "is driven by another process" in view.told("ack")[0]["text"]
    cells.open_gate("go")
    end_of(run)
    assert eventually(lambda: view.told("snapshot", "delta")[-1]["run"]["state"] == "COMPLETED", PATIENCE_S)
    view.close()


def test_the_magics_take_the_id_of_a_run_on_record(
    known: RecordedRun, current: Session, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(current, FlowCommand("logs", known.id)) == "Nothing was logged."
    assert "holds nothing in cluster memory" in told(current, FlowCommand("release", known.id))
    assert told(current, FlowCommand("cancel", known.id)).endswith("of etl has ended already: FAILED.")
    magics = {(kind, name): magic for kind, name, magic in make_magics(current)}
    magics["line", "flow"](f"show {known.id}")
    assert capsys.readouterr().out.startswith("etl FAILED in")


def test_it_is_displayed_like_a_run_that_goes_on_here_and_in_a_list_in_one_line(
    bare: Any, failed: Any, known: RecordedRun
) -> None:
    load(bare)
    format_of = bare.display_formatter.format
    shown, live, listed = (format_of(thing)[0] for thing in (known, failed, [known]))
    assert shown == live
    assert shown["text/plain"].startswith("etl FAILED in ")
    assert "etl FAILED in" in shown["text/html"]
    (line,) = listed["text/plain"].splitlines()
    assert line.startswith(f"[<Run {known.id} of etl FAILED in ")
    assert line.endswith("6 completed, 2 failed, 1 upstream failed>]")
