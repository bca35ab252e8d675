"""The options of a task, checked when they are given."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from wfkit.core.trigger import Trigger
from wfkit.errors import BadTask

Hook = Callable[..., object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """What `@task(...)` and `.with_options(...)` take; names as in Prefect where one exists.

    Attributes
    ----------
    name, description : str
        Shown in the graph; default: the function's name and the first line of its docstring.
    tags : frozenset of str
    version : str
        Stands for the meaning of the code where it is given.
    retries : int
        *More* attempts after the first.
    retry_delay_seconds : float, sequence of float, or callable of the attempt
        Seconds before the next attempt; the last item of a sequence repeats.
    retry_jitter_factor : float
        Each delay is stretched by a random share of up to this factor.
    retry_on : tuple of exception classes
        Only these are retried; empty: all.
    retry_condition_fn : callable of the exception, optional
        Retried only where it returns True.
    timeout_seconds : float, optional
        The attempt is FAILED (kind: timeout) after this time.
    trigger : Trigger
        Which states of the inputs let the task run.
    skip_on_upstream_skip : bool
        With `all_success`: a skipped input skips the task.
    log_prints : bool
        Lines that the task prints become log lines.
    n_outputs : int, optional
        The value is a sequence of this length and its handle can be indexed and unpacked.
    task_run_name : str
        Template with the parameters' names, shown in the graph: "load {month}".
    resources, priority, workers : passed to Dask
    """

    name: str = ""
    description: str = ""
    tags: frozenset[str] = frozenset()
    version: str = ""
    retries: int = 0
    retry_delay_seconds: float | tuple[float, ...] | Callable[[int], float] = 0.0
    retry_jitter_factor: float = 0.0
    retry_on: tuple[type[BaseException], ...] = ()
    retry_condition_fn: Callable[[BaseException], bool] | None = None
    timeout_seconds: float | None = None
    trigger: Trigger = Trigger.ALL_SUCCESS
    skip_on_upstream_skip: bool = True
    log_prints: bool = False
    n_outputs: int | None = None
    task_run_name: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)
    priority: int = 0
    workers: tuple[str, ...] = ()


_TUPLES: Final = {"retry_on": type, "workers": str}


def task_options(given: Mapping[str, object], base: TaskOptions | None = None) -> TaskOptions:
    """Check options and complete them.

    Raises
    ------
    BadTask : an option is unknown or its value is not allowed; the message names it
    """
    known = {entry.name for entry in dataclasses.fields(TaskOptions)}
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            fix = f"Did you mean `{close[0]}`?" if close else f"Options are: {', '.join(sorted(known))}."
            raise BadTask(f"@task has no option `{name}`.", fix)
    values = {name: _normal(name, value) for name, value in given.items()}
    options = dataclasses.replace(base or TaskOptions(), **values)  # type: ignore[arg-type]  # checked below
    _check(options)
    return options


def _normal(name: str, value: object) -> object:
    if name == "tags":
        return frozenset([value] if isinstance(value, str) else value)  # type: ignore[call-overload]
    if name in _TUPLES:
        return (value,) if isinstance(value, _TUPLES[name]) else tuple(value)  # type: ignore[arg-type]
    if name == "trigger":
        try:
            return Trigger(value)  # type: ignore[arg-type]
        except ValueError:
            raise BadTask(f"trigger={value!r} is not a rule.", f"Rules are: {', '.join(Trigger)}.") from None
    if name == "retry_delay_seconds" and isinstance(value, list):
        return tuple(value)
    return value


def _check(options: TaskOptions) -> None:
    def demand(name: str, allowed: str, *, ok: bool) -> None:
        if not ok:
            raise BadTask(f"{name}={getattr(options, name)!r} is not allowed.", f"It takes {allowed}.")

    whole = lambda value: isinstance(value, int) and not isinstance(value, bool)  # noqa: E731
    number = lambda value: isinstance(value, (int, float)) and not isinstance(value, bool)  # noqa: E731
    delay = options.retry_delay_seconds
    demand("name", "a string", ok=isinstance(options.name, str))
    demand("retries", "a whole number of 0 or more", ok=whole(options.retries) and options.retries >= 0)
    demand(
        "retry_delay_seconds",
        "seconds, a non-empty list of seconds, or a callable of the attempt",
        ok=callable(delay)
        or (number(delay) and delay >= 0)  # type: ignore[operator]
        or (isinstance(delay, tuple) and bool(delay) and all(number(item) and item >= 0 for item in delay)),
    )
    demand(
        "retry_jitter_factor",
        "a number of 0 or more",
        ok=number(options.retry_jitter_factor) and options.retry_jitter_factor >= 0,
    )
    demand(
        "retry_on",
        "exception classes",
        ok=all(isinstance(item, type) and issubclass(item, BaseException) for item in options.retry_on),
    )
    demand(
        "retry_condition_fn",
        "a callable of the exception",
        ok=options.retry_condition_fn is None or callable(options.retry_condition_fn),
    )
    timeout = options.timeout_seconds
    demand("timeout_seconds", "seconds above 0", ok=timeout is None or (number(timeout) and timeout > 0))
    demand(
        "n_outputs",
        "a whole number of 1 or more",
        ok=options.n_outputs is None or (whole(options.n_outputs) and options.n_outputs >= 1),
    )
    demand("priority", "a whole number", ok=whole(options.priority))
    demand("resources", "a dict of resource names and amounts", ok=isinstance(options.resources, Mapping))
