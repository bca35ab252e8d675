"""References: the packages that a pickle refers to, read without unpickling anything."""

from __future__ import annotations

import pickletools
import sys
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

#: Of a pickle that is larger, the rest is not read: 0.1 s.
OPERATIONS: Final = 50_000
#: Packages that a worker has, or has been checked for.
_BROUGHT: Final = frozenset({"__main__", "__mp_main__", "cloudpickle", "dask", "distributed", "wfkit"})


class _Reference(NamedTuple):
    """A global that the pickle names."""

    module: str
    name: str


_IMPORTERS: Final = {
    _Reference("cloudpickle.cloudpickle", "subimport"),
    _Reference("builtins", "__import__"),
    _Reference("importlib", "import_module"),
    # What of a local module does not travel: it is taken from the module on the worker.
    _Reference("wfkit.authoring.rebuilt", "class_named"),
    _Reference("wfkit.authoring.standins", "module_value"),
}


def modules_of(code: bytes) -> set[str]:
    """Top-level packages that unpickling will import; nothing is unpickled here.

    Without the standard library and what wfkit itself brings. Of a very large pickle (values that a task has captured),
    only the first operations are read; of broken ones, those up to the fault. What a function imports when it is called
    is not in its pickle.

    Parameters
    ----------
    code : bytes
        A pickle of protocol 3 or newer, such as `wfkit.authoring.freeze.freeze_code` makes.
    """
    modules: set[str] = set()
    stack: list[object] = []
    memo: dict[object, object] = {}
    with suppress(ValueError, IndexError):  # a broken pickle: whoever loads it says so
        for operation, argument, _ in islice(pickletools.genops(code), OPERATIONS):
            name = operation.name
            if name in {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}:
                memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
            elif name in {"GET", "BINGET", "LONG_BINGET"}:
                stack.append(memo.get(argument))
            else:
                value = _value(name, argument, _popped(stack, operation))
                if isinstance(value, _Reference):
                    modules.add(value.module.partition(".")[0])
                stack += [value] * len(operation.stack_after)
    return modules - sys.stdlib_module_names - _BROUGHT


def _popped(stack: list[object], operation: pickletools.OpcodeInfo) -> list[object]:
    """What an operation takes from the stack, without what lies above a mark."""
    before = operation.stack_before
    count = len(before)
    if pickletools.markobject in before:
        while stack.pop() is not pickletools.markobject:
            pass
        count = before.index(pickletools.markobject)
    popped = [stack.pop() for _ in range(count)]
    return popped[::-1]


def _value(name: str, argument: object, popped: list[object]) -> object:
    """What an operation leaves on the stack, as far as it matters: strings, references, tuples, calls of both."""
    value: object = None
    match name, popped:
        case "MARK", _:
            value = pickletools.markobject
        case (("GLOBAL" | "INST"), _):
            value = _Reference(*str(argument).split(" ", 1))
        case "STACK_GLOBAL", [str(module), str(qualified)]:
            value = _Reference(module, qualified)
        case (("TUPLE1" | "TUPLE2" | "TUPLE3"), _):
            value = tuple(popped)
        case "REDUCE", [_Reference() as function, (str(module), *_)] if function in _IMPORTERS:
            value = _Reference(module, "")
        case (("UNICODE" | "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8"), _):
            value = argument
        case _:
            pass
    return value
