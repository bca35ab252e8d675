"""What the session does around the body of a flow cell: opens its run, shows it, waits for it."""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from typing_extensions import override

from wfkit.authoring.contents import MOST_BYTES
from wfkit.authoring.flow import BodyResult, Flow
from wfkit.authoring.handle import Handle
from wfkit.authoring.parameters import bind_parameters, validate_parameters
from wfkit.authoring.pickler import dumps
from wfkit.authoring.secrets import holds_secret, names_secret
from wfkit.authoring.task import refuse_bad_function, task
from wfkit.core.states import RUN_ENDS
from wfkit.engine.driver.lineage import follow
from wfkit.errors import RunIsLive
from wfkit.notebook.arguments import TaskArguments
from wfkit.notebook.body import CellBody
from wfkit.notebook.execution import FlowCell, Shell, can_click
from wfkit.notebook.output import StaticView
from wfkit.notebook.view import FlowView
from wfkit.notebook.waiting import wait_interruptibly
from wfkit.session.launch import BodyOf, ending_of
from wfkit.session.session import Session

if TYPE_CHECKING:
    from wfkit.engine.driver.run import Run


class CellFlowBody:
    """The body of a `%%flow` cell as the body of a flow (authoring.flow.Body)."""

    asynchronous = False

    def __init__(self, body: CellBody, namespace: dict[str, Any], before: Mapping[str, Any] | None = None) -> None:
        self.expressions = body.parameters
        self.code = body.code
        self.source = body.source
        self._body = body
        self._here = namespace
        self._before = before or {}  #: names as they were in the kernel where the cell was executed

    @property
    def _namespace(self) -> dict[str, Any]:
        """The names that the body reads; what is defined here comes first."""
        return {**self._before, **self._here} if self._before else self._here

    def __reduce__(self) -> tuple[object, ...]:
        """For a rerun in another kernel: the cell, and the values of the names that it reads, as far as they are small.

        Each run is kept so, in memory and in the store: data that the cell reads is left out, and missing there. So are
        secrets, and what has the name of one.
        """
        found = self.reads()
        frozen: dict[str, bytes] = {}
        left = MOST_BYTES
        for name, value in found.items():
            payload = _dumped(name, value, left)
            if payload is not None and not holds_secret(payload):
                frozen[name] = payload
                left -= len(payload)
        return (_thawed_body, (self._body, frozen))

    @property
    def signature(self) -> inspect.Signature:
        """The parameters; their expressions are evaluated anew each time."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        values = self._body.evaluate(self._namespace)
        return inspect.Signature([inspect.Parameter(name, kind, default=value) for name, value in values.items()])

    @property
    def hints(self) -> Mapping[str, object]:
        """Each parameter has the type of its default."""
        return _types_of_defaults(self.signature)

    def reads(self) -> dict[str, Any]:
        """The values of the names that the body takes from the notebook."""
        names = self._body.free - self.expressions.keys()
        return {name: self._namespace[name] for name in sorted(names) if name in self._namespace}

    def missing(self) -> list[str]:
        """Names that the body reads and nobody provides."""
        return self._body.missing(self._namespace)

    def execute(self, parameters: Mapping[str, object]) -> BodyResult:
        """Run the body as last executed, in a copy of the notebook's namespace."""
        namespace, value = self._body.run_private(self._namespace, parameters)
        return result_of(self._body, namespace, value, self._body.bound(self._namespace))


def _dumped(name: str, value: object, most_bytes: int) -> bytes | None:
    try:
        payload = dumps(value, most_bytes)  # first: what is too large is not looked through for names
        return None if names_secret({name: value}) else payload
    except Exception:  # noqa: BLE001 - a value that cannot be kept is missing then, and named
        return None


def _thawed_body(body: CellBody, frozen: Mapping[str, bytes]) -> CellFlowBody:
    """The body of a cell of another kernel."""
    names: dict[str, Any] = {}
    for name, payload in frozen.items():
        with suppress(Exception):  # what cannot be loaded here is missing, and named
            names[name] = pickle.loads(payload)  # noqa: S301 - a part of a pickle whose signature was checked
    return CellFlowBody(body, vars(sys.modules["__main__"]), names)


def _types_of_defaults(signature: inspect.Signature) -> dict[str, object]:
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    return {name: type(value) for name, value in defaults.items() if value is not None}


class CellFlow(Flow[..., Any]):
    """The flow that a `%%flow` cell defines."""

    body: CellFlowBody

    def __init__(self, name: str, body: CellFlowBody) -> None:
        super().__init__(name, body)

    @override
    def parameters(self, *args: object, **kwargs: object) -> dict[str, object]:
        """The parameters of a run; each expression after `-p` is evaluated once, those of given ones for their type.

        Raises
        ------
        BadParameter : an argument is unknown or does not validate, or an expression raises
        """
        signature = self.body.signature
        bound = bind_parameters(self.name, signature, args, kwargs)
        return validate_parameters(self.name, signature, _types_of_defaults(signature), bound)

    @override
    def __repr__(self) -> str:
        told = ", ".join(f"{name}={expression}" for name, expression in self.body.expressions.items())
        return f"<Flow {self.name}({told})>"


