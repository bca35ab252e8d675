"""Task: a function that becomes a node of the graph when it is called in a flow."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, ParamSpec, TypeVar, cast, overload

from wfkit.authoring.context import FlowBody, flow_body, place
from wfkit.authoring.fingerprint import code_digest
from wfkit.authoring.freeze import freeze_code
from wfkit.authoring.handle import Handle
from wfkit.authoring.inputs import unmapped
from wfkit.authoring.mapping import Mapped, mapped_arguments
from wfkit.authoring.options import TaskOptions, task_options
from wfkit.errors import BadArguments, BadTask, HandleCaptured, HandleMisuse

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a task in a flow body, on its way into the graph."""

    task: Task[..., object]
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    mapped: Mapped | None = None  #: what a `.map()` goes over; its arguments stand in `args` and `kwargs`
    wait_for: tuple[Handle, ...] = ()
    line: int = 0  #: of the caller


class Task(Generic[P, R]):
    """A function with the options of a node.

    Made by `@task`. In a flow body, calling it returns a `Handle` at once; anywhere else it simply runs the function.
    """

    def __init__(self, fn: Callable[P, R], options: TaskOptions) -> None:
        self.fn = fn
        self.options = options
        self.name = options.name or getattr(fn, "__name__", type(fn).__name__)
        functools.update_wrapper(self, fn)

    @property
    def signature(self) -> inspect.Signature:
        """The parameters of the function."""
        return inspect.signature(self.fn)

    @property
    def digest(self) -> str:
        """A digest of what the code means."""
        return code_digest(self.fn, self.options.version)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """In a flow body: add a node and return its handle. Elsewhere: run the function here.

        Raises
        ------
        BadArguments : the arguments do not fit the function's signature
        """
        if isinstance(place(), FlowBody):
            return cast("R", self.submit(*args, **kwargs))
        return self.fn(*_resolved(args), **_resolved(kwargs))

    def submit(self, *args: object, wait_for: Iterable[Handle] = (), **kwargs: object) -> Handle:
        """Add a node to the open flow and return its handle at once.

        Parameters
        ----------
        *args, **kwargs
            As for the function; handles may sit anywhere in them.
        wait_for : iterable of Handle
            Tasks that must have ended first, although nothing of them is passed.

        Raises
        ------
        NotInFlow : no flow is open here
        BadArguments : the arguments do not fit the function's signature
        """
        body = flow_body(f"`{self.name}.submit()`")
        self._bind(args, kwargs)
        call = Call(task=self, args=args, kwargs=kwargs, wait_for=_handles(wait_for, self.name))
        return body.recorder.record(call)

    def map(
        self,
        *iterables: object,
        wait_for: Iterable[Handle] = (),
        **kwargs: object,
    ) -> Handle:
        """Add one node per element and return a mapped handle at once; nothing blocks.

        Parameters
        ----------
        *iterables, **kwargs
            One value per parameter of the function: a list, a range, a handle of a list whose length need not be known
            yet, or a mapped handle. `unmapped(x)` passes x whole to every element.
        wait_for : iterable of Handle
            Tasks that must have ended first.

        Raises
        ------
        NotInFlow : no flow is open here
        MapLengthMismatch : lengths differ; the message names each argument and its length
        NotMappable : a string, a dict or a single value was given where items are expected
        BadArguments : the arguments do not fit the function's signature
        """
        body = flow_body(f"`{self.name}.map()`")
        self._bind(iterables, kwargs)
        mapped = mapped_arguments(self.name, self.signature, iterables, kwargs)
        call = Call(
            task=self, args=mapped.args, kwargs=mapped.kwargs, mapped=mapped, wait_for=_handles(wait_for, self.name)
        )
        return body.recorder.record(call)

    def with_options(self, **options: object) -> Task[P, R]:
        """A copy of this task with other options.

        Raises
        ------
        BadTask : an option is unknown or its value is not allowed
        """
        return Task(self.fn, task_options(options, self.options))

    def frozen_code(self) -> bytes:
        """The function and its options, pickled as they are now.

        Raises
        ------
        HandleCaptured, NotPicklable : the code refers to something that cannot travel; the message names it
        """
        names = _names_read(self.fn)
        for name, value in names.items():
            if isinstance(value, Handle):
                raise HandleCaptured(
                    f"The task `{self.name}` refers to the handle `{name}` by name.",
                    f"Make it a parameter: def {self.name}(…, {name}).",
                )
        return freeze_code((self.fn, self.options), f"The task `{self.name}`", names)

    def _bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise BadArguments(f"{self.name}(): {error}.", f"It takes {self.name}{self.signature}.") from None

    def __get__(self, instance: object, owner: type | None = None) -> Task[..., R]:
        if instance is None:
            return self
        return Task(self.fn.__get__(instance, owner), self.options)  # type: ignore[attr-defined]  # functions only

    def __reduce__(self) -> tuple[object, ...]:
        return (Task, (self.fn, self.options))

    def __repr__(self) -> str:
        return f"<Task {self.name}{self.signature}>"


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(**options: object) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Callable[..., object] | None = None, /, **options: object) -> object:
    """Make a task of a function; bare or with options.

    Parameters
    ----------
    **options
        See `wfkit.authoring.options.TaskOptions`.

    Raises
    ------
    BadTask : the function or an option cannot make a task

    Examples
    --------
    >>> @task(retries=3)
    ... def load(month): ...
    """
    checked = task_options(options)

    def make(function: Callable[..., object]) -> Task[..., object]:
        refuse_bad_function(function)
        return Task(function, checked)

    return make if fn is None else make(fn)


