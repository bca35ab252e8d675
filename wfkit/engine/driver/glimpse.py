"""Glimpse: frozen arguments as far as plain values go. No code of the user's runs, so it may be done under a lock."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final, Self

from wfkit.authoring.freeze import Frozen

#: What builds plain values, and runs nothing else.
_PLAIN: Final = {
    "builtins": {"bytearray", "complex", "frozenset", "range", "set", "slice"},
    "collections": {"OrderedDict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.numeric": {"_frombuffer"},
}


def glimpse(frozen: Frozen) -> tuple[tuple[object, ...], dict[str, object]]:
    """The arguments; in the place of all but plain values are objects that have the name of its type, and no content.

    Raises
    ------
    Exception : they cannot be read so
    """
    arguments: tuple[tuple[object, ...], dict[str, object]] = _Reader(io.BytesIO(frozen.payload)).load()
    return arguments


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """What a pickle names: the thing itself where it is harmless, else what takes its place."""
        if name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        if module.startswith("wfkit.authoring.") and name in _OURS:
            return _OURS[name]
        known = vars(sys.modules[module]).get(name) if module in sys.modules else None
        if known is None or isinstance(known, type):
            return _class(name)
        return lambda *_, **__: _made(f"made by {name}", name)

    def persistent_load(self, _: object) -> None:
        """Nothing of what another node gives."""


def _nothing(*_: object) -> None:
    """Whatever a pickle does to an object that it makes."""


class _Taking:
    __setstate__ = __setitem__ = append = extend = add = _nothing


class _StandIn(_Taking):
    def __new__(cls, *_: object, **__: object) -> Self:
        return object.__new__(cls)


class _Kind(_Taking, type):
    """The type of what a function returned, which may be used as a class."""


def _class(name: str) -> type:
    return type(name.rpartition(".")[2], (_StandIn,), {})


def _made(kind: str, by: str) -> type:
    """What a function returned; and if it is used as a class, instances of it."""
    made: type = type(kind, (_Kind,), {})(f"made by {by}", (_StandIn,), {})
    return made


def _class_here(identity: tuple[str, str, str, object], _: object, arguments: Iterable[object]) -> type:
    return _class(identity[1] or next((one for one in arguments if isinstance(one, str)), "object"))


#: How `authoring.rebuilt` and `authoring.standins` pickle classes and functions of notebooks and local modules.
_OURS: Final[dict[str, Callable[..., type]]] = {
    "_class_here": _class_here,
    "class_named": lambda _, qualname, *__: _class(qualname),
    "function_here": lambda home, *_: _made("function", home[-1]),
}
