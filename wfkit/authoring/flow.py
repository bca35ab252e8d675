"""Flow: a function or a notebook cell whose calls of tasks make the graph of a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, ParamSpec, Protocol, TypeVar, cast, overload

from wfkit.authoring.context import FlowBody, StartedRun, launcher, place
from wfkit.authoring.handle import Handle
from wfkit.authoring.parameters import bind_parameters, type_hints, validate_parameters
from wfkit.authoring.task import Task
from wfkit.errors import BadFlow

P = ParamSpec("P")
R = TypeVar("R")


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
        bound = inspect.BoundArguments(self.signature, dict(parameters))  # type: ignore[arg-type]
        if self.asynchronous:
            return self._await(bound)
        return _result(self.fn(*bound.args, **bound.kwargs))

    async def _await(self, bound: inspect.BoundArguments) -> BodyResult:
        return _result(await cast("Callable[..., object]", self.fn)(*bound.args, **bound.kwargs))  # type: ignore[misc]


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
    """

    name: str = ""
    description: str = ""
    tags: frozenset[str] = frozenset()
    validate_parameters: bool = True


class Flow(Generic[P, R]):
    """Something that can be run: made by `@flow` or by a `%%flow` cell.

    `etl(x)` runs and returns the value; `etl.run(x)` waits and returns the `Run`; `etl.start(x)` returns it at once.
    """

    def __init__(self, name: str, body: Body, options: FlowOptions | None = None) -> None:
        self.name = name
        self.body = body
        self.options = options or FlowOptions()
        self.last_run: StartedRun | None = None  #: the newest run, set when it starts

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run and return the value; inside another flow's body, run the body there as a group of its own.

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        FlowFailed : the run failed
        """
        parameters = self.parameters(*args, **kwargs)
        here = place()
        if isinstance(here, FlowBody):
            return cast("R", self._inside(here, parameters))
        if self.body.asynchronous:
            return cast("R", self._value_soon(parameters))
        return cast("R", launcher().run(self, parameters).result())

    def run(self, *args: P.args, **kwargs: P.kwargs) -> StartedRun:
        """Run the flow and wait for its end, however it ends.

        Returns
        -------
        Run

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        """
        return launcher().run(self, self.parameters(*args, **kwargs))

    def start(self, *args: P.args, **kwargs: P.kwargs) -> StartedRun:
        """Start the flow, its body in a thread of its own, and return the `Run` at once.

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        """
        return launcher().start(self, self.parameters(*args, **kwargs))

    def parameters(self, *args: object, **kwargs: object) -> dict[str, object]:
        """The parameters of a run, bound, checked and coerced.

        Raises
        ------
        BadParameter : an argument is missing, unknown, or does not validate
        """
        bound = bind_parameters(self.name, self.body.signature, args, kwargs)
        if not self.options.validate_parameters:
            return bound
        return validate_parameters(self.name, self.body.signature, self.body.hints, bound)

    def _inside(self, here: FlowBody, parameters: dict[str, object]) -> object:
        if self.body.asynchronous:
            return self._inside_async(here, parameters)
        close = here.recorder.subflow(self.name)
        try:
            return cast("BodyResult", self.body.execute(parameters)).value
        finally:
            close()

    async def _inside_async(self, here: FlowBody, parameters: dict[str, object]) -> object:
        close = here.recorder.subflow(self.name)
        try:
            return (await self.body.execute(parameters)).value  # type: ignore[misc]  # an async body gives a coroutine
        finally:
            close()

    async def _value_soon(self, parameters: dict[str, object]) -> object:
        return (await launcher().run_async(self, parameters)).result()

    def __repr__(self) -> str:
        return f"<Flow {self.name}{self.body.signature}>"


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(
    *, name: str = "", description: str = "", tags: set[str] | str = "", validate_parameters: bool = True
) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(
    fn: Callable[..., object] | None = None,
    /,
    *,
    name: str = "",
    description: str = "",
    tags: set[str] | str = "",
    validate_parameters: bool = True,
) -> object:
    """Make a flow of a function; bare or with options.

    Parameters
    ----------
    name, description : str
        Default: the function's name and the first line of its docstring.
    tags : set of str
    validate_parameters : bool
        Check and coerce the parameters by their annotations.

    Raises
    ------
    BadFlow : what is decorated is not a plain or async function
    """
    options = FlowOptions(
        name=name,
        description=description,
        tags=frozenset([tags] if isinstance(tags, str) and tags else tags),
        validate_parameters=validate_parameters,
    )

    def make(function: Callable[..., object]) -> Flow[..., object]:
        if isinstance(function, Task | Flow):
            raise BadFlow(f"`{function.name}` is a {type(function).__name__.lower()} already.", "Decorate a def.")
        if not inspect.isfunction(function) or inspect.isgeneratorfunction(function):
            raise BadFlow(f"@flow needs a plain or async function, got {function!r:.80}.", "Decorate a def.")
        return Flow(name or function.__name__, FunctionBody(function), options)

    return make if fn is None else make(fn)


def resolved(value: object) -> object:
    """Replace the handles in a flow's value by their results; lists, tuples and dicts are looked into."""
    if isinstance(value, Handle):
        return value.result()
    if type(value) in (list, tuple):
        return type(value)(resolved(item) for item in cast("list[object]", value))  # type: ignore[call-arg]
    if type(value) is dict:
        return {key: resolved(item) for key, item in value.items()}
    return value
