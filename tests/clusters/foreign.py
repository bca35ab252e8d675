"""What a cluster may lack: packages that only this process can import, functions of a notebook; and plain clusters."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

from distributed import Client, LocalCluster


@contextlib.contextmanager
def packages_here_only(folder: Path) -> Iterator[None]:
    """`shapes_here` and `tree_here.branch`, installed where this process can import them, and no other that runs.

    In `site-packages`: what is not installed is local, and travels.
    """
    folder = folder / "site-packages"
    folder.mkdir()
    (folder / "shapes_here.py").write_text("class Square:\n    pass\n\n\ndef area(x):\n    return x * x\n")
    (folder / "tree_here" / "branch").mkdir(parents=True)
    (folder / "tree_here" / "__init__.py").write_text("")
    (folder / "tree_here" / "branch" / "__init__.py").write_text("class Leaf:\n    pass\n")
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] in {"shapes_here", "tree_here"}]:
            del sys.modules[name]


def in_notebook(cell: str) -> FunctionType:
    """The function `f` that a cell defines."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(cell, "<cell>", "exec", dont_inherit=True), names)
    return names["f"]


@contextlib.contextmanager
def one_worker() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        yield cluster


@contextlib.contextmanager
def frozen(client: Client) -> Iterator[None]:
    """The workers do not answer."""
    workers = list(client.run(os.getpid).values())
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
