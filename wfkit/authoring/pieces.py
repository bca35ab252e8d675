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


def pieces_of(value: object) -> tuple[object, ...] | None:  # noqa: PLR0911 - one return a kind
    """What a value is made of, its kind first; None where its pickle tells."""
    if isinstance(value, MethodType):
        return ("method", value.__func__, value.__self__)
    if isinstance(value, BuiltinFunctionType | MethodWrapperType) and not is_plain_builtin(value):
        return ("bound", value.__self__, value.__name__)
    if isinstance(value, _DESCRIPTORS):
        return ("descriptor", value.__objclass__, value.__name__)
    if isinstance(value, functools.partial):
        return ("partial", value.func, value.args, value.keywords)
    if isinstance(value, property):
        return ("property", value.fget, value.fset, value.fdel)
    if isinstance(value, staticmethod | classmethod):
        return (type(value).__name__, value.__func__)
    if isinstance(value, functools.cached_property):  # which holds a lock
        return ("cached_property", value.func)
    if isinstance(value, _CACHED):  # what it remembers is no part of it
        return ("cached", cast("functools._lru_cache_wrapper[object]", value).__wrapped__)
    if isinstance(value, MappingProxyType):
        return ("mapping", dict(value))
    return None


def is_plain_builtin(value: object) -> bool:
    """Whether a value is a function written in C that stands in a module."""
    holder = getattr(value, "__self__", None)
    return isinstance(value, BuiltinFunctionType) and (holder is None or isinstance(holder, ModuleType))
