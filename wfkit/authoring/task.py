"""Task: a function that becomes a node of the graph when it is called in a flow."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MethodType
from typing import Final, Generic, Literal, ParamSpec, TypeVar, Unpack, cast, overload

from wfkit.authoring.context import FlowBody, Recorder, place, recorder_here
from wfkit.authoring.freeze import freeze_code
from wfkit.authoring.functions import name_of, refuse_bad_template
from wfkit.authoring.functions import refuse_bad_function as refuse_bad_function  # noqa: PLC0414 - `%%task` asks too
from wfkit.authoring.handle import Handle
from wfkit.authoring.inputs import unmapped
from wfkit.authoring.mapping import Items, Mapped, all_items, in_order, mapped_arguments, refuse_different_lengths
from wfkit.authoring.options import TaskOptions, TaskWords, is_whole, task_options
from wfkit.authoring.resolving import resolved
from wfkit.authoring.waiting import handles_of, wait
from wfkit.errors import BadArguments

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
#: Of a function that does not tell its own.
_ANY_ARGUMENTS: Final = inspect.Signature(
    [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a task in a flow or task body, on its way into the graph."""

    task: Task[..., object]
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    mapped: Mapped | None = None  #: what a `.map()` goes over; its arguments stand in `args` and `kwargs`
    wait_for: tuple[Handle, ...] = ()
    chunk: int | None = None  #: how many elements of a map travel in one Dask task; None: what is best
    max_concurrency: int | None = None  #: how many elements of a map may run at the same time
    keys: Sequence[object] = ()  #: by which a rerun finds the elements of a map again, instead of by their inputs


