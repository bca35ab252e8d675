"""wfkit: the workflow system that lives in the notebook and uses Dask as its engine.

Public names are resolved at first use, so that `import wfkit` is quick and Dask's workers load only what they run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # For type checkers, which cannot follow `__getattr__`.
    from os import PathLike
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from wfkit import errors as errors
    from wfkit.authoring.caching import INPUTS as INPUTS
    from wfkit.authoring.caching import NO_CACHE as NO_CACHE
    from wfkit.authoring.context import Launcher
    from wfkit.authoring.context import current as current
    from wfkit.authoring.fingerprint import fingerprint as fingerprint
    from wfkit.authoring.flattening import flatten as flatten
    from wfkit.authoring.flow import Flow as Flow
    from wfkit.authoring.flow import flow as flow
    from wfkit.authoring.handle import Handle as Handle
    from wfkit.authoring.inputs import Missing as Missing
    from wfkit.authoring.inputs import allow_failure as allow_failure
    from wfkit.authoring.inputs import present as present
    from wfkit.authoring.inputs import unmapped as unmapped
    from wfkit.authoring.secrets import Secret as Secret
    from wfkit.authoring.signals import Fail as Fail
    from wfkit.authoring.signals import Retry as Retry
    from wfkit.authoring.signals import Skip as Skip
    from wfkit.authoring.task import Task as Task
    from wfkit.authoring.task import task as task
    from wfkit.authoring.waiting import as_completed as as_completed
    from wfkit.authoring.waiting import wait as wait
    from wfkit.core.retry import exponential_backoff as exponential_backoff
    from wfkit.engine.driver.again import Rerunner
    from wfkit.engine.driver.reading import ReadableRun
    from wfkit.engine.driver.recorded import RecordedRun
    from wfkit.engine.driver.run import Run as Run
    from wfkit.engine.driver.viewing import Plotter, View
    from wfkit.session.lookup import attach as attach
    from wfkit.session.lookup import runs as runs
    from wfkit.session.session import connect as connect

__version__: Final = "0.1.0"

#: Public names, and the modules (and names in them) that they come from.
_PUBLIC: Final = {
    "Fail": "wfkit.authoring.signals",
    "Flow": "wfkit.authoring.flow",
    "Handle": "wfkit.authoring.handle",
    "INPUTS": "wfkit.authoring.caching",
    "Missing": "wfkit.authoring.inputs",
    "NO_CACHE": "wfkit.authoring.caching",
    "Retry": "wfkit.authoring.signals",
    "Run": "wfkit.engine.driver.run",
    "Secret": "wfkit.authoring.secrets",
    "Skip": "wfkit.authoring.signals",
    "Task": "wfkit.authoring.task",
    "allow_failure": "wfkit.authoring.inputs",
    "as_completed": "wfkit.authoring.waiting",
    "attach": "wfkit.session.lookup",
    "connect": "wfkit.session.session",
    "current": "wfkit.authoring.context",
    "errors": "wfkit",
    "exponential_backoff": "wfkit.core.retry",
    "fingerprint": "wfkit.authoring.fingerprint",
    "flatten": "wfkit.authoring.flattening",
    "flow": "wfkit.authoring.flow",
    "present": "wfkit.authoring.inputs",
    "runs": "wfkit.session.lookup",
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
    _wire()
    found: object = getattr(import_module(module), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


def _wire() -> None:
    """Give flows what starts them and runs what shows them; both are imported when they are first needed."""
    from wfkit.authoring import context
    from wfkit.engine.driver import again, viewing

    def session_launcher() -> Launcher:
        from wfkit.session.launch import SessionLauncher

        return SessionLauncher()

    def live_view(run: Run | RecordedRun) -> View:
        from wfkit.notebook.view import FlowView

        return FlowView(run)

    def report(run: ReadableRun, path: str | PathLike[str]) -> Path:
        from wfkit.notebook.report import write_report
        from wfkit.session.lookup import record_of

        return write_report(run, path, record_of(run.id))

    def plotter() -> Plotter:
        from wfkit.notebook.pictures import Pictures

        return Pictures()

    def session_rerunner() -> Rerunner:
        from wfkit.session.reruns import SessionRerunner

        return SessionRerunner()

    context.provide_launcher(session_launcher)
    again.provide_rerunner(session_rerunner)
    viewing.provide_view(live_view)
    viewing.provide_report(report)
    viewing.provide_plotter(plotter)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext wfkit`: the magics, and our local cluster in the background."""
    from wfkit.notebook.extension import load

    _wire()
    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext wfkit`: take everything back."""
    from wfkit.notebook.extension import unload

    unload(shell)
