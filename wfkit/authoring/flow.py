"""Flow: a function or a notebook cell whose calls of tasks make the graph of a run."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, cast, overload

from wfkit.authoring.context import FlowBody, StartedRun, TaskBody, awaiting, in_event_loop, launcher, place
from wfkit.authoring.functions import made_already, yields
from wfkit.authoring.options import FLOW_RULES, checked_options
from wfkit.authoring.parameters import bind_parameters, type_hints, validate_parameters
from wfkit.authoring.resolving import resolved as resolved  # noqa: PLC0414 - the engine finds it here
from wfkit.errors import BadFlow, NotInFlow

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Body(Protocol):
    """What a flow executes: a function, or the source of a cell."""

    @property
    def signature(self) -> inspect.Signature:
        """The parameters."""

    @property
    def hints(self) -> Mapping[str, object]:
        """The annotations of the parameters that have one."""

    @property
    def asynchronous(self) -> bool:
        """Whether executing it gives a coroutine."""

    def execute(self, parameters: Mapping[str, object]) -> BodyResult | object:
        """Run the body; gives its `BodyResult`, or a coroutine of it."""


@dataclass(frozen=True, slots=True)
class BodyResult:
    """What a body leaves behind."""

    value: object
    names: Mapping[str, object]  #: the names it bound, by which its handles are found


class FunctionBody:
    """The body of a function decorated with `@flow`."""

    asynchronous: bool

    def __init__(self, fn: Callable[..., object]) -> None:
        self.fn = fn
        self.signature = inspect.signature(fn)
        self.asynchronous = inspect.iscoroutinefunction(fn)

    @property
    def hints(self) -> Mapping[str, object]:
        """The annotations of the parameters that have one."""
        return type_hints(self.fn)

    def execute(self, parameters: Mapping[str, object]) -> BodyResult | object:
        """Call the function."""
        bound = inspect.BoundArguments(self.signature, OrderedDict(parameters))
        if self.asynchronous:
            return self._await(bound)
        return _result(self.fn(*bound.args, **bound.kwargs))

    async def _await(self, bound: inspect.BoundArguments) -> BodyResult:
        return _result(await cast("Awaitable[object]", self.fn(*bound.args, **bound.kwargs)))


def _result(value: object) -> BodyResult:
    return BodyResult(value, value if isinstance(value, dict) else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOptions:
    """What `@flow(...)` takes.

    Attributes
    ----------
    name, description : str
        Default: the function's name and the first line of its docstring.
    tags : frozenset of str
    validate_parameters : bool
        Check and coerce the parameters by their annotations.
    timeout_seconds : float, optional
        The run is cancelled after this time.
    """

    name: str = ""
    description: str = ""
    tags: frozenset[str] = frozenset()
    validate_parameters: bool = True
    timeout_seconds: float | None = None


class FlowWords(TypedDict, total=False):
    """The options as people write them; the meaning of each is told at `FlowOptions`."""

    name: str
    description: str
    tags: str | Iterable[str]
    validate_parameters: bool
    timeout_seconds: float | None


class Flow(Generic[P, R_co]):
    """Something that can be run: made by `@flow` or by a `%%flow` cell.

    `etl(x)` runs and returns the value; `etl.run(x)` waits and returns the `Run`; `etl.start(x)` returns it at once.

    Attributes
    ----------
    name : str
    options : FlowOptions
    last_run : Run or None
        The newest run, set when it starts.
    """

    def __init__(self, name: str, body: Body, options: FlowOptions | None = None) -> None:
        self.name = name
        self.body = body
        self.options = options or FlowOptions()
        self.last_run: StartedRun | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run and return the value; inside another flow's body, run the body there as a group of its own.

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        FlowFailed : the run failed
        NotInFlow : the call is made inside a task
        """
        here = place()
        self._refuse_in_task(here, "()")
        parameters = self.parameters(*args, **kwargs)
        if isinstance(here, FlowBody):
            return cast("R_co", self._inside(here, parameters))
        if self.body.asynchronous:
            return cast("R_co", self._value_soon(parameters))
        return cast("R_co", launcher().run(self, parameters).result())

    def run(self, *args: P.args, **kwargs: P.kwargs) -> StartedRun:
        """Run the flow and wait for its end, however it ends.

        Returns
        -------
        Run

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        NotInFlow : the call is made inside a task
        """
        self._refuse_in_task(place(), ".run()")
        return launcher().run(self, self.parameters(*args, **kwargs))

    def start(self, *args: P.args, **kwargs: P.kwargs) -> StartedRun:
        """Start the flow, its body in a thread of its own, and return the `Run` at once.

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        NotInFlow : the call is made inside a task
        """
        self._refuse_in_task(place(), ".start()")
        return launcher().start(self, self.parameters(*args, **kwargs))

    def parameters(self, *args: object, **kwargs: object) -> dict[str, object]:
        """The parameters of a run, bound, checked and coerced.

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        """
        signature = self.body.signature
        bound = bind_parameters(self.name, signature, args, kwargs)
        if not self.options.validate_parameters:
            return bound
        return validate_parameters(self.name, signature, self.body.hints, bound)

    def _refuse_in_task(self, here: object, how: str) -> None:
        if isinstance(here, TaskBody):
            raise NotInFlow(
                f"`{self.name}{how}` was called inside the task `{here.task_name}`.",
                "Call the flow in another flow's body, or what it does as a plain function.",
            )

    def _inside(self, here: FlowBody, parameters: dict[str, object]) -> object:
        if self.body.asynchronous:
            if not in_event_loop():
                raise BadFlow(
                    f"The async flow `{self.name}` was called in the body of `{here.flow_name}`, which does not await.",
                    f"Make that an `async def` too, and write `await {self.name}(...)`.",
                )
            return self._inside_async(here, parameters)
        close = here.recorder.subflow(self.name)
        try:
            return cast("BodyResult", self.body.execute(parameters)).value
        finally:
            close()

    async def _inside_async(self, here: FlowBody, parameters: dict[str, object]) -> object:
        close = here.recorder.subflow(self.name)
        try:
            with awaiting(here):
                return (await cast("Awaitable[BodyResult]", self.body.execute(parameters))).value
        finally:
            close()

    async def _value_soon(self, parameters: dict[str, object]) -> object:
        return (await launcher().run_async(self, parameters)).result()

    def __reduce__(self) -> tuple[object, ...]:
        return (Flow, (self.name, self.body, self.options))  # its last run stays where it is

    def __repr__(self) -> str:
        return f"<Flow {self.name}{self.body.signature}>"


