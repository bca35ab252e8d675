"""A real IPython shell in this process, and hooks that write down what happens, for tests of cells."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from wfkit.notebook.arguments import TaskArguments
from wfkit.notebook.cell import install
from wfkit.notebook.execution import FlowCell


class Recorder:
    """Hooks that remember their calls, and raise what a test gives them to raise."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.cells: list[FlowCell] = []
        self.to_raise: dict[str, BaseException] = {}

    def enter(self, cell: FlowCell) -> None:
        self.cells.append(cell)
        self._note("enter", cell.arguments.name, dict(cell.parameters))

    def leave(self, cell: FlowCell, last_value: object) -> None:
        self._note("leave", last_value)

    def failed(self, cell: FlowCell, error: BaseException, line: int | None) -> None:
        self._note("failed", type(error), line)

    def wait(self, cell: FlowCell) -> None:
        self._note("wait")

    def define(self, function: FunctionType, arguments: TaskArguments) -> object:
        self._note("define", arguments)
        return function

    def _note(self, hook: str, *facts: object) -> None:
        self.calls.append((hook, *facts))
        if hook in self.to_raise:
            raise self.to_raise[hook]

    @property
    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


class Lab:
    """A shell that knows our cells."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.hooks = Recorder()
        self.uninstall = install(shell, self.hooks)
        self._flags = shell.compile.flags

    def forget_futures(self) -> None:
        """Make the shell forget which `from __future__` it has seen."""
        self.shell.compile.flags = self._flags

    def renew(self) -> None:
        """Forget what was run and defined."""
        self.shell.reset(new_session=True)
        self.forget_futures()
        self.shell.ast_node_interactivity = "last_expr"
        vars(self.hooks).update(vars(Recorder()))

    def run(self, cell: str, **how: Any) -> Any:
        """Run a cell; its result has `success`, `result`, `error_in_exec`, `error_before_exec`."""
        return self.shell.run_cell(cell, **{"store_history": True, **how})

    @property
    def history(self) -> Any:
        """IPython's record of the cells: `input_hist_raw`, `input_hist_parsed`."""
        return self.shell.history_manager

    @property
    def names(self) -> dict[str, Any]:
        return self.shell.user_ns

    @property
    def leftovers(self) -> list[str]:
        """What we left in the notebook's namespace."""
        return [name for name in self.names if "wfkit" in name]


@contextmanager
def open_lab() -> Iterator[Lab]:
    """Make a shell of its own, and put back what every shell changes in the process."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    try:
        yield Lab(shell)
    finally:
        atexit.unregister(shell.atexit_operations)
        shell.atexit_operations()
        InteractiveShell.clear_instance()
