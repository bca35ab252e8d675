"""Stand-ins: modules in whose place only that travels what code takes from them.

A pickler of one task makes one stand-in for each local module. What it holds is filled in by the functions that use it;
functions of the module itself have the stand-in's names as their globals, so `global` and `module.name` agree.

In the process where the module is nothing stands for it: a cluster in the kernel's process uses the module itself.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Final, cast

import cloudpickle

from wfkit.authoring.rebuilt import HERE

#: Where a function is at home: its process, module and name; no process where it is a copy already.
Home = tuple[str, str, str]
#: A module, a name in it, and its value.
Fill = tuple[object, str, object]
_FACTS: Final = ("__name__", "__package__", "__path__", "__file__")


class StandIn:
    """A module of this process on its way into a pickle."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self._facts = {fact: names[fact] for fact in _FACTS if fact in names}
        module = sys.modules.get(str(names.get("__name__")))
        self._origin = HERE if module is not None and vars(module) is names else ""
        #: What functions of the module get for their globals.
        self.globals = _Globals(self)

    def reduced(self) -> tuple[object, ...]:
        """How it is pickled."""
        return (_module, (self._facts, self._origin))


class _Globals:
    """The names of a module on its way into a pickle."""

    def __init__(self, module: StandIn) -> None:
        self._module = module

    def __reduce__(self) -> tuple[object, ...]:
        return (_globals_of, (self._module,))


class ModuleValue:
    """A value of a module that does not travel: the receiver takes its own."""

    def __init__(self, module: str, name: str) -> None:
        self._place = (module, name)

    def __reduce__(self) -> tuple[object, ...]:
        return (module_value, self._place)


def _module(facts: Mapping[str, object], origin: str) -> ModuleType:
    own = sys.modules.get(str(facts["__name__"]))
    if origin == HERE and own is not None:
        return own
    module = ModuleType(str(facts["__name__"]))
    vars(module).update(facts)
    return module


def _globals_of(module: ModuleType) -> dict[str, object]:
    """The names of a stand-in; of a module that is at home here a few, since what has travelled must not fill it."""
    names = vars(module)
    return {fact: names[fact] for fact in _FACTS if fact in names} if _is_own(module) else names


def _is_own(module: ModuleType) -> bool:
    return sys.modules.get(module.__name__) is module


def module_value(module: str, name: str) -> object:
    """A value of a module of this process, which is imported for it."""
    return cast("object", getattr(importlib.import_module(module), name))


def home_of(function: FunctionType) -> Home:
    """Where a function is at home."""
    by_name = cast("Callable[[object], bool]", cloudpickle.cloudpickle._should_pickle_by_reference)
    return (HERE if by_name(function) else "", function.__module__ or "", function.__qualname__)


def _at_home(home: Home) -> object:
    origin, module, qualname = home
    found: object = sys.modules.get(module) if origin == HERE else None
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def function_here(home: Home, make: Callable[..., FunctionType], arguments: tuple[object, ...]) -> FunctionType:
    """A function that has travelled, or the one that is at home here."""
    own = _at_home(home)
    return own if isinstance(own, FunctionType) else make(*arguments)


def finish_function(function: FunctionType, state: tuple[Home, object, object, Iterable[Fill]]) -> None:
    """Give a function that has travelled its names, and the stand-ins what it takes from them."""
    home, attributes, slots, fills = state
    if _at_home(home) is function:
        return
    for module, name, value in fills:
        if not _is_own(cast("ModuleType", module)):
            setattr(module, name, value)
    cast("Callable[..., object]", cloudpickle.cloudpickle._function_setstate)(function, (attributes, slots))
