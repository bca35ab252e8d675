"""Fingerprint: a digest of what a task's code means."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import CodeType
from typing import Final

FORMAT: Final = "wfkit.task.v0"  #: grows when the meaning of the digest changes


def code_digest(function: Callable[..., object], version: str = "") -> str:
    """Digest of a function's own bytecode, constants and names; not of its comments, file or line.

    Parameters
    ----------
    function : callable
    version : str
        Stands for the code where it is given.

    Returns
    -------
    str : 32 hex digits
    """
    digest = hashlib.blake2b(FORMAT.encode(), digest_size=16)
    code = getattr(function, "__code__", None)
    if version or code is None:
        digest.update(repr((version, getattr(function, "__qualname__", type(function).__qualname__))).encode())
    else:
        _feed(digest.update, code)
    return digest.hexdigest()


def _feed(update: Callable[[bytes], object], code: CodeType) -> None:
    update(code.co_code)
    update(repr((code.co_names, code.co_varnames, code.co_freevars, code.co_flags)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _feed(update, constant)
        else:
            update(repr((type(constant).__name__, constant)).encode())
