"""The widget when somebody acts: it plans, obeys once, and turns to the run that came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from tests.notebook.outputs import Handle
from tests.notebook.stories import monthly, monthly_graph
from tests.notebook.telling import StoryRun, ended, rerun_of, run_finished, run_started, started
from tests.notebook.test_view import Recorded, eventually
from tests.session.cells import CURED, PATIENCE_S, PIPELINE, Cells, states
from tests.session.cells import ended as end_of
from wfkit.authoring.secrets import Secret
from wfkit.core.states import RunState
from wfkit.notebook.acts import StartRerun, Wish
from wfkit.notebook.noticing import NOTICING

FAILED = {"what": "failed"}


@pytest.fixture
def run() -> StoryRun:
    return monthly()


@pytest.fixture
def view(run: StoryRun) -> Iterator[Recorded]:
    made = Recorded(run)
    made.ask(op="hello", have=None)
    assert eventually(lambda: bool(made.told("snapshot")))
    yield made
    made.close()


def about(view: Recorded) -> dict[str, Any]:
    told = view.told("about")
    return told[-1] if told else {}


# --- plans ---


def test_a_plan_is_said_to_be_worked_on_and_then_answered(run: StoryRun, view: Recorded) -> None:
    view.ask(op="plan", request="p1", run=run.id, wish=FAILED)
    assert eventually(lambda: bool(view.told("plan")))
    assert [content["op"] for content in view.told("taken", "plan")] == ["taken", "plan"]
    assert view.told("taken")[0] == {"v": 1, "op": "taken", "request": "p1"}
    assert view.told("plan")[0]["counts"]["run"] == 5
    assert run.reruns == []


def test_of_many_plans_asked_for_at_once_only_the_first_and_the_newest_are_worked_out(
    run: StoryRun, view: Recorded
) -> None:
    with run.lock:  # the first plan waits for it
        for number in range(20):
            wish = {"what": "node", "group": "g1", "index": number % 12}
            view.ask(op="plan", request=f"p{number}", run=run.id, wish=wish)
    assert eventually(lambda: any(content["request"] == "p19" for content in view.told("plan")))
    assert len(view.told("taken")) == 20
    assert len(view.told("plan")) <= 2
    assert eventually(lambda: len(view.told("plan", "error")) == 20)
    assert {content["text"] for content in view.told("error")} == {"Another plan was asked for."}
    assert {content["request"] for content in view.told("plan", "error")} == {f"p{number}" for number in range(20)}


def test_a_wish_of_another_form_is_refused(run: StoryRun, view: Recorded) -> None:
    view.ask(op="rerun", request="r1", run=run.id, wish={"what": "everything"})
    assert view.told("error")[0] == {"v": 1, "op": "error", "text": "There is no such rerun.", "request": "r1"}
    assert run.reruns == []


def test_what_fails_is_answered_under_its_id_without_secrets(
    run: StoryRun, view: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise ValueError("no canary-in-an-error here")

    Secret("canary-in-an-error")
    monkeypatch.setattr("wfkit.notebook.view.answer", fail)
    monkeypatch.setattr(run, "rerun", fail)
    view.ask(op="group", request="q1", group="g1")
    assert view.told("error") == [{"v": 1, "op": "error", "text": "ValueError: no *** here", "request": "q1"}]
    view.ask(op="rerun", request="r1", run=run.id, wish=FAILED)
    assert eventually(lambda: bool(view.told("ack")))
    assert view.told("ack")[0]["text"] == "Could not rerun: ValueError: no *** here"


# --- the view follows ---


def test_a_view_that_is_closed_meanwhile_does_not_follow(run: StoryRun) -> None:
    view = Recorded(run)
    view.close()
    view.turn_to(rerun_of(run))
    view._act(StartRerun("r1", run.id, Wish("failed")))
    assert [content["ok"] for content in view.told("ack")] == [True]
    assert run.watchers == 0


def test_a_rerun_is_started_once_and_shown_with_its_lineage(run: StoryRun, view: Recorded) -> None:
    for _ in range(3):
        view.ask(op="rerun", request="r1", run=run.id, wish=FAILED)
    assert eventually(lambda: bool(view.told("ack")))
    (new,) = run.reruns
    assert eventually(lambda: view.told("snapshot")[-1]["run"]["id"] == new.id)
    assert eventually(lambda: about(view).get("id") == new.id)
    assert about(view)["parent"] == run.id
    assert about(view)["lineage"] == [[run.id, 1, "FAILED"], [new.id, 2, "RUNNING"]]
    new.tell(started(1, 6))
    assert eventually(lambda: view.told("delta")[-1]["run"]["id"] == new.id if view.told("delta") else False)


def test_news_of_the_run_before_are_not_told_any_more(run: StoryRun, view: Recorded) -> None:
    view.turn_to(rerun_of(run))
    assert eventually(lambda: len(view.told("snapshot")) == 2)
    said = len(view.told())
    run.tell(started(0))
    run.reruns[0].tell(started(0))
    assert eventually(lambda: len(view.told()) == said + 1)
    assert view.told("delta")[-1]["run"]["id"] == run.reruns[0].id


def test_a_rerun_started_elsewhere_is_told_of_and_not_shown_unasked(run: StoryRun, view: Recorded) -> None:
    new = rerun_of(run)
    assert eventually(lambda: about(view).get("lineage") == [[run.id, 1, "FAILED"], [new.id, 2, "RUNNING"]])
    assert view.told("snapshot")[-1]["run"]["id"] == run.id
    new.tell(run_finished(RunState.COMPLETED))
    assert eventually(lambda: about(view)["lineage"][1][2] == "COMPLETED")
    view.ask(op="show", request="s1", run=new.id)
    assert eventually(lambda: view.told("snapshot")[-1]["run"]["id"] == new.id)


def test_an_earlier_run_can_be_shown_again_and_asked_about(run: StoryRun, view: Recorded) -> None:
    view.turn_to(rerun_of(run))
    view.ask(op="show", request="s1", run=run.id)
    assert eventually(lambda: view.told("snapshot")[-1]["run"]["state"] == "FAILED")
    view.ask(op="detail", request="d1", group="g1", index=6)
    assert view.told("detail")[-1]["node"]["state"] == "FAILED"


def test_a_browser_that_knows_another_run_gets_a_snapshot_whatever_version_it_has(
    run: StoryRun, view: Recorded
) -> None:
    version, new = run.view_model.version, rerun_of(run)
    view.turn_to(new)
    assert eventually(lambda: len(view.told("snapshot")) == 2)
    while new.view_model.version < version:
        new.tell(started(0))
    assert eventually(lambda: view.told()[-1]["seq"] == version)
    view.ask(op="hello", have=version, run=run.id)
    assert eventually(lambda: len(view.told("snapshot")) == 3)
    view.ask(op="hello", have=version, run=new.id)
    assert view.told()[-1]["op"] == "delta"


def test_each_browser_that_comes_hears_of_the_lineage(run: StoryRun, view: Recorded) -> None:
    rerun_of(run)
    assert eventually(lambda: len(view.told("about")) == 1)
    view.ask(op="hello", have=None)
    assert eventually(lambda: len(view.told("about")) == 2)


def test_the_output_is_settled_with_the_outcome_of_the_run_that_is_shown(run: StoryRun, view: Recorded) -> None:
    handle = view._output._handle = Handle()  # type: ignore[assignment]
    view.settle()
    view.settle()
    new = rerun_of(run)
    view.turn_to(new)
    view.settle()
    new.tell(*(ended(0, index) for index in range(12)), run_finished(RunState.COMPLETED))
    assert eventually(lambda: len(handle.pictures) == 2)
    told = [picture["text/plain"].split()[:2] for picture in handle.pictures]
    assert told == [["monthly", "FAILED"], ["monthly", "COMPLETED"]]


def test_a_closed_view_watches_nothing(run: StoryRun, view: Recorded) -> None:
    new = rerun_of(run)
    view.turn_to(new)
    assert eventually(lambda: about(view).get("id") == new.id)  # the last that is said of the turn
    view.close()
    before = len(view.said)
    run.tell()
    new.tell(started(0))
    assert len(view.said) == before


# --- pins, and code that is newer than the run ---


def test_a_pin_is_told_to_all_browsers(run: StoryRun, view: Recorded) -> None:
    view.ask(op="command", request="c1", name="pin", run=run.id)
    assert eventually(lambda: about(view).get("pinned") is True)
    view.ask(op="command", request="c2", name="unpin", run=run.id)
    assert eventually(lambda: about(view)["pinned"] is False)


def test_changed_code_is_told_when_a_cell_was_executed(run: StoryRun, view: Recorded) -> None:
    run.changes = {"clean": "body of `clean` changed"}
    NOTICING.look()
    assert eventually(lambda: about(view).get("changed") == ["body of `clean` changed"])
    run.changes = {}
    NOTICING.look()
    assert eventually(lambda: about(view)["changed"] == [])


def test_a_run_that_stands_alone_and_is_up_to_date_has_nothing_said_about_it(view: Recorded) -> None:
    view.ask(op="hello", have=None)
    assert eventually(lambda: len(view.told("snapshot")) == 2)
    assert view.told("about") == []


def test_a_part_is_cancelled_once() -> None:
    run = StoryRun(run_started(), monthly_graph())
    view = Recorded(run)
    for _ in range(2):
        view.ask(op="command", request="c1", name="cancel", run=run.id, group="g1", index=3)
    assert eventually(lambda: bool(view.told("ack")))
    assert run.cancelled == ["g1[3]"]
    view.close()


# --- real runs ---


def test_a_fixed_function_is_planned_confirmed_and_only_its_branch_is_executed(cells: Cells, failed: Any) -> None:
    view = Recorded(failed)
    view.ask(op="hello", have=None)
    assert eventually(lambda: bool(view.told("snapshot")))
    cells.execute(CURED)
    NOTICING.look()
    assert eventually(lambda: bool(about(view).get("changed")))
    view.ask(op="plan", request="p1", run=failed.id, wish=FAILED)
    assert eventually(lambda: bool(view.told("plan")))
    plan = view.told("plan")[0]
    assert plan["counts"] == {"run": 3, "reuse": 6, "await": 0, "stale": 2}
    assert plan["why"] == ["2 failed before", "1 depends on them"]
    assert plan["changes"][0].startswith("body of `clean` changed")
    assert cells.executed() == []
    view.ask(op="rerun", request="r1", run=failed.id, wish=FAILED)
    assert eventually(lambda: bool(failed.reruns))
    assert end_of(failed.reruns[0]).result()["summary"] == 60
    assert cells.executed() == ["clean 1", "clean 3", "report"]
    assert eventually(lambda: view.told("snapshot", "delta")[-1]["run"]["state"] == "COMPLETED")
    assert view.told("snapshot", "delta")[-1]["run"]["id"] == failed.reruns[0].id
    view.close()


def test_a_value_by_hand_stands_for_a_failed_element(cells: Cells, failed: Any) -> None:
    view = Recorded(failed)
    view.ask(op="hello", have=None)
    assert eventually(lambda: bool(view.told("snapshot")))
    group = failed.view_model.by_name("clean")[0].spec.id
    wish = {"what": "value", "group": group, "index": 1, "value": "100"}
    view.ask(op="rerun", request="r1", run=failed.id, wish=wish)
    assert eventually(lambda: bool(failed.reruns))
    new = end_of(failed.reruns[0])
    assert new.node("clean[1]").result() == 100
    assert cells.executed() == ["clean 3"], "the other failure is tried again"
    view.close()


def test_what_keeps_a_rerun_from_starting_is_told_and_the_view_stays(cells: Cells, failed: Any) -> None:
    view = Recorded(failed)
    failed.flow = None
    view.ask(op="rerun", request="r1", run=failed.id, wish=FAILED)
    assert eventually(lambda: bool(view.told("ack")))
    answer = view.told("ack")[0]
    assert answer["ok"] is False
    assert answer["text"] == f"The flow `etl` of the run {failed.id} is not known here. Define it again."
    assert failed.reruns == []
    view.close()


def groups_told(view: Recorded) -> dict[str, str]:
    """Ids of the groups that a browser knows by now, by name."""
    told = [group for content in view.told("snapshot", "delta") for group in content["groups"]]
    return {group["name"]: group["id"] for group in told if "name" in group}


def test_a_map_is_cancelled_while_the_run_goes_on(cells: Cells) -> None:
    cells.execute(PIPELINE + CURED.replace("return", "wait_for(f'clean{x}')\n    return"))
    run = cells["etl"].start()
    view = Recorded(run)
    view.ask(op="hello", have=None)
    assert eventually(lambda: "clean" in groups_told(view))
    view.ask(op="command", request="c1", name="cancel", run=run.id, group=groups_told(view)["clean"], index=None)
    assert eventually(lambda: bool(view.told("ack")), 10)
    assert view.told("ack")[0]["text"].startswith("Cancelling `clean`: ")
    assert run.until(lambda: "CANCELLED" in states(run).values(), PATIENCE_S)
    for index in range(4):
        cells.open_gate(f"clean{index}")
    assert end_of(run).state is not RunState.COMPLETED
    assert "CANCELLED" in {row.state.value for row in run.nodes if row.name.startswith("clean")}
    view.close()
