"""Sources: modules that code imports when it runs, read from their files; nothing is imported here."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from types import CodeType

from wfkit.authoring.contents import Unhashable
from wfkit.authoring.locality import is_local_name, is_standard, source_of
from wfkit.authoring.lookups import Import


def imported_names(one: Import, package: str) -> list[str]:
    """The modules that an import statement may read: the one it names, and those that are taken from it."""
    try:
        name = importlib.util.resolve_name("." * one.level + one.name, package) if one.level else one.name
    except ImportError:  # a relative import outside a package: it fails when it runs
        return []
    inner = [f"{name}.{taken}" for taken in one.names if taken != "*"]
    return [name, *(module for module in inner if not is_standard(name) and local_source(module) is not None)]


def local_source(name: str) -> str | None:
    """The file of a local module; None for a library, or where there is none."""
    file = source_of(name)
    return file if file is not None and is_local_name(name, file) else None


def compiled_source(name: str, file: str) -> tuple[CodeType, str]:
    """The code of a module, and the package it is in.

    Raises
    ------
    Unhashable : the file cannot be read, or is no Python
    """
    path = Path(file)
    if path.is_dir():  # a package without a file of its own
        return _compiled("", file, 0, 0), name
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        told = path.stat()
        return _compiled(name, file, told.st_mtime_ns, told.st_size), package
    except (OSError, SyntaxError, ValueError) as error:
        raise Unhashable(f"its file cannot be read: {error}") from error


@functools.lru_cache(maxsize=256)
def _compiled(name: str, file: str, _changed_ns: int, _size: int) -> CodeType:
    return compile(Path(file).read_bytes() if name else b"", file, "exec", dont_inherit=True)
