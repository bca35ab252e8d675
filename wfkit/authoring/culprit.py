"""Culprit: finds the part of a value, or of what a function refers to, that cannot be pickled."""

from __future__ import annotations

import dataclasses
import dis
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, MethodType
from typing import Final

from wfkit.authoring.handle import Handle

_DEPTH: Final = 30
_PARTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Culprit:
    """The innermost part that cannot be pickled."""

    path: str  #: how it is reached: "['config'].lock", or "`helper` → `lock`" where functions refer to it
    value: object
    error: Exception  #: what pickling it alone raises

    @property
    def told(self) -> str:
        """What it is and why it cannot be pickled, in words."""
        return f"a {type(self.value).__qualname__} ({str(self.error).rstrip('.') or type(self.error).__name__})"


def culprit(value: object, pickled: Callable[[object], object]) -> Culprit | None:
    """Find what in a value cannot be pickled.

    Parameters
    ----------
    value : object
    pickled : callable
        Pickles a value; what it raises is the reason.

    Returns
    -------
    Culprit or None : None where the value can be pickled
    """
    error = _error_of(value, pickled)
    if error is None:
        return None
    path, seen = "", {id(value)}
    for _ in range(_DEPTH):
        for step, part in parts_of(value):
            if id(part) in seen:
                continue
            seen.add(id(part))
            inner = _error_of(part, pickled)
            if inner is not None:
                path, value, error = path + step, part, inner
                break
        else:
            break
    return Culprit(path.removeprefix(" → "), value, error)


def _error_of(value: object, pickled: Callable[[object], object]) -> Exception | None:
    try:
        pickled(value)
    except Exception as error:  # noqa: BLE001 - whatever pickling the user's value raises is the answer
        return error
    return None


def parts_of(value: object) -> Iterator[tuple[str, object]]:
    """What a value consists of or refers to, each with the step that leads to it."""
    if isinstance(value, Handle):
        return
    function = _function_of(value)
    if function is not None:
        yield from _referred_to(function)
    if isinstance(value, dict):
        yield from ((f"[{key!r:.40}]", item) for key, item in list(value.items())[:_PARTS])
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{place}]", item) for place, item in enumerate(list(value)[:_PARTS]))
    elif isinstance(value, functools.partial):
        yield from (("", value.func), (".args", value.args), (".keywords", value.keywords))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [entry.name for entry in dataclasses.fields(value)]
        yield from ((f".{name}", getattr(value, name)) for name in names if hasattr(value, name))
    elif function is None:
        yield from ((f".{name}", item) for name, item in getattr(value, "__dict__", {}).items())


def _function_of(value: object) -> FunctionType | None:
    if isinstance(value, MethodType):
        value = value.__func__
    elif not isinstance(value, FunctionType):  # what `functools.wraps` and `@task` make
        value = getattr(value, "__dict__", {}).get("__wrapped__")
    return value if isinstance(value, FunctionType) else None


def _referred_to(function: FunctionType) -> Iterator[tuple[str, object]]:
    """The notebook's names, the names of functions around it, and the defaults that a function uses."""
    for name in dict.fromkeys(_global_names(function.__code__)):
        if name in function.__globals__:
            yield f" → `{name}`", function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f" → `{name}`", cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for parameter in inspect.signature(function, follow_wrapped=False).parameters.values():
        if parameter.default is not parameter.empty:
            yield f" → the default of `{parameter.name}`", parameter.default


def _global_names(code: CodeType) -> Iterator[str]:
    """Names that code, functions and comprehensions in it included, reads from its module; attributes are none."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)
