"""Hooks: what a `%%flow` cell does to the session, with runs that need no cluster."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.notebook.shells import Lab
from tests.notebook.telling import StoryRun, run_finished, run_started
from tests.notebook.test_body import body as body_of
from wfkit.authoring import context, secrets
from wfkit.authoring.pickler import dumps
from wfkit.authoring.secrets import Secret
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.errors import BadParameter, FlowFailed
from wfkit.notebook import hooks as module
from wfkit.notebook.cell import install
from wfkit.notebook.hooks import CellFlow, CellFlowBody, NotebookHooks
from wfkit.session.settings import WfkitSettings


class ToyRun(StoryRun):
    """A run that ends with its body; if `held`, when a test says so."""

    def __init__(self, flow_name: str, held: bool) -> None:
        super().__init__(run_started(flow_name))
        self.flow_name, self.held = flow_name, held
        self.body: tuple[Any, ...] = ()

    def close_body(self, value: object, names: Any) -> None:
        self.body = ("closed", value, dict(names))
        if not self.held:
            self.end(RunState.COMPLETED)

    def fail_body(self, state: RunState, reason: str, names: Any) -> None:
        self.body = ("failed", state, reason, sorted(names))
        self.end(state, reason)

    def end(self, state: RunState, reason: str = "") -> None:
        self.tell(run_finished(state, reason=reason))

    def cancel(self, reason: str = "") -> None:
        self.cancelled.append(reason)
        self.end(RunState.CANCELLED)

    def until(self, reached: Any, timeout: float | None) -> bool:
        assert self.state in RUN_ENDS, "a test would wait for ever"
        return True

    def when_ended(self, callback: Callable[[], None]) -> None:
        if self.state in RUN_ENDS:
            callback()

    def raise_if_failed(self) -> None:
        if self.state is not RunState.COMPLETED:
            raise FlowFailed(f"{self.flow_name} ended {self.state}.")


class ToySession:
    """Opens toy runs."""

    def __init__(self) -> None:
        self.settings = WfkitSettings(notebook_view=False)
        self.runs: list[ToyRun] = []
        self.parameters: list[dict[str, object]] = []
        self.held = False
        self.caution = ""

    def new_run(self, flow: Any, parameters: dict[str, object]) -> ToyRun:
        run = flow._last_run = ToyRun(flow.name, self.held)
        self.runs.append(run)
        self.parameters.append(parameters)
        return run

    def take_caution(self) -> str:
        caution, self.caution = self.caution, ""
        return caution


@pytest.fixture
def current() -> ToySession:
    return ToySession()


@pytest.fixture
def cells(lab: Lab, current: ToySession) -> Iterator[Lab]:
    """A shell whose cells open toy runs."""
    session: Any = current
    uninstall = install(lab.shell, NotebookHooks(lab.shell, session))
    yield lab
    uninstall()
    lab.__init__(lab.shell)  # type: ignore[misc]
    assert context._OPEN == [], "every body was closed"


def test_a_cell_opens_a_run_binds_its_flow_and_closes_the_body(cells: Lab, current: ToySession) -> None:
    assert cells.run("%%flow monthly -p n=(1 + 1)\nx = n\nx * 3").result == 6
    (run,) = current.runs
    assert current.parameters == [{"n": 2}]
    assert run.body == ("closed", 6, {"x": 2})
    assert cells.names["monthly"].last_run is run
    assert repr(cells.names["monthly"]) == "<Flow monthly(n=(1 + 1))>"


def test_a_cell_without_a_name_binds_none(cells: Lab, current: ToySession) -> None:
    cells.run("%%flow\n1")
    assert "flow" not in cells.names
    assert current.runs[0].flow_name == "flow"


def test_a_body_that_raises_fails_its_run_at_the_line(cells: Lab, current: ToySession) -> None:
    result = cells.run("%%flow monthly\nx = 1\n1 / 0")
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert current.runs[0].body == (
        "failed",
        RunState.FAILED,
        "ZeroDivisionError: division by zero (body, line 3)",
        ["x"],
    )


def test_a_body_that_is_interrupted_ends_its_run_interrupted(cells: Lab, current: ToySession) -> None:
    result = cells.run("%%flow monthly\nraise KeyboardInterrupt")
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    assert current.runs[0].body[1:3] == (RunState.INTERRUPTED, "interrupted (body, line 2)")


def test_a_failed_run_is_raised_where_the_cell_waits(cells: Lab, current: ToySession) -> None:
    cells.names["fail"] = lambda: current.runs[-1].end(RunState.FAILED)
    result = cells.run("%%flow monthly\nfail()")  # outside a kernel nobody can click
    assert isinstance(result.error_in_exec, FlowFailed)


@pytest.mark.parametrize(("habit", "waits"), [("auto", True), ("always", True), ("never", False)])
def test_whether_a_cell_waits_is_a_habit(cells: Lab, current: ToySession, habit: str, waits: bool) -> None:
    current.settings.notebook_wait = habit
    cells.names["fail"] = lambda: current.runs[-1].end(RunState.FAILED)
    assert (cells.run("%%flow monthly\nfail()").error_in_exec is not None) is waits
    assert cells.run("%%flow monthly --wait\nfail()").error_in_exec is not None
    assert cells.run("%%flow monthly --no-wait\nfail()").error_in_exec is None


def test_a_live_run_refuses_another_unless_told(
    cells: Lab, current: ToySession, capsys: pytest.CaptureFixture[str]
) -> None:
    current.held = True
    cells.run("%%flow monthly --no-wait\n1")
    assert type(cells.run("%%flow monthly --no-wait\nran = True").error_in_exec).__name__ == "RunIsLive"
    assert "ran" not in cells.names
    assert len(current.runs) == 1
    cells.run("%%flow monthly --no-wait --again parallel\n1")
    cells.run("%%flow other --no-wait\n1")
    assert len(current.runs) == 3
    capsys.readouterr()
    cells.run("%%flow monthly --no-wait --again cancel\npass")
    assert [run.cancelled for run in current.runs] == [["its cell was executed again"]] * 2 + [[], []]
    assert capsys.readouterr().out == "Cancelling the last run first: what runs of it is waited for.\n"


def test_cells_without_a_name_are_the_same_flow_if_their_text_is(cells: Lab, current: ToySession) -> None:
    current.held = True
    cells.run("%%flow --no-wait\n1")
    cells.run("%%flow --no-wait\n2")
    assert type(cells.run("%%flow --no-wait\n1").error_in_exec).__name__ == "RunIsLive"
    assert len(current.runs) == 2


def test_a_caution_is_printed_above_the_body(
    cells: Lab, current: ToySession, capsys: pytest.CaptureFixture[str]
) -> None:
    current.caution = "beware"
    cells.run("%%flow monthly\nprint('body')")
    cells.run("%%flow monthly\nprint('body')")
    assert capsys.readouterr().out == "beware\nbody\nbody\n"


@pytest.mark.parametrize(("click", "kind"), [(True, "FlowView"), (False, "StaticView")])
def test_the_view_is_a_widget_only_where_somebody_can_click(
    cells: Lab, current: ToySession, monkeypatch: pytest.MonkeyPatch, click: bool, kind: str
) -> None:
    shown: list[str] = []

    def view(name: str) -> Any:
        return lambda run: SimpleNamespace(show=lambda: shown.append(name), settle=lambda: shown.append("settled"))

    monkeypatch.setattr(module, "FlowView", view("FlowView"))
    monkeypatch.setattr(module, "StaticView", view("StaticView"))
    monkeypatch.setattr(module, "can_click", lambda _: click)
    current.settings.notebook_view = True
    cells.run("%%flow monthly --wait\n1")
    cells.run("%%flow monthly --no-view\n1")
    assert (shown[0], set(shown[1:])) == (kind, {"settled"})


def test_a_view_that_cannot_be_shown_does_not_leave_a_run_open(
    cells: Lab, current: ToySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run: Any) -> Any:
        raise OSError("no front end")

    monkeypatch.setattr(module, "StaticView", broken)
    current.settings.notebook_view = True
    result = cells.run("%%flow monthly\nran = True")
    assert isinstance(result.error_in_exec, OSError)
    assert "ran" not in cells.names
    assert current.runs[0].body == ("failed", RunState.FAILED, "OSError: no front end (body)", [])


def test_parameters_of_a_later_run_are_coerced_and_evaluated_once_a_run(cells: Lab) -> None:
    cells.run("import itertools; numbers = itertools.count(1)")
    cells.run("%%flow monthly -p n=next(numbers) -p s='a' -p o=None\nn")
    flow = cells.names["monthly"]
    assert isinstance(flow, CellFlow)
    assert [flow.parameters()["n"], flow.parameters()["n"]] == [2, 3]
    assert repr(flow) == "<Flow monthly(n=next(numbers), s='a', o=None)>"
    assert flow.parameters(n="7", o=[1]) == {"n": 7, "s": "a", "o": [1]}
    with pytest.raises(BadParameter, match="`n` of the flow `monthly` got 'x'"):
        flow.parameters(n="x")
    with pytest.raises(BadParameter, match="unexpected keyword argument 'm'"):
        flow.parameters(m=1)
    assert set(flow.body.signature.parameters) == set(flow.body.hints) | {"o"} == {"n", "s", "o"}


def test_a_cell_flow_runs_again_in_a_namespace_of_its_own(cells: Lab) -> None:
    cells.run("%%flow monthly -p n=1\nx = n + 1\nx")
    flow = cells.names["monthly"]
    result = flow.body.execute({"n": 5})
    assert (result.value, result.names) == (6, {"x": 6})
    assert cells.names["x"] == 2


def test_a_task_cell_makes_a_task(cells: Lab) -> None:
    cells.run("%%task add(a, b=2) --retries 3 --tags x,y\na + b")
    task = cells.names["add"]
    assert (task(1), task.options.retries, task.options.tags) == (3, 3, frozenset({"x", "y"}))
    assert type(cells.run("%%task gen(a)\nyield a").error_in_exec).__name__ == "BadTask"


def test_data_that_a_cell_reads_is_not_kept_for_other_kernels_and_missing_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {"frame": bytes(90_000), "limit": 3, "more": bytes(90_000), "table": bytes(200_000)}
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)
    kept = CellFlowBody(body_of("frame, limit, more, table"), names)
    elsewhere = pickle.loads(dumps(kept))
    assert kept.missing() == []
    assert elsewhere.missing() == ["more", "table"], "each may be small, and all together too large"


class Watched:
    """A value that notices who looks at it."""

    looks = 0

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        Watched.looks += 1
        return Watched


def test_data_that_is_too_large_to_be_kept_is_not_looked_through_for_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)
    names = {"rows": [bytes(200_000), {"id": Watched()}]}
    assert pickle.loads(dumps(CellFlowBody(body_of("rows"), names))).missing() == ["rows"]
    assert Watched.looks == 0


def test_secrets_that_a_cell_reads_are_not_kept_for_other_kernels_and_missing_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(secrets, "_REDACTOR", list(secrets._REDACTOR))
    monkeypatch.setattr(secrets, "_VALUES", dict(secrets._VALUES))
    names = {"api_token": "canary", "key": Secret("a-canary"), "limit": 3, "text": "with a-canary", "secret": None}
    payload = dumps(CellFlowBody(body_of("api_token, key, limit, text, secret"), names))
    assert b"canary" not in payload
    assert pickle.loads(payload).missing() == ["api_token", "key", "text"]
