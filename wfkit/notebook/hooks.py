"""What the session does around the body of a flow cell: opens its run, shows it, waits for it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import FunctionType
from typing import Any, Final

from wfkit.authoring.flow import BodyResult, Flow
from wfkit.authoring.handle import Handle
from wfkit.authoring.task import refuse_bad_function, task
from wfkit.core.states import RUN_ENDS
from wfkit.engine.driver.run import Run
from wfkit.errors import RunIsLive
from wfkit.notebook.arguments import TaskArguments
from wfkit.notebook.body import CellBody
from wfkit.notebook.execution import FlowCell, Shell, can_click, is_interrupt
from wfkit.notebook.view import FlowView
from wfkit.session.launch import BodyOf
from wfkit.session.session import Session

#: How long a cell lingers after a first interrupt, for a second one that cancels the run.
LINGER_S: Final = 2.0


class CellFlowBody:
    """The body of a `%%flow` cell as the body of a flow (authoring.flow.Body)."""

    asynchronous = False

    def __init__(self, body: CellBody, namespace: dict[str, Any]) -> None:
        self._body = body
        self._namespace = namespace

    @property
    def signature(self) -> inspect.Signature:
        """The parameters; their expressions are evaluated anew each time."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        values = self._body.evaluate(self._namespace)
        return inspect.Signature([inspect.Parameter(name, kind, default=value) for name, value in values.items()])

    @property
    def hints(self) -> Mapping[str, object]:
        """Each parameter has the type of its default."""
        defaults = {name: parameter.default for name, parameter in self.signature.parameters.items()}
        return {name: type(value) for name, value in defaults.items() if value is not None}

    def execute(self, parameters: Mapping[str, object]) -> BodyResult:
        """Run the body as last executed, in a copy of the notebook's namespace."""
        namespace, value = self._body.run_private(self._namespace, parameters)
        return result_of(self._body, namespace, value)


def result_of(body: CellBody, namespace: Mapping[str, Any], last_value: object) -> BodyResult:
    """A cell flow's value: its last expression, else the handles that it bound."""
    names = body.bound(namespace)
    handles = {name: value for name, value in names.items() if isinstance(value, Handle)}
    return BodyResult(last_value if body.has_last_expression else handles, names)


class NotebookHooks:
    """Joins the cells of a notebook to the session (notebook.cell.CellHooks)."""

    def __init__(self, shell: Shell, session: Session) -> None:
        self._shell = shell
        self._session = session
        self._bodies: dict[FlowCell, BodyOf] = {}
        self._views: dict[FlowCell, FlowView] = {}
        self._cautioned: set[str] = set()

    def enter(self, cell: FlowCell) -> None:
        """Open the run of a cell, bind the flow's name, show the view.

        Raises
        ------
        RunIsLive : the last run of the flow still runs, and `--again` does not say what to do
        ClusterUnusable : there is no cluster
        """
        name = cell.arguments.name
        self._settle_live_run(name, cell.arguments.again)
        flow: Flow[..., Any] = Flow(name, CellFlowBody(cell.body, cell.namespace))
        self._caution()
        run = self._session.new_run(flow, dict(cell.parameters))
        body = self._bodies[cell] = BodyOf(run)
        if cell.arguments.named:
            cell.namespace[name] = flow
        if cell.arguments.view and self._session.settings.notebook_view:
            view = self._views[cell] = FlowView(run)
            view.show()
        body.__enter__()

    def leave(self, cell: FlowCell, last_value: object) -> None:
        """The body ran to its end."""
        body = self._bodies[cell]
        body.result = result_of(cell.body, cell.namespace, last_value)
        body.close()

    def failed(self, cell: FlowCell, error: BaseException, line: int | None) -> None:
        """The body raised or was interrupted."""
        body = self._bodies.pop(cell)
        body.result = result_of(cell.body, cell.namespace, None)
        body.fail(KeyboardInterrupt() if is_interrupt(error) else error, line)
        self._views.pop(cell, None)

    def wait(self, cell: FlowCell) -> None:
        """Wait for the run where nobody can click, or where the user asked for it.

        Raises
        ------
        FlowFailed : it was waited for and did not end COMPLETED
        KeyboardInterrupt : the user interrupted the wait; the run goes on, or was cancelled by a second interrupt
        """
        run, view = self._bodies.pop(cell).run, self._views.pop(cell, None)
        if self._waits(cell):
            try:
                wait_interruptibly(run)
            finally:
                if view is not None:
                    view.settle()
            run.raise_if_failed()

    def define(self, function: FunctionType, arguments: TaskArguments) -> object:
        """Make the task of a `%%task` cell."""
        refuse_bad_function(function)
        return task(**arguments.options)(function)

    def _waits(self, cell: FlowCell) -> bool:
        if cell.arguments.wait is not None:
            return cell.arguments.wait
        habit = self._session.settings.notebook_wait
        return habit == "always" or (habit == "auto" and not can_click(self._shell))

    def _settle_live_run(self, name: str, again: str | None) -> None:
        live = [run for run in self._session.runs if run.flow_name == name and run.state not in RUN_ENDS]
        if not live or again == "parallel":
            return
        if again is None:
            raise RunIsLive(
                f"`{name}` still runs ({live[-1].id}).", "Use --again cancel or --again parallel, or wait for it."
            )
        for run in live:
            run.cancel("its cell was executed again")
        for run in live:
            run.wait()

    def _caution(self) -> None:
        """Say once of each adopted cluster what is not guaranteed on it."""
        facts = self._session.facts()
        if facts.caution and facts.address not in self._cautioned:
            self._cautioned.add(facts.address)
            print(facts.caution)  # noqa: T201 - for the user, in the cell


def wait_interruptibly(run: Run) -> None:
    """Wait for a run; an interrupt ends the wait after a moment, a second one within it cancels the run.

    Raises
    ------
    KeyboardInterrupt : the user interrupted
    """
    try:
        run.wait()
    except KeyboardInterrupt:
        print(f"The run goes on. Interrupt again within {LINGER_S:g} s to cancel it.", flush=True)  # noqa: T201 - for the user, in the cell
        try:
            run.until(lambda: run.state in RUN_ENDS, LINGER_S)
        except KeyboardInterrupt:
            run.cancel("interrupted twice")
            print("Cancelling the run.", flush=True)  # noqa: T201 - for the user, in the cell
        raise
