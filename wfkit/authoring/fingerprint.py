"""Fingerprint: a digest of what a task's code means."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from types import CodeType, MethodType
from typing import Final

FORMAT: Final = "wfkit.task.v1"  #: grows when the meaning of the digest changes
#: Flags that say how a function is called; others tell of `from __future__` around it, or of where it stands.
_MEANINGFUL: Final = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)


def code_digest(function: Callable[..., object], version: str = "") -> str:
    """Digest of a function's own bytecode, constants and names; not of its comments, file or line.

    Parameters
    ----------
    function : callable
    version : str
        Stands for the code where it is given.

    Returns
    -------
    str : 32 hex digits, the same in every process
    """
    digest = hashlib.blake2b(FORMAT.encode(), digest_size=16)
    digest.update(version.encode() if version else b"\0")
    if not version:
        _feed_function(digest.update, function)
    return digest.hexdigest()


def _feed_function(update: Callable[[bytes], object], function: object) -> None:
    if isinstance(function, functools.partial):
        update(_text((function.args, function.keywords)).encode())
        _feed_function(update, function.func)
        return
    function = function.__func__ if isinstance(function, MethodType) else function
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType):
        _feed_code(update, code)
    else:
        named = function if hasattr(function, "__qualname__") else type(function)
        update(f"{named.__module__}.{named.__qualname__}".encode())


def _feed_code(update: Callable[[bytes], object], code: CodeType) -> None:
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _MEANINGFUL)
    update(code.co_code)
    update(repr((code.co_names, code.co_varnames, code.co_freevars, counts)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _feed_code(update, constant)
        else:
            update(_text(constant).encode())


def _text(constant: object) -> str:
    """A constant as text that tells its type, and in which a set has an order: that of a set's `repr` changes."""
    if isinstance(constant, frozenset | set):
        items = sorted(map(_text, constant))
    elif isinstance(constant, tuple | list):
        items = [_text(item) for item in constant]
    elif isinstance(constant, dict):
        items = [f"{_text(key)}:{_text(value)}" for key, value in constant.items()]
    else:
        return f"{type(constant).__name__} {constant!r}"
    return f"{type(constant).__name__}({','.join(items)})"