class Task(Generic[P, R_co]):
    """A function with the options of a node.

    Made by `@task`. In a flow body, calling it returns a `Handle` at once; anywhere else it simply runs the function.

    Attributes
    ----------
    fn : callable
        The plain function.
    options : TaskOptions
    name : str
    """

    def __init__(self, fn: Callable[P, R_co], options: TaskOptions) -> None:
        functools.update_wrapper(self, fn, updated=())
        self.fn = fn
        self.options = options
        self.name: str = options.name or name_of(fn)
        #: A method's task as the class has it, and the instance; calls pass the instance like any argument.
        self._base: Task[..., R_co] = self
        self._bound: tuple[object, ...] = ()
        self._given: frozenset[str] = frozenset()  #: the options that `with_options` gave

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """The parameters of the function; any where it does not tell, as some written in C."""
        try:
            return inspect.signature(self.fn)
        except ValueError:
            return _ANY_ARGUMENTS

    @property
    def description(self) -> str:
        """What the options say, else the first line of the function's docstring."""
        return self.options.description or (inspect.getdoc(self.fn) or "").partition("\n")[0]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """In a flow body: the same as `.submit()`. Elsewhere: run the function here, handles resolved first.

        Raises
        ------
        BadArguments : in a flow, the arguments do not fit the function's signature
        ForeignThread : a flow is open, and this thread does not belong to it
        """
        here = place()
        named: dict[str, object] = dict(kwargs)
        wait_for = handles_of(named.pop("wait_for", None), f"wait_for of `{self.name}`")
        if isinstance(here, FlowBody):
            return cast("R_co", self._submit(here.recorder, args, named, wait_for))
        wait(wait_for)
        positional = cast("tuple[object, ...]", resolved((*self._bound, *args)))
        return self._base.fn(*positional, **cast("dict[str, object]", resolved(named)))

    def submit(self, *args: object, wait_for: Iterable[Handle] | None = None, **kwargs: object) -> Handle:
        """Add a node to the open flow, in a task body one below that task, and return its handle at once.

        Parameters
        ----------
        *args, **kwargs
            As for the function; handles may sit anywhere in them.
        wait_for : iterable of Handle, optional
            Tasks that must have ended first, although nothing of them is passed.

        Raises
        ------
        NotInFlow : neither a flow nor a task is open here
        BadArguments : the arguments do not fit the function's signature
        NotPicklable : an argument, or something the code refers to, cannot travel; the message names it
        HandleCaptured : the code refers to a handle by name
        """
        recorder = recorder_here(f"`{self.name}.submit()`")
        return self._submit(recorder, args, kwargs, handles_of(wait_for, f"wait_for of `{self.name}`"))

    def map(
        self,
        *iterables: object,
        key: Callable[[object], object] | Sequence[object] | None = None,
        wait_for: Iterable[Handle] | None = None,
        chunk: int | Literal["auto"] = "auto",
        max_concurrency: int | None = None,
        **kwargs: object,
    ) -> Handle:
        """Add one node per element and return a mapped handle at once; nothing blocks.

        Parameters
        ----------
        *iterables, **kwargs
            One value per parameter of the function: a list, a range, a handle of a list whose length need not be known
            yet, or a mapped handle. `unmapped(x)` passes x whole to every element.
        key : callable or sequence, optional
            By what a rerun finds an element again, instead of by equal inputs: one key per element, or a function that
            gives the key for an item of the first list.
        wait_for : iterable of Handle, optional
            Tasks that must have ended first.
        chunk : "auto" or int
            How many elements travel in one Dask task; never seen in states or results.
        max_concurrency : int, optional
            How many elements may run at the same time.

        Raises
        ------
        NotInFlow : neither a flow nor a task is open here
        MapLengthMismatch : lengths differ; the message names each argument and its length
        NotMappable : a string, a dict or a single value was given where items are expected
        TooManyTasks : there are more items than the run may still have tasks, or no end of them
        BadArguments, NotPicklable, HandleCaptured : as for `.submit()`
        """
        recorder = recorder_here(f"`{self.name}.map()`")
        size = self._map_option("chunk", None if chunk == "auto" else chunk, '"auto" or a whole number of 1 or more')
        most = self._map_option("max_concurrency", max_concurrency, "a whole number of 1 or more")
        self._check_arguments(iterables, kwargs)
        args = (*map(unmapped, self._bound), *iterables)
        named = in_order(self.signature, kwargs)
        mapped = mapped_arguments(self.name, self._base.signature, args, named, recorder.room)
        keys = self._keys(key, mapped, recorder.room)
        waits = tuple(handle._now() for handle in handles_of(wait_for, f"wait_for of `{self.name}`"))
        return recorder.record(
            Call(
                task=self._base,
                args=mapped.args,
                kwargs=mapped.kwargs,
                mapped=mapped,
                wait_for=waits,
                chunk=size,
                max_concurrency=most,
                keys=keys,
            )
        )

    def _keys(
        self, key: Callable[[object], object] | Sequence[object] | None, mapped: Mapped, most: int
    ) -> Sequence[object]:
        if key is None:
            return ()
        self._refuse_parameter("key")
        if callable(key):
            lists = [one for one in (*mapped.args, *mapped.kwargs.values()) if isinstance(one, Items)]
            if not lists:
                raise BadArguments(
                    f"`{self.name}.map(key=...)` needs the items to make keys of, and a handle has none yet.",
                    "Give the keys as a list.",
                )
            return [key(item) for item in lists[0].values]
        keys = all_items(self.name, key, most)
        refuse_different_lengths(self.name, {"key": len(keys)} | ({"items": mapped.length} if mapped.length else {}))
        return keys

    def _refuse_parameter(self, option: str) -> None:
        if option in self.signature.parameters:
            raise BadArguments(
                f"`{self.name}.map({option}=...)`: `{option}` is an option of .map() and a parameter of `{self.name}`.",
                "Pass the parameter by its position, or give it another name.",
            )

    def _map_option(self, name: str, value: object, allowed: str) -> int | None:
        if value is None:
            return None
        self._refuse_parameter(name)
        if not is_whole(value, 1):
            raise BadArguments(f"`{self.name}.map()`: {name}={value!r:.60} is not allowed.", f"It takes {allowed}.")
        return cast("int", value)

    def with_options(self, **options: Unpack[TaskWords]) -> Task[P, R_co]:
        """A copy of this task with other options; this one stays as it is.

        Raises
        ------
        BadTask : an option is unknown or its value is not allowed
        """
        changed = task_options(options, self.options)
        refuse_bad_template(changed.task_run_name, self._base.fn)
        copy = Task(self._base.fn, changed)
        copy._given = self._base._given | options.keys()
        return cast("Task[P, R_co]", copy._of(*self._bound) if self._bound else copy)

    def frozen_code(self) -> bytes:
        """The function and its options, pickled as they are now.

        Raises
        ------
        HandleCaptured, NotPicklable : the code refers to something that cannot travel; the message names it
        """
        return freeze_code(self.fn, self.options, f"The task `{self.name}`")

    def _submit(
        self, recorder: Recorder, args: tuple[object, ...], kwargs: Mapping[str, object], wait_for: Iterable[Handle]
    ) -> Handle:
        self._check_arguments(args, kwargs)
        return recorder.record(
            Call(
                task=self._base,
                args=(*self._bound, *args),
                kwargs=in_order(self.signature, kwargs),
                wait_for=tuple(handle._now() for handle in wait_for),
            )
        )

    def _check_arguments(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise BadArguments(f"{self.name}(): {error}.", f"It takes {self.name}{self.signature}.") from None

    def __get__(self, instance: object, owner: type | None = None) -> Task[..., R_co]:
        if instance is None or self._bound or not hasattr(type(self.fn), "__get__"):
            return self
        return self._of(instance)

    def _of(self, instance: object) -> Task[..., R_co]:
        """The task as a method of an instance."""
        method: Task[..., R_co] = Task(MethodType(self.fn, instance), self.options)
        method._base, method._bound = self, (instance,)
        return method

    def __wfkit_meaning__(self) -> tuple[object, ...]:
        code = (self.options.version, ()) if self.options.version else (self._base.fn, self._bound)
        return (*code, self.options.meant())

    def __reduce__(self) -> tuple[object, ...]:
        if self._bound:
            return (_method, (self._base, *self._bound))
        return (Task, (self.fn, self.options))

    def __repr__(self) -> str:
        return f"<Task {self.name}{self.signature}>"


def _method(base: Task[..., object], instance: object) -> Task[..., object]:
    return base._of(instance)


@overload
def task(fn: Callable[P, R_co], /) -> Task[P, R_co]: ...
@overload
def task(**options: Unpack[TaskWords]) -> Callable[[Callable[P, R_co]], Task[P, R_co]]: ...
def task(fn: Callable[..., object] | None = None, /, **options: Unpack[TaskWords]) -> object:
    """Make a task of a function; bare or with options.

    Parameters
    ----------
    **options
        `name, description, tags, version, retries, retry_delay_seconds, retry_jitter_factor, retry_on,
        retry_condition_fn, crash_retries, timeout_seconds, trigger, skip_on_upstream_skip, log_prints, n_outputs,
        task_run_name, resources, priority, workers, limits, isolate, persist_result, identity_ignore,
        cache_policy, cache_key_fn, cache_expiration, refresh_cache,
        on_parent_failure`; see
        `wfkit.authoring.options.TaskOptions`.

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
        refuse_bad_template(checked.task_run_name, function)
        return Task(function, checked)

    return make if fn is None else make(fn)
