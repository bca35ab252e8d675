"""Lookups: the names that code reads from outside itself, with the attributes that it takes from them at once."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from itertools import takewhile
from types import CodeType
from typing import Final, NamedTuple

#: Attributes taken one after another: of `a.b.c`, ("b", "c").
Path = tuple[str, ...]

_GLOBAL: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_BINDS: Final = frozenset({"STORE_GLOBAL", "STORE_NAME"})
#: How a handler begins, up to the comparison.
_COMPARED: Final = _GLOBAL | {"PUSH_EXC_INFO", "EXTENDED_ARG", "BUILD_TUPLE"}
_ENCLOSED: Final = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTE: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR"})


class Import(NamedTuple):
    """An import statement inside code."""

    name: str
    level: int  #: the dots before it
    names: Path  #: what is taken from it, of `from … import`


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Code, and that of the functions, classes and comprehensions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def global_lookups(code: CodeType) -> dict[str, set[Path]]:
    """The paths that are taken from each name of the module or of the builtins; an empty one: it is used whole."""
    return _lookups(code, _GLOBAL)


def bound_names(code: CodeType) -> set[str]:
    """The names of its module, and of the classes in it, that code binds itself."""
    steps = (step for one in codes_in(code) for step in dis.get_instructions(one))
    return {str(step.argval) for step in steps if step.opname in _BINDS}


def caught_lookups(code: CodeType) -> set[str]:
    """The names that code reads only in a `try` whose first `except` is one of a `NameError`."""
    caught, bare = set[str](), set[str]()
    for one in codes_in(code):
        steps = dis.Bytecode(one)
        entries = steps.exception_entries  # type: ignore[attr-defined]  # typeshed does not have it
        tried = [entry for entry in entries if _catches_names(steps, entry.target)]
        for step in steps:
            if step.opname in _GLOBAL:
                inside = any(entry.start <= step.offset < entry.end for entry in tried)
                (caught if inside else bare).add(str(step.argval))
    return caught - bare


def _catches_names(steps: dis.Bytecode, handler: int) -> bool:
    """Whether what a handler compares the exception with is `NameError`, or has it in a tuple."""
    behind = [step for step in steps if step.offset >= handler]
    compared = list(takewhile(lambda step: step.opname in _COMPARED, behind))
    compares = behind[len(compared)].opname == "CHECK_EXC_MATCH"
    return compares and any(step.argval == NameError.__name__ for step in compared)


def enclosed_lookups(code: CodeType) -> dict[str, set[Path]]:
    """The paths that are taken from each name of the functions around the code, or in it."""
    return _lookups(code, _ENCLOSED)


def _lookups(code: CodeType, loads: frozenset[str]) -> dict[str, set[Path]]:
    found: dict[str, set[Path]] = {}
    for one in codes_in(code):
        name, path = "", list[str]()
        for step in dis.get_instructions(one):
            if name and step.opname in _ATTRIBUTE:
                path.append(str(step.argval))
                continue
            if step.opname == "COPY":  # of `a.b += 1`, before the attribute is taken
                continue
            if name:
                found.setdefault(name, set()).add(tuple(path))
            name, path = (str(step.argval) if step.opname in loads else ""), []
    return found


def imports_in(code: CodeType) -> list[Import]:
    """The import statements in code."""
    return [one for inner in codes_in(code) if "IMPORT_NAME" in _operations(inner) for one in _imports(inner)]


def _operations(code: CodeType) -> set[str]:
    return {dis.opname[operation] for operation in code.co_code[::2]}


def _imports(code: CodeType) -> Iterator[Import]:
    constants: list[object] = []
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            level, names = constants[-2:]
            yield Import(
                str(step.argval),
                level if isinstance(level, int) else 0,
                tuple(map(str, names)) if isinstance(names, tuple) else (),
            )
        elif step.opcode in dis.hasconst or step.opname == "LOAD_SMALL_INT":
            constants.append(step.argval)