#: The last lines of what IPython makes of `!cmd`, `%magic` and `%%magic`.
_SHELL_CALLS: Final = frozenset({"system", "getoutput", "run_line_magic", "run_cell_magic"})


def refuse_bad_function(function: object) -> None:
    """Refuse what cannot be a task: not callable, a class, a generator, code that needs the notebook's shell.

    Raises
    ------
    BadTask
    """
    if isinstance(function, Task):
        raise BadTask(f"`{function.name}` is a task already.", "Use .with_options() to change it.")
    if not callable(function) or isinstance(function, type):
        raise BadTask(f"@task needs a function, got {function!r:.80}.", "Decorate a def.")
    name = getattr(function, "__name__", type(function).__name__)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise BadTask(
            f"`{name}` is a generator function; its values cannot travel one by one.",
            "Return a list, and map over its handle: `next_task.map(handle)`.",
        )
    code = getattr(function, "__code__", None)
    if code is not None and "get_ipython" in code.co_names and _SHELL_CALLS & set(code.co_names):
        raise BadTask(
            f"`{name}` uses `!cmd` or `%magic` (line {_shell_line(code)} of the function), which workers do not have.",
            "Use subprocess.run(...) or a plain call instead.",
        )


def _shell_line(code: object) -> int:
    import dis

    assert inspect.iscode(code)
    line = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        if instruction.starts_line is not None:
            line = int(instruction.starts_line)
        if instruction.argval == "get_ipython":
            break
    return line - code.co_firstlineno + 1


def _resolved(values: object) -> object:
    if isinstance(values, Handle):
        return values.result()
    if type(values) in (list, tuple, set):
        return type(values)(_resolved(value) for value in cast("Iterable[object]", values))
    if type(values) is dict:
        return {key: _resolved(value) for key, value in values.items()}
    if isinstance(values, unmapped):
        return _resolved(values.value)
    return values


def _handles(wait_for: Iterable[Handle], name: str) -> tuple[Handle, ...]:
    given = (wait_for,) if isinstance(wait_for, Handle) else tuple(wait_for)
    for item in given:
        if not isinstance(item, Handle):
            raise HandleMisuse(f"wait_for of `{name}` got {type(item).__name__} {item!r:.60}.", "It takes handles.")
    return given


def _names_read(function: Callable[..., object]) -> dict[str, object]:
    function = inspect.unwrap(getattr(function, "__func__", function))
    try:
        found = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return {}
    defaults = {f"default {position + 1}": value for position, value in enumerate(function.__defaults__ or ())}
    return {**found.globals, **found.nonlocals, **defaults}
