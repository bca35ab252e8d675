"""Flow: a function or a notebook cell whose calls of tasks make the graph of a run."""

from __future__ import annotations

import builtins
import dataclasses
import functools
import inspect
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, cast, overload

from wfkit.authoring import branches
from wfkit.authoring.context import (
    FlowBody,
    StartedRun,
    in_event_loop,
    launcher,
    newest_run,
    place,
    recorder_here,
    task_here,
    within,
)
from wfkit.authoring.functions import made_already, yields
from wfkit.authoring.handle import Handle
from wfkit.authoring.lookups import bound_names, caught_lookups, global_lookups
from wfkit.authoring.mapping import Mapped, in_order, mapped_arguments, positional_names
from wfkit.authoring.options import FLOW_RULES, checked_options
from wfkit.authoring.parameters import bind_parameters, type_hints, validate_parameters
from wfkit.authoring.resolving import resolved as resolved  # noqa: PLC0414 - the engine finds it here
from wfkit.authoring.task import Task
from wfkit.errors import BadFlow, BadParameter, NotInFlow, NotMappable

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

    def missing(self) -> list[str]:
        """Names that the body reads and nobody provides, in alphabetical order."""

    def reads(self) -> Mapping[str, object]:
        """The values of the names that it takes from around it."""

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

    def missing(self) -> list[str]:
        """Names that the function reads and nobody provides, in alphabetical order."""
        code, known = self.fn.__code__, self.fn.__globals__
        read = global_lookups(code).keys() - bound_names(code) - caught_lookups(code)
        return sorted(name for name in read if name not in known and not hasattr(builtins, name))

    def reads(self) -> Mapping[str, object]:
        """The values of the names that it takes from around it."""
        found = inspect.getclosurevars(inspect.unwrap(self.fn))
        return {**found.globals, **found.nonlocals}

    def execute(self, parameters: Mapping[str, object]) -> BodyResult | object:
        """Call the function."""
        bound = inspect.BoundArguments(self.signature, OrderedDict(parameters))
        if self.asynchronous:
            return self._await(bound)
        return _result(self.fn(*bound.args, **bound.kwargs))

    async def _await(self, bound: inspect.BoundArguments) -> BodyResult:
        return _result(await cast("Awaitable[object]", self.fn(*bound.args, **bound.kwargs)))


