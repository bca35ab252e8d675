"""Cells of a notebook as text, executed in namespaces of their own, and local modules beside it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

PRELUDE = "import dataclasses, enum, functools, math\nimport numpy as np\nfrom wfkit import flow, task\n"


def namespace(source: str, *, prelude: str = PRELUDE) -> dict[str, Any]:
    """The names that a notebook has after executing a cell."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(prelude, "<prelude>", "exec", dont_inherit=True), names)
    exec(compile(source, "<cell>", "exec", dont_inherit=True), names)
    return names


def defined(source: str, name: str = "f") -> Any:
    """What a cell binds to a name."""
    return namespace(source)[name]


def local_module(folder: Path, name: str, source: str) -> ModuleType:
    """A module in a folder that is on the path, imported as it is now."""
    path = folder.joinpath(*name.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    forget(name)
    importlib.invalidate_caches()
    # Python takes a file of the same second and size for the same.
    for cached in path.parent.glob(f"__pycache__/{path.stem}.*"):
        cached.unlink()
    return importlib.import_module(name)


def forget(*names: str) -> None:
    """Make modules be read anew when they are imported again."""
    for name in names:
        sys.modules.pop(name, None)
