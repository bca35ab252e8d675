"""`%load_ext wfkit`: puts the cells, the magic, completion, settings and reprs into a shell, and takes them out again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from wfkit.engine.driver.run import Run
from wfkit.notebook.cell import install
from wfkit.notebook.commands import make_flow_magic
from wfkit.notebook.completion import install_completion
from wfkit.notebook.display import run_html, run_text
from wfkit.notebook.hooks import NotebookHooks
from wfkit.notebook.tracebacks import install_tracebacks
from wfkit.session.session import Session, session

#: What takes the extension out of a shell again, by the shell's id.
_UNDO: Final[dict[int, list[Callable[[], object]]]] = {}


def load(shell: Any) -> None:
    """Make wfkit part of a notebook's shell, and start the local cluster in the background."""
    unload(shell)
    current = session()
    current.prepare()
    shell.register_magic_function(make_flow_magic(current), "line", "flow")
    shell.configurables.append(current.settings)
    _UNDO[id(shell)] = [
        install(shell, NotebookHooks(shell, current)),
        install_tracebacks(shell),
        install_completion(shell, lambda: _names(current)),
        lambda: shell.magics_manager.magics["line"].pop("flow", None),
        lambda: shell.configurables.remove(current.settings),
        *_install_reprs(shell),
    ]


def unload(shell: Any) -> None:
    """Take everything out of the shell; runs and the cluster stay until the kernel ends."""
    for undo in _UNDO.pop(id(shell), []):
        undo()


def _names(current: Session) -> list[str]:
    return [name for run in current.runs for name in (run.id, run.flow_name)]


def _install_reprs(shell: Any) -> list[Callable[[], object]]:
    formatters = shell.display_formatter.formatters
    html, plain = formatters["text/html"], formatters["text/plain"]
    html.for_type(Run, _html)
    plain.for_type(Run, lambda run, printer, _cycle: printer.text(_text(run)))
    return [lambda: html.pop(Run, None), lambda: plain.pop(Run, None)]


def _html(run: Run) -> str:
    with run.lock:
        return run_html(run.view_model, time.time())


def _text(run: Run) -> str:
    with run.lock:
        return run_text(run.view_model, time.time())
