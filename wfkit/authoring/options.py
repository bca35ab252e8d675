"""The options of a task, checked when they are given."""

from __future__ import annotations

import dataclasses
import difflib
import math
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, TypedDict, cast

from wfkit.authoring.caching import CachePolicy
from wfkit.core.trigger import Trigger
from wfkit.errors import BadTask, WfkitError


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
    crash_retries : int
        More executions where the worker was lost; counted apart. Out of memory is never tried again by itself. With 0
        the elements of a map never travel together, so that none is executed again for what another did.
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
    limits : mapping of str to int
        Slots that the task holds while it runs, by name, of those that all runs on the cluster share: {"db": 2}.
    isolate : "thread" or "process"
        A process of its own can be killed at once and takes no worker with it; the task cannot spawn there.
    persist_result : bool
        Results too large for the record are written to the store of results; else they are in cluster memory only.
    identity_ignore : tuple of str
        Parameters that do not make a call another one: a rerun keeps a result though they have changed.
    cache_policy : CachePolicy
        `INPUTS`: a result of any run stands for a call with the same inputs and the same meaning of the code.
    cache_key_fn : callable of `current` and a dict of the arguments, optional
        Gives the key that stands for a call instead; None: this call is not cached.
    cache_expiration : float, optional
        Seconds after which a cached result counts no more; a `timedelta` will do.
    refresh_cache : bool
        Execute in any case, and cache the new result.
    on_parent_failure : "cancel" or "keep"
        What becomes of the task if the one that spawned it fails or is cancelled. Where that one says "keep", all that
        it has spawned is kept.
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
    crash_retries: int = 2
    timeout_seconds: float | None = None
    trigger: Trigger = Trigger.ALL_SUCCESS
    skip_on_upstream_skip: bool = True
    log_prints: bool = False
    n_outputs: int | None = None
    task_run_name: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)
    priority: int = 0
    workers: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    isolate: Literal["thread", "process"] = "thread"
    persist_result: bool = True
    identity_ignore: tuple[str, ...] = ()
    cache_policy: CachePolicy = CachePolicy.NO_CACHE
    cache_key_fn: Callable[[object, dict[str, object]], str | None] | None = None
    cache_expiration: float | None = None
    refresh_cache: bool = False
    on_parent_failure: Literal["cancel", "keep"] = "cancel"

    def meant(self) -> dict[str, object]:
        """The options that change which value comes out; not those that say how, where and how often to get it."""
        return {
            "n_outputs": self.n_outputs,
            "skip_on_upstream_skip": self.skip_on_upstream_skip,
            "trigger": str(self.trigger),
        }


