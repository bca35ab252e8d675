"""wfkit: the workflow system that lives in the notebook and uses Dask as its engine.

Public names are resolved at first use, so that `import wfkit` is quick and Dask's workers load only what they run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from wfkit.authoring.context import Launcher

__version__: Final = "0.1.0"

#: Public names, and the modules (and names in them) that they come from.
_PUBLIC: Final = {
    "Fail": "wfkit.authoring.signals",
    "Flow": "wfkit.authoring.flow",
    "Handle": "wfkit.authoring.handle",
    "Missing": "wfkit.authoring.inputs",
    "Retry": "wfkit.authoring.signals",
    "Run": "wfkit.engine.driver.run",
    "Skip": "wfkit.authoring.signals",
    "Task": "wfkit.authoring.task",
    "allow_failure": "wfkit.authoring.inputs",
    "as_completed": "wfkit.authoring.waiting",
    "connect": "wfkit.session.session",
    "current": "wfkit.authoring.context",
    "errors": "wfkit",
    "exponential_backoff": "wfkit.core.retry",
    "flow": "wfkit.authoring.flow",
    "present": "wfkit.authoring.inputs",
    "runs": "wfkit.session.session",
    "task": "wfkit.authoring.task",
    "unmapped": "wfkit.authoring.inputs",
    "wait": "wfkit.authoring.waiting",
}
__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 - strings, from the table above


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'wfkit' has no attribute {name!r}")
    module = _PUBLIC[name]
    if module == "wfkit":
        return import_module(f"wfkit.{name}")
    if module.startswith("wfkit.authoring"):
        _wire()
    found: object = getattr(import_module(module), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


def _wire() -> None:
    """Give flows what starts them; it is imported when the first one starts."""
    from wfkit.authoring import context

    def session_launcher() -> Launcher:
        from wfkit.session.launch import SessionLauncher

        return SessionLauncher()

    context.provide_launcher(session_launcher)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext wfkit`: the magics, and our local cluster in the background."""
    from wfkit.notebook.extension import load

    _wire()
    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext wfkit`: take everything back."""
    from wfkit.notebook.extension import unload

    unload(shell)