@overload
def flow(fn: Callable[P, R_co], /) -> Flow[P, R_co]: ...
@overload
def flow(**options: Unpack[FlowWords]) -> Callable[[Callable[P, R_co]], Flow[P, R_co]]: ...
def flow(fn: Callable[..., object] | None = None, /, **options: Unpack[FlowWords]) -> object:
    """Make a flow of a function; bare or with options.

    Parameters
    ----------
    **options
        `name, description, tags, validate_parameters, timeout_seconds`; see `wfkit.authoring.flow.FlowOptions`.

    Raises
    ------
    BadFlow : what is decorated is not a plain or async function, or an option is unknown or not allowed
    """
    values = checked_options(options, FLOW_RULES, "@flow", BadFlow)
    checked = FlowOptions(**values)  # type: ignore[arg-type]  # the rules know the types

    def make(function: Callable[..., object]) -> Flow[..., object]:
        if made := made_already(function):
            raise BadFlow(made, "Decorate a def.")
        if not inspect.isfunction(function) or yields(function):
            raise BadFlow(f"@flow needs a plain or async function, got {function!r:.80}.", "Decorate a def.")
        description = checked.description or (inspect.getdoc(function) or "").partition("\n")[0]
        options = dataclasses.replace(checked, description=description)
        made_flow = Flow[..., object](checked.name or function.__name__, FunctionBody(function), options)
        functools.update_wrapper(made_flow, function, updated=())
        return made_flow

    return make if fn is None else make(fn)
