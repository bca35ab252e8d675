"""`%load_ext wfkit`: puts cells, magics, completion, settings and reprs into a shell, and takes them out again."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wfkit.errors import WfkitError
from wfkit.notebook.cell import install
from wfkit.notebook.commands import make_magics
from wfkit.notebook.completion import install_completion
from wfkit.notebook.display import outcome_line, run_html, run_text
from wfkit.notebook.execution import shorten
from wfkit.notebook.hooks import NotebookHooks
from wfkit.notebook.noticing import NOTICING
from wfkit.notebook.output import ShownRun
from wfkit.notebook.tracebacks import install_tracebacks
from wfkit.notebook.view import close_views
from wfkit.notebook.waiting import wait_interruptibly
from wfkit.session.session import Session, close_nothing, session, wait_for

if TYPE_CHECKING:
    from wfkit.engine.driver.recorded import RecordedRun
    from wfkit.engine.driver.run import Run

#: What takes the extension out of a shell again, by the shell's id.
_UNDO: Final[dict[int, list[Callable[[], object]]]] = {}
#: Known by name, since the engine is not loaded yet.
_RUNS: Final = ("wfkit.engine.driver.run.Run", "wfkit.engine.driver.recorded.RecordedRun")


def load(shell: Any) -> None:
    """Make wfkit part of a notebook's shell, and start the local cluster in the background.

    Raises
    ------
    BadSetting : a setting is not usable; shown as one line
    """
    unload(shell)
    try:
        current = session(shell)
    except WfkitError as error:
        shorten(error)
        raise
    current.prepare()
    _UNDO[id(shell)] = [
        install(shell, NotebookHooks(shell, current)),
        install_tracebacks(shell),
        install_completion(shell, lambda: _names(current)),
        _install_noticing(shell),
        *_install_magics(shell, current),
        _install_settings(shell, current),
        *_install_reprs(shell),
    ]


def unload(shell: Any) -> None:
    """Take everything out of the shell; runs and the cluster stay until the kernel ends."""
    for undo in _UNDO.pop(id(shell), []):
        undo()


def _names(current: Session) -> list[str]:
    return [name for run in current.runs for name in (run.id, run.flow_name)]


def _install_noticing(shell: Any) -> Callable[[], object]:
    def look(*_: object) -> None:
        NOTICING.look()

    shell.events.register("post_run_cell", look)
    return functools.partial(shell.events.unregister, "post_run_cell", look)


def _install_magics(shell: Any, current: Session) -> list[Callable[[], object]]:
    known = shell.magics_manager.magics
    undo: list[Callable[[], object]] = []
    for kind, name, magic in make_magics(current):
        shell.register_magic_function(magic, kind, name)
        undo.append(functools.partial(known[kind].pop, name, None))
    return undo


def _install_settings(shell: Any, current: Session) -> Callable[[], object]:
    shell.configurables.append(current.settings)  # where `%config` looks
    current.wait, current.let_go = wait_interruptibly, close_views

    def undo() -> None:
        shell.configurables.remove(current.settings)
        current.wait, current.let_go = wait_for, close_nothing

    return undo


def _install_reprs(shell: Any) -> list[Callable[[], object]]:
    formatters = shell.display_formatter.formatters
    undo: list[Callable[[], object]] = []
    for kind, show in (("text/html", _html), ("text/plain", _print)):
        for run in _RUNS:
            formatters[kind].for_type(run, show)
            undo.append(functools.partial(formatters[kind].pop, run, None))
    return undo


def _html(run: ShownRun) -> str:
    held = run.held_bytes
    with run.lock:
        return run_html(run.view_model, time.time(), held_bytes=held)


def _print(run: Run | RecordedRun, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython's
    """Print a run: in full, or in one line where it is among others, as in what `wfkit.runs()` gives."""
    alone, held = len(printer.stack) == 1, run.held_bytes
    with run.lock:
        view, now_s = run.view_model, time.time()
        printer.text(run_text(view, now_s, held) if alone else f"<Run {run.id} of {outcome_line(view, now_s)}>")