def result_of(
    body: CellBody, namespace: Mapping[str, Any], last_value: object, before: Mapping[str, Any]
) -> BodyResult:
    """A cell flow's value: its last expression, else the handles that it bound.

    Parameters
    ----------
    before : mapping
        What its names stood for before: a handle that is still there was bound by another run.
    """
    bound = body.bound(namespace).items()
    names = {name: value for name, value in bound if not isinstance(value, Handle) or value is not before.get(name)}
    handles = {name: value for name, value in names.items() if isinstance(value, Handle)}
    return BodyResult(last_value if body.has_last_expression else handles, names)


class NotebookHooks:
    """Joins the cells of a notebook to the session (notebook.cell.CellHooks)."""

    def __init__(self, shell: Shell, session: Session) -> None:
        self._shell = shell
        self._session = session
        self._bodies: dict[FlowCell, BodyOf] = {}
        self._before: dict[FlowCell, dict[str, Any]] = {}  # what the names of a body stood for
        self._views: dict[FlowCell, FlowView | StaticView] = {}
        self._sources: WeakKeyDictionary[Run, str] = WeakKeyDictionary()  # of the cells that opened runs

    def enter(self, cell: FlowCell) -> None:
        """Open the run of a cell, bind the flow's name, show the view.

        Raises
        ------
        RunIsLive : the last run of the flow still runs, and `--again` does not say what to do
        ClusterUnusable : there is no cluster
        """
        self._settle_live_runs(cell)
        flow = CellFlow(cell.arguments.name, CellFlowBody(cell.body, cell.namespace))
        run = self._open(cell, flow)
        try:
            self._sources[run] = cell.body.source
            if caution := self._session.take_caution():
                print(caution)  # noqa: T201 - for the user, in the cell
            if cell.arguments.named:
                cell.namespace[cell.arguments.name] = flow
            self._show(cell, run)
            self._before[cell] = cell.body.bound(cell.namespace)
            self._bodies[cell] = BodyOf(run, flow.body).__enter__()
        except BaseException as error:
            run.fail_body(*ending_of(error, None), {})
            raise

    def leave(self, cell: FlowCell, last_value: object) -> None:
        """The body ran to its end."""
        body = self._bodies[cell]
        body.result = result_of(cell.body, cell.namespace, last_value, self._before.pop(cell, {}))
        body.close()
        follow(dict(body.result.names), body.run)

    def failed(self, cell: FlowCell, error: BaseException, line: int | None) -> None:
        """The body raised or was interrupted."""
        body = self._bodies.pop(cell)
        body.result = result_of(cell.body, cell.namespace, None, self._before.pop(cell, {}))
        body.fail(error, line)
        follow(dict(body.result.names), body.run)
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
        return cast("Any", task)(**arguments.options)(function)  # options come from a parser

    def _open(self, cell: FlowCell, flow: CellFlow) -> Run:
        if cell.arguments.reuse:
            from wfkit.session.reruns import asked_of, last_of, open_rerun  # what most cells do not need

            if (last := last_of(self._session, flow.name)) is not None:
                asked = asked_of(self._session, last, ["changed"], {})
                return open_rerun(self._session, asked, flow, dict(cell.parameters))
        return self._session.new_run(flow, dict(cell.parameters))

    def _show(self, cell: FlowCell, run: Run) -> None:
        if cell.arguments.view and self._session.settings.notebook_view:
            view = self._views[cell] = FlowView(run) if can_click(self._shell) else StaticView(run)
            view.show()
            run.when_ended(view.settle)  # the saved notebook shows the outcome, whoever waited for it

    def _waits(self, cell: FlowCell) -> bool:
        if cell.arguments.wait is not None:
            return cell.arguments.wait
        habit = self._session.settings.notebook_wait
        return habit == "always" or (habit == "auto" and not can_click(self._shell))

    def _settle_live_runs(self, cell: FlowCell) -> None:
        """Do with live runs of the same flow what `--again` says; cells without a name are compared by their text."""
        name, again = cell.arguments.name, cell.arguments.again
        live = [run for run in self._session.runs if run.flow_name == name and run.state not in RUN_ENDS]
        if not cell.arguments.named:
            live = [run for run in live if self._sources.get(run) == cell.body.source]
        if not live or again == "parallel":
            return
        if again is None:
            raise RunIsLive(
                f"`{name}` still runs ({live[-1].id}).", "Use --again cancel or --again parallel, or wait for it."
            )
        for run in live:
            run.cancel("its cell was executed again")
        print("Cancelling the last run first: what runs of it is waited for.", flush=True)  # noqa: T201 - for the user
        for run in live:
            wait_interruptibly(run)
