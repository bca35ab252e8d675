"""Pickler: cloudpickle's, but code of local modules travels by value, and code keeps the name of its file or cell.

Functions of local modules travel with what they use of their module: helpers are on the workers as they are now.

- Values of such a module travel if their pickle is small; large ones, and those that cannot be pickled (a lock, an
  engine), are taken from the module as the worker imports it.
- Classes travel in the code of a task only. A worker that can import the class gives its own the methods that came, so
  that it has one identity there; one that cannot makes it. In arguments and results they travel by name: a class by
  value weighs kilobytes. Those with a metaclass of a library (pydantic, SQLAlchemy) travel by name too: to make them
  again would register them again.
- What code imports when it runs is imported by the worker. So is a module that it uses as a whole (`getattr(module,
  name)`).
- Where that cannot be pickled, code of local modules travels by reference.

Since cloudpickle 3.1.3 code that travels by value loses its file, and tracebacks from workers would show no line of a
cell.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Final, cast

import cloudpickle
from typing_extensions import Buffer, override

from wfkit.authoring.contents import PLAIN
from wfkit.authoring.figures import figure_reduced
from wfkit.authoring.locality import MAIN, is_local, is_local_name
from wfkit.authoring.lookups import Path, global_lookups
from wfkit.authoring.rebuilt import reduced_by_name, reduced_by_value, travels_well
from wfkit.authoring.secrets import learn_written
from wfkit.authoring.standins import Fill, ModuleValue, StandIn, finish_function, function_here, home_of

#: A value of a local module whose pickle is larger stays where it is.
VALUE_BYTES: Final = 1_000_000
_CACHED: Final = type(functools.lru_cache(len))


class Local(Enum):
    """What of local modules travels by value."""

    ALL = auto()
    FUNCTIONS = auto()
    NOTHING = auto()


class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]  # cloudpickle is not typed
    """Pickles what a notebook and its local modules define by value, with where it was written."""

    local = Local.FUNCTIONS

    def __init__(
        self,
        file: object,
        protocol: int | None = None,
        buffer_callback: Callable[..., object] | None = None,
    ) -> None:
        super().__init__(file, protocol=protocol, buffer_callback=buffer_callback)
        self._standins: dict[int, StandIn] = {}
        #: Values of modules by id, kept alive with it, and whether they travel.
        self._chosen: dict[int, tuple[object, bool]] = {}

    def reducer_override(self, value: object) -> object:
        """How a value that is no plain one is pickled."""
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, FunctionType):
            travels = self.local is not Local.NOTHING and _travels(value)
            return self._dynamic_function_reduce(value) if travels else super().reducer_override(value)
        if isinstance(value, CodeType):
            learn_written(value)
            make, parts = self.dispatch_table[CodeType](value)
            return (_written_in, (value.co_filename, make, parts))
        if isinstance(value, StandIn):
            return value.reduced()
        if isinstance(value, _CACHED) and self.local is not Local.NOTHING:
            inside = value.__wrapped__
            if isinstance(inside, FunctionType) and is_local(inside):
                return (_cached, (inside, value.cache_parameters()))
        return figure_reduced(value) or NotImplemented

    def _class(self, cls: type) -> object:
        reduced = super().reducer_override(cls)
        if isinstance(reduced, tuple):
            return reduced_by_value(cls, reduced, renew=self.local is Local.ALL)
        if self.local is Local.NOTHING or not is_local(cls):
            return reduced
        if self.local is Local.FUNCTIONS or not travels_well(cls):
            return reduced_by_name(cls)
        return reduced_by_value(cls, cloudpickle.cloudpickle._dynamic_class_reduce(cls), renew=True)

    # --- functions ---

    def _function_getnewargs(self, function: FunctionType) -> tuple[object, ...]:
        code, names, *rest = super()._function_getnewargs(function)
        if self.local is not Local.NOTHING and _of_a_file(function):
            names = self._standin(function.__globals__).globals
        return (code, names, *rest)

    def _dynamic_function_reduce(self, function: FunctionType) -> tuple[object, ...]:
        reduced = super()._dynamic_function_reduce(function)
        if self.local is Local.NOTHING:
            return cast("tuple[object, ...]", reduced)
        make, arguments, (attributes, slots), *_ = reduced
        module = str(function.__globals__.get("__name__")) if _of_a_file(function) else ""
        names, fills = slots["__globals__"], list[Fill]()
        for name, value in names.items():
            if isinstance(value, ModuleType) and is_local(value):
                paths = global_lookups(function.__code__).get(name, {()})
                if _tells(value, paths):
                    names[name] = self._standin(vars(value))
                    fills += self._fills(value, paths)
            elif module:
                names[name] = self._module_value(module, name, value)
        submodules = slots["_cloudpickle_submodules"]
        slots["_cloudpickle_submodules"] = [one for one in submodules if not is_local(one)]
        home = home_of(function)
        return (function_here, (home, make, arguments), (home, attributes, slots, fills), None, None, finish_function)

    def _standin(self, names: Mapping[str, object]) -> StandIn:
        return self._standins.setdefault(id(names), StandIn(names))

    def _fills(self, module: ModuleType, paths: set[Path]) -> Iterator[Fill]:
        """What a function takes from a local module."""
        for name, *rest in paths:
            if name not in vars(module):
                continue
            value = vars(module)[name]
            if isinstance(value, ModuleType) and is_local(value) and _tells(value, {tuple(rest)}):
                yield (self._standin(vars(module)), name, self._standin(vars(value)))
                yield from self._fills(value, {tuple(rest)})
            else:
                yield (self._standin(vars(module)), name, self._module_value(module.__name__, name, value))

    def _module_value(self, module: str, name: str, value: object) -> object:
        """A value of a local module, or what stands for it where it does not travel."""
        if type(value) in PLAIN or isinstance(value, FunctionType | BuiltinFunctionType | type | ModuleType):
            return value
        if id(value) not in self._chosen:
            # True while it is asked: a value may refer to itself by way of a function.
            self._chosen[id(value)] = (value, True)
            self._chosen[id(value)] = (value, self._is_small(value))
        return value if self._chosen[id(value)][1] else ModuleValue(module, name)

    def _is_small(self, value: object) -> bool:
        trial = Pickler(_Bounded(), protocol=5)
        trial.local, trial._chosen = self.local, self._chosen
        try:
            trial.dump(value)
        except Exception:  # noqa: BLE001 - whatever pickling the user's value raises
            return False
        return True


def _of_a_file(function: FunctionType) -> bool:
    """Whether a function is of a local module, and not of the notebook or of code that was made while it ran."""
    names = function.__globals__
    return "__file__" in names and names.get("__name__") not in MAIN and is_local(function)


def _travels(function: FunctionType) -> bool:
    """Whether a function is of a local module, or was made for one by the decorator of a library."""
    module = function.__module__ or ""
    return _of_a_file(function) or (module not in MAIN and is_local_name(module))


def _tells(module: ModuleType, paths: set[Path]) -> bool:
    """Whether the bytecode tells what is taken from a module."""
    return () not in paths and "__getattr__" not in vars(module)


def _cached(function: Callable[..., object], options: Mapping[str, object]) -> object:
    maxsize, typed = cast("int | None", options["maxsize"]), bool(options["typed"])
    return functools.lru_cache(maxsize=maxsize, typed=typed)(function)


class _Bounded:
    """A file that takes no more than a small value."""

    def __init__(self) -> None:
        self._left = VALUE_BYTES

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise ValueError("too large")
        return len(data)


def _written_in(filename: str, make: Callable[..., CodeType], parts: tuple[object, ...]) -> CodeType:
    return make(*parts).replace(co_filename=filename)


class TooLarge(Exception):
    """A pickle would be larger than allowed."""


class _Limited(io.BytesIO):
    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._left = most_bytes

    @override
    def write(self, data: Buffer) -> int:
        """Take more, as far as it goes; a large value is refused before it is copied."""
        self._left -= memoryview(data).nbytes
        if self._left < 0:
            raise TooLarge
        return super().write(data)


def dumps(value: object, most_bytes: int | None = None) -> bytes:
    """Pickle code, by value where a worker could not import it or may have an older version of it.

    Parameters
    ----------
    value : object
    most_bytes : int, optional
        Give up once it is larger.

    Raises
    ------
    TooLarge
    Exception : whatever pickling raises
    """
    try:
        return _dumped(value, Local.ALL, most_bytes)
    except TooLarge:
        raise
    except Exception:  # noqa: BLE001 - something in a local module may be no more than importable
        try:
            return _dumped(value, Local.FUNCTIONS, most_bytes)
        except TooLarge:
            raise
        except Exception:  # noqa: BLE001 - likewise
            return _dumped(value, Local.NOTHING, most_bytes)


def _dumped(value: object, local: Local, most_bytes: int | None) -> bytes:
    file = io.BytesIO() if most_bytes is None else _Limited(most_bytes)
    pickler = Pickler(file, protocol=5)
    pickler.local = local
    pickler.dump(value)
    return file.getvalue()
