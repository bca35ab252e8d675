"""Pieces: what callables and descriptors are made of, where a pickle does not tell or tells too much."""

from __future__ import annotations

import functools
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Final, cast

_DESCRIPTORS: Final = (
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
_CACHED: Final = type(functools.lru_cache(len))
#: Attributes that descriptors take over from their function, and the lock of a `cached_property`.
_KEPT_BY_PYTHON: Final = frozenset({*functools.WRAPPER_ASSIGNMENTS, "__wrapped__", "lock"})


def pieces_of(value: object) -> tuple[object, ...] | None:  # noqa: PLR0911 - one return a kind
    """What a value is made of, its kind first; None where its pickle tells."""
    if isinstance(value, MethodType):
        return ("method", value.__func__, value.__self__)
    if isinstance(value, BuiltinFunctionType | MethodWrapperType) and not is_plain_builtin(value):
        return ("bound", value.__self__, value.__name__)
    if isinstance(value, _DESCRIPTORS):
        return ("descriptor", value.__objclass__, value.__name__)
    if isinstance(value, functools.partial):
        return _made_of(value, functools.partial, value.func, value.args, value.keywords)
    if isinstance(value, property):
        return _made_of(value, property, value.fget, value.fset, value.fdel)
    if isinstance(value, staticmethod):
        return _made_of(value, staticmethod, value.__func__)
    if isinstance(value, classmethod):
        return _made_of(value, classmethod, value.__func__)
    if isinstance(value, functools.cached_property):
        return _made_of(value, functools.cached_property)
    if isinstance(value, _CACHED):  # what it remembers is no part of it
        return ("cached", cast("functools._lru_cache_wrapper[object]", value).__wrapped__)
    if isinstance(value, MappingProxyType):
        return ("mapping", dict(value))
    return None


def _made_of(value: object, kind: type, *parts: object) -> tuple[object, ...]:
    """The pieces of an instance of one of Python's types, or of a class that somebody derived from it, which counts."""
    noted = {name: one for name, one in getattr(value, "__dict__", {}).items() if name not in _KEPT_BY_PYTHON}
    return (kind.__name__ if type(value) is kind else type(value), *parts, *([noted] if noted else ()))


def is_plain_builtin(value: object) -> bool:
    """Whether a value is a function written in C that stands in a module."""
    holder = getattr(value, "__self__", None)
    return isinstance(value, BuiltinFunctionType) and (holder is None or isinstance(holder, ModuleType))
