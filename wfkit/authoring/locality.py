"""Locality: which code is the user's own, edited while the notebook runs, and which is an installed library.

Local are the notebook, and modules that are neither in the standard library, nor in a `site-packages` or
`dist-packages` folder, nor wfkit's or Dask's own. What was installed as editable is local: it is edited in place.
"""

from __future__ import annotations

import builtins
import functools
import importlib.machinery
import sys
import sysconfig
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final, cast

#: Where a notebook's own code says that it is from.
MAIN: Final = frozenset({"__main__", "__mp_main__"})
_OURS: Final = frozenset({"wfkit", "dask", "distributed", "cloudpickle"})
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_STANDARD: Final = tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")})
_SOURCES: Final = tuple(importlib.machinery.SOURCE_SUFFIXES)


def is_local_name(name: str, file: str | None = None) -> bool:
    """Whether the module of a name is local.

    Parameters
    ----------
    name : str
    file : str, optional
        Where it was read from, if that is known; else it is looked up among the loaded modules. A module that is not
        loaded has been made by code, as those that travelled: it is local.
    """
    root = name.partition(".")[0]
    if name in MAIN or not name:
        return True
    if root in _OURS:
        return False
    if file is None:
        module = sys.modules.get(name)
        file = None if module is None else _file_of(module)
        if file is None:
            return module is None and root not in sys.modules and root not in sys.stdlib_module_names
    return _is_local_file(file)


def is_local(thing: FunctionType | type | ModuleType) -> bool:
    """Whether a function, a class or a module is of the user's own code."""
    if isinstance(thing, ModuleType):
        if thing.__name__ in MAIN or sys.modules.get(thing.__name__) is not thing:
            return True
        return is_local_name(thing.__name__, _file_of(thing))
    if isinstance(thing, FunctionType):
        # Not its `__module__`: `functools.wraps` gives a wrapper that of the function inside.
        space = cast("Mapping[str, object]", thing.__globals__)
        file = space.get("__file__")
        return is_local_name(str(space.get("__name__", "")), file if isinstance(file, str) else None)
    return is_local_name(str(thing.__module__))


def _file_of(module: ModuleType) -> str | None:
    """The file of a module; the folder of a package without one."""
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return file
    return next(iter(getattr(module, "__path__", ())), None)


@functools.lru_cache(maxsize=1024)
def _is_local_file(file: str) -> bool:
    path = Path(file)
    if not _INSTALLED.isdisjoint(path.parts) or any(path.is_relative_to(folder) for folder in _STANDARD):
        return False
    return path.suffix in ("", *_SOURCES, ".pyc")  # one written in C cannot travel


def source_of(name: str) -> str | None:
    """The file that an import of a module would read, found without importing anything; None if there is none.

    A folder where it is a package without a file of its own.
    """
    places: list[str] | None = None
    found: importlib.machinery.ModuleSpec | None = None
    parts = name.split(".")
    for depth in range(len(parts)):
        found = importlib.machinery.PathFinder.find_spec(".".join(parts[: depth + 1]), places)
        if found is None:
            return None
        places = list(found.submodule_search_locations or ())
    if found is None or found.origin is None:
        return next(iter(places or ()), None)
    return found.origin


def is_standard(name: str) -> bool:
    """Whether a module comes with Python."""
    root = name.partition(".")[0]
    return root in sys.stdlib_module_names or root in sys.builtin_module_names


@functools.lru_cache(maxsize=1024)
def library_of(module: str) -> tuple[str, str]:
    """The name and version of the installed library that a module belongs to; the version is empty if it has none.

    Asked once per process: what is loaded stays what it is.
    """
    root = module.partition(".")[0]
    try:
        return root, metadata.version(root)
    except metadata.PackageNotFoundError:
        pass
    owners = metadata.packages_distributions().get(root)
    if owners:
        return owners[0], metadata.version(owners[0])
    version = getattr(sys.modules.get(root), "__version__", "")
    return root, version if isinstance(version, str) else ""


def is_builtin(name: str) -> bool:
    """Whether Python itself knows a name."""
    return hasattr(builtins, name)