async def _soon(value: object) -> object:
    return value


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
    """

    def __init__(self, name: str, body: Body, options: FlowOptions | None = None) -> None:
        self.name = name
        self.body = body
        self.options = options or FlowOptions()
        self._last_run: StartedRun | None = None  # set when it starts

    @property
    def last_run(self) -> StartedRun | None:
        """The newest run; where the flow was defined again since, that of the flow of this name in the session."""
        return self._last_run or newest_run(self.name)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run and return the value; in the body of another flow or of a task, run the body there as a group of its own.

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        FlowFailed : the run failed
        NotInFlow : the call is made in a task that cannot spawn
        """
        part = self._part() if place() is not None or task_here() is not None else None
        parameters = self.parameters(*args, **kwargs)
        if part is not None:
            execute = self._execute_soon if self.body.asynchronous else self._execute
            return cast("R_co", execute(part, parameters, self.name, parameters))
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
        self._refuse_in_task(".run()")
        return launcher().run(self, self.parameters(*args, **kwargs))

    def start(self, *args: P.args, **kwargs: P.kwargs) -> StartedRun:
        """Start the flow, its body in a thread of its own, and return the `Run` at once.

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        NotInFlow : the call is made inside a task
        """
        self._refuse_in_task(".start()")
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

    def _part(self, method: str = "") -> FlowBody:
        """The part of the body around this call in which ours is executed."""
        recorder = recorder_here(f"`{self.name}{method}()`", "do what the flow does in a plain function")
        here, task = place(), task_here()
        part = here if isinstance(here, FlowBody) else FlowBody(recorder, self.name, task=task)
        if not self.body.asynchronous:
            return part
        if not in_event_loop():
            around = task.task_name if task else part.flow_name
            raise BadFlow(
                f"The async flow `{self.name}` was called in the body of `{around}`, which does not await.",
                f"Make that an `async def` too, and write `await {self.name}{method}(...)`.",
            )
        return dataclasses.replace(part, asynchronous=True)

    def _refuse_in_task(self, how: str) -> None:
        if (task := task_here()) is not None:
            raise NotInFlow(
                f"`{self.name}{how}` was called inside the task `{task.task_name}`.",
                f"Write `{self.name}(...)`: it runs the flow's body as a part of the task's run.",
            )

    def _execute(
        self,
        part: FlowBody,
        parameters: dict[str, object],
        name: str,
        given: Mapping[str, object],
        branch: int | None = None,
    ) -> object:
        close = part.recorder.subflow(name, given, branch)
        try:
            with within(part):
                return cast("BodyResult", self.body.execute(parameters)).value
        finally:
            close()

    async def _execute_soon(
        self,
        part: FlowBody,
        parameters: dict[str, object],
        name: str,
        given: Mapping[str, object],
        branch: int | None = None,
    ) -> object:
        close = part.recorder.subflow(name, given, branch)
        try:
            with within(part):
                return (await cast("Awaitable[BodyResult]", self.body.execute(parameters))).value
        finally:
            close()

    def map(self, *iterables: object, **kwargs: object) -> list[R_co] | Handle:
        """Run the body once for each item: each a branch, the unit of depth-first order and of grouping.

        In the body of a flow or a task. A branch may not block: what needs a value is a task.

        Parameters
        ----------
        *iterables, **kwargs
            One value per parameter of the flow, as for `Task.map`. `unmapped(x)` passes x whole to every branch.

        Returns
        -------
        list or Handle
            What the bodies returned, their handles unresolved. Over a handle whose length is not known yet: at once a
            handle of that list. Of an async flow: to be awaited.

        Raises
        ------
        NotInFlow : neither a flow nor a task is open here
        MapLengthMismatch, NotMappable, TooManyTasks : as for `Task.map`
        BadParameter : the parameters of a branch are missing, unknown, or do not validate; the message names the item
        """
        part = self._part(".map")
        signature = self.body.signature
        mapped = mapped_arguments(self.name, signature, iterables, in_order(signature, kwargs), part.recorder.room)
        bind_parameters(self.name, signature, mapped.args, mapped.kwargs)
        if branches.is_open(mapped):
            handle = part.recorder.record(branches.later(self._mapper, mapped))
            return cast("Handle", _soon(handle)) if self.body.asynchronous else handle
        parameters = [self._branch_parameters(mapped, index) for index in range(mapped.length or 0)]
        part = dataclasses.replace(part, branch=True)
        branched = self._branches_soon if self.body.asynchronous else self._branches
        return cast("list[R_co]", branched(part, mapped, parameters))

    def _branch_parameters(self, mapped: Mapped, index: int) -> dict[str, object]:
        args, kwargs = branches.arguments_of(mapped, index)
        try:
            return self.parameters(*args, **kwargs)
        except BadParameter as error:
            raise BadParameter(f"Item {index} of `{self.name}.map()`: {error.what}", error.fix) from None

    def _branches(self, part: FlowBody, mapped: Mapped, parameters: list[dict[str, object]]) -> list[object]:
        names = positional_names(self.body.signature, len(mapped.args))
        close = part.recorder.subflow(self.name, branches.given_to_all(mapped, names))
        try:
            return [
                self._execute(part, one, f"{self.name}[{index}]", branches.given_to(mapped, names, index), index)
                for index, one in enumerate(parameters)
            ]
        finally:
            close()

    async def _branches_soon(self, part: FlowBody, mapped: Mapped, parameters: list[dict[str, object]]) -> list[object]:
        names = positional_names(self.body.signature, len(mapped.args))
        close = part.recorder.subflow(self.name, branches.given_to_all(mapped, names))
        try:
            return [
                await self._execute_soon(
                    part, one, f"{self.name}[{index}]", branches.given_to(mapped, names, index), index
                )
                for index, one in enumerate(parameters)
            ]
        finally:
            close()

    @functools.cached_property
    def _mapper(self) -> Task[..., object]:
        if not isinstance(self.body, FunctionBody):
            raise NotMappable(
                f"`{self.name}.map()` over a handle whose length is not known yet: it would run a cell on a worker.",
                "Wait for the handle first, or make the cell a function with @flow.",
            )
        return branches.mapper(self, self.body.fn)

    async def _value_soon(self, parameters: dict[str, object]) -> object:
        return (await launcher().run_async(self, parameters)).result()

    def __wfkit_meaning__(self) -> tuple[object, ...]:
        code = self.body.fn if isinstance(self.body, FunctionBody) else self.body
        return (code, self.options.validate_parameters)

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