class TaskWords(TypedDict, total=False):
    """The options as people write them; the meaning of each is told at `TaskOptions`."""

    name: str
    description: str
    tags: str | Iterable[str]
    version: str
    retries: int
    retry_delay_seconds: float | Sequence[float] | Callable[[int], float]
    retry_jitter_factor: float
    retry_on: type[BaseException] | Iterable[type[BaseException]]
    retry_condition_fn: Callable[[BaseException], bool] | None
    crash_retries: int
    timeout_seconds: float | None
    trigger: Trigger | str
    skip_on_upstream_skip: bool
    log_prints: bool
    n_outputs: int | None
    task_run_name: str
    resources: Mapping[str, float]
    priority: int
    workers: str | Iterable[str]
    limits: Mapping[str, int]
    isolate: Literal["thread", "process"]
    persist_result: bool
    identity_ignore: str | Iterable[str]
    cache_policy: CachePolicy
    cache_key_fn: Callable[[object, dict[str, object]], str | None] | None
    cache_expiration: float | timedelta | None
    refresh_cache: bool
    on_parent_failure: Literal["cancel", "keep"]


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an option takes."""

    allowed: str  #: in words
    fits: Callable[[object], bool]
    normal: Callable[[object], object] = lambda value: value  #: applied first; may raise TypeError or ValueError


def is_whole(value: object, least: int = 0) -> bool:
    """Whether a value is a whole number of `least` or more; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: object) -> bool:
    """Whether a value is a finite number of 0 or more; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _tuple_of(kind: type) -> Callable[[object], object]:
    return lambda value: (value,) if isinstance(value, kind) else tuple(cast("Iterable[object]", value))


def _all_texts(value: object) -> bool:
    return all(isinstance(item, str) for item in cast("Iterable[object]", value))


def _are_delays(value: object) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(map(is_number, value))
    return callable(value) or is_number(value)


def _are_amounts(value: object) -> bool:
    return isinstance(value, Mapping) and _all_texts(value) and all(map(is_number, value.values()))


def _are_slots(value: object) -> bool:
    return isinstance(value, Mapping) and _all_texts(value) and all(is_whole(count, 1) for count in value.values())


def _one_of(*words: str) -> _Rule:
    listed = " or ".join(f'"{word}"' for word in words)
    return _Rule(listed, lambda value: isinstance(value, str) and value in words)


def _copied(value: object) -> object:
    """A copy of a dict, since the user may change theirs."""
    return dict(value) if isinstance(value, Mapping) else value


def _is_template(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        list(string.Formatter().parse(value))
    except ValueError:
        return False
    return True


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


_TEXT: Final = _Rule("a string", lambda value: isinstance(value, str))
_FLAG: Final = _Rule("True or False", lambda value: isinstance(value, bool))
_RULES: Final[Mapping[str, _Rule]] = {
    "name": _TEXT,
    "description": _TEXT,
    "tags": _Rule(
        "a string or a set of strings",
        _all_texts,
        lambda value: frozenset([value] if isinstance(value, str) else cast("Iterable[object]", value)),
    ),
    "version": _TEXT,
    "retries": _Rule("a whole number of 0 or more", is_whole),
    "retry_delay_seconds": _Rule(
        "seconds, a non-empty list of seconds, or a callable of the attempt",
        _are_delays,
        lambda value: tuple(value) if isinstance(value, list) else value,
    ),
    "retry_jitter_factor": _Rule("a number of 0 or more", is_number),
    "retry_on": _Rule(
        "exception classes",
        lambda value: all(map(_is_exception, cast("Iterable[object]", value))),
        _tuple_of(type),
    ),
    "retry_condition_fn": _Rule("a callable of the exception", lambda value: value is None or callable(value)),
    "crash_retries": _Rule("a whole number of 0 or more", is_whole),
    "timeout_seconds": _Rule("seconds above 0", lambda value: value is None or (is_number(value) and value != 0)),
    "trigger": _Rule(f"one of {', '.join(Trigger)}", lambda _: True, lambda value: Trigger(cast("str", value))),
    "skip_on_upstream_skip": _FLAG,
    "log_prints": _FLAG,
    "n_outputs": _Rule("a whole number of 1 or more", lambda value: value is None or is_whole(value, 1)),
    "task_run_name": _Rule('a template such as "load {month}"', _is_template),
    "resources": _Rule(
        "a dict of resource names and amounts",
        _are_amounts,
        _copied,
    ),
    "priority": _Rule("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "workers": _Rule("addresses or names of workers", _all_texts, _tuple_of(str)),
    "limits": _Rule('a dict of names and whole numbers of 1 or more, such as {"db": 2}', _are_slots, _copied),
    "isolate": _one_of("thread", "process"),
    "persist_result": _FLAG,
    "cache_policy": _Rule(
        "INPUTS or NO_CACHE", lambda _: True, lambda value: CachePolicy(cast("str", value or CachePolicy.NO_CACHE))
    ),
    "cache_key_fn": _Rule("a callable of `current` and the arguments", lambda value: value is None or callable(value)),
    "cache_expiration": _Rule(
        "seconds above 0, or a timedelta",
        lambda value: value is None or (is_number(value) and value != 0),
        lambda value: value.total_seconds() if isinstance(value, timedelta) else value,
    ),
    "refresh_cache": _FLAG,
    "identity_ignore": _Rule("names of parameters", _all_texts, _tuple_of(str)),
    "on_parent_failure": _one_of("cancel", "keep"),
}


FLOW_RULES: Final[Mapping[str, _Rule]] = {
    "name": _TEXT,
    "description": _TEXT,
    "tags": _RULES["tags"],
    "validate_parameters": _FLAG,
    "timeout_seconds": _RULES["timeout_seconds"],
}


def task_options(given: Mapping[str, object], base: TaskOptions | None = None) -> TaskOptions:
    """Check options and complete them.

    Raises
    ------
    BadTask : an option is unknown or its value is not allowed; the message names it and what it takes
    """
    values = checked_options(given, _RULES, "@task", BadTask)
    if values.get("cache_key_fn") is not None:
        values.setdefault("cache_policy", CachePolicy.INPUTS)
    return dataclasses.replace(base or TaskOptions(), **values)  # type: ignore[arg-type]  # the rules know the types


def checked_options(
    given: Mapping[str, object], rules: Mapping[str, _Rule], decorator: str, error: type[WfkitError]
) -> dict[str, object]:
    """The options in their normal form.

    Raises
    ------
    error : one is unknown or its value is not allowed
    """
    for name in given:
        if name not in rules:
            raise error(f"{decorator} has no option `{name}`.", _did_you_mean(name, rules))
    return {name: _checked(rules[name], name, value, error) for name, value in given.items()}


def _checked(rule: _Rule, name: str, value: object, error: type[WfkitError]) -> object:
    try:
        normal = rule.normal(value)
        if rule.fits(normal):
            return normal
    except (TypeError, ValueError):
        pass
    raise error(f"{name}={value!r:.60} is not allowed.", f"It takes {rule.allowed}.")


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    """The fix for a name that does not exist: the one that is close, else all that do."""
    names = {_singular(each): each for each in sorted(known)}
    close = difflib.get_close_matches(_singular(name), names, 1)
    return f"Did you mean `{names[close[0]]}`?" if close else f"There are: {', '.join(names.values())}."


def _singular(name: str) -> str:
    return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")
