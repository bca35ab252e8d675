"""Hostile code: exceptions and values that break whoever prints, pickles or loads them."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


class Wicked(BaseException):
    """An exception that no `except Exception` catches."""


class NeedsTwo(Exception):
    """Its pickle cannot be read: two arguments in, one remembered."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class Speechless(Exception):
    """Raises when it is printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class WithLock(Exception):
    """Cannot be pickled."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


def raise_chain() -> NoReturn:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError("outer") from error


def recurse(depth: int = 0) -> int:
    return recurse(depth + 1) + 1


def raiser(make: Callable[[], BaseException]) -> Callable[[], NoReturn]:
    def raise_it() -> NoReturn:
        raise make()

    return raise_it


#: What a task does; type and message that the user shall see.
RAISES: dict[str, tuple[Callable[[], object], str, str]] = {
    "BaseException": (raiser(lambda: Wicked("mine")), "Wicked", "mine"),
    "GeneratorExit": (raiser(GeneratorExit), "GeneratorExit", ""),
    "CancelledError": (raiser(asyncio.CancelledError), "CancelledError", ""),
    "KeyboardInterrupt": (raiser(KeyboardInterrupt), "KeyboardInterrupt", ""),
    "SystemExit": (raiser(lambda: SystemExit("bye")), "SystemExit", "bye"),
    "sys.exit": (lambda: sys.exit(3), "SystemExit", "3"),
    "StopIteration": (lambda: next(iter(())), "StopIteration", ""),
    "RecursionError": (recurse, "RecursionError", "maximum recursion depth exceeded"),
    "broken __init__": (raiser(lambda: NeedsTwo("one", "two")), "NeedsTwo", "one and two"),
    "broken __str__": (raiser(Speechless), "Speechless", "cannot be read: RuntimeError"),
    "not picklable": (raiser(lambda: WithLock("locked")), "WithLock", "locked"),
    "50 MB": (raiser(lambda: ValueError("x" * 50_000_000)), "ValueError", "xxx"),
    "chained": (raise_chain, "ValueError", "outer"),
    "group": (
        raiser(lambda: ExceptionGroup("many", [ValueError("a"), OSError("b")])),
        "ExceptionGroup",
        "many (2 sub-exceptions)",
    ),
    "lone surrogate": (raiser(lambda: ValueError("file \udc80")), "ValueError", "file \\udc80"),
}


class Model:
    """Holds whatever it is told to."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


#: What a task returns; what the user shall read.
CANNOT_TRAVEL: dict[str, tuple[Callable[[], object], str]] = {
    "lock": (threading.Lock, "`result` is a lock"),
    "open file": (lambda: Path(os.devnull).open(), "an open file"),  # noqa: SIM115 - it shall stay open
    "open binary file": (lambda: Path(os.devnull).open("rb"), "BufferedReader"),  # noqa: SIM115
    "generator": (lambda: (i for i in range(3)), "Return list(...) of it"),
    "nested lock": (lambda: Model(model=Model(_lock=threading.Lock())), "`result.model._lock` is a lock"),
    "lock in a list": (lambda: [1, {"a": (threading.Lock(),)}], "`result[1]['a'][0]` is a lock"),
    "too deep": (lambda: _nested(100_000), "nested too deeply"),
}


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


class OnlyHere:
    """Can be loaded only in the process that made it."""

    def __init__(self, size: int = 0) -> None:
        self.padding = bytes(size)

    def __reduce__(self) -> tuple[object, ...]:
        return (_only_in, (os.getpid(), len(self.padding)))


def _only_in(pid: int, size: int) -> OnlyHere:
    if os.getpid() != pid:
        raise RuntimeError("made in another process")
    return OnlyHere(size)


class Unloadable:
    """Can be pickled and never loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_refuse, ())


def _refuse() -> NoReturn:
    raise RuntimeError("cannot be rebuilt")


class LoadsFrom:
    """Can be loaded as soon as a file exists."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (_load_from, (self.path,))


def _load_from(path: str) -> LoadsFrom:
    if not Path(path).exists():
        raise RuntimeError("not yet")
    return LoadsFrom(path)


class Endless:
    """Loops for ever when anybody asks what it is."""

    def __repr__(self) -> str:
        while True:
            pass

    __str__ = _repr_html_ = __repr__


class Destructive:
    """Raises BaseExceptions from wherever it is looked at."""

    def __repr__(self) -> str:
        raise SystemExit("repr")

    def __len__(self) -> int:
        raise KeyboardInterrupt

    def __getitem__(self, item: object) -> NoReturn:
        raise SystemExit("getitem")

    def __sizeof__(self) -> int:
        raise SystemExit("sizeof")

    __str__ = _repr_html_ = __repr__
