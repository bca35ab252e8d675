"""One execution of a `%%flow` cell: what happens before, around and after the statements of its body."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import linecache
import logging
import signal
import sys
import threading
from ast import Module
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Protocol

from wfkit.errors import WfkitError
from wfkit.notebook.arguments import FlowArguments
from wfkit.notebook.body import CellBody

logger = logging.getLogger(__name__)

_ABSENT: Final = object()


class Shell(Protocol):
    """What wfkit uses of IPython's untyped `InteractiveShell`."""

    @property
    def user_ns(self) -> dict[str, Any]:
        """The notebook's namespace."""

    @property
    def ast_transformers(self) -> list[Any]:
        """What changes a cell after it is parsed; the list itself."""

    @property
    def input_transformers_cleanup(self) -> list[Any]:
        """What changes a cell's lines first; the list itself."""

    @property
    def ast_node_interactivity(self) -> str:
        """Which values of a cell are displayed."""

    @property
    def compile(self) -> Any:
        """The compiler, which knows the cells' `from __future__`."""


class FlowHooks(Protocol):
    """What the engine does around the body of a flow cell.

    Only `enter`, `leave` and `wait` may raise: a `WfkitError` or a `KeyboardInterrupt` of theirs is shown as one line.
    """

    def enter(self, cell: FlowCell) -> None:
        """Open the run, show the view, bind NAME. Where it raises, no statement runs and no other hook is called."""

    def leave(self, cell: FlowCell, last_value: object) -> None:
        """Close the body: it ran to its end. Where it raises, `failed` is called too.

        `last_value` is None where the body does not end in an expression (`cell.body.has_last_expression`).
        """

    def failed(self, cell: FlowCell, error: BaseException, line: int | None) -> None:
        """Close the body: `error` came out of it, which is shown as ordinary Python afterwards."""

    def wait(self, cell: FlowCell) -> None:
        """Wait for the run, where that is wanted. Called after `leave`; then the last value is shown."""


class FlowCell:
    """One execution of a `%%flow` cell. IPython runs it as `with cell: body`, and then `cell.finish()`.

    Attributes
    ----------
    arguments : FlowArguments
        What stands after `%%flow`.
    body : CellBody
        The body, ready to run again; known from `enter` on.
    parameters : dict
        Name -> value of this execution; known from `enter` on.
    namespace : dict
        The notebook's namespace.
    """

    body: CellBody

    def __init__(
        self, shell: Shell, hooks: FlowHooks, arguments: FlowArguments, *, tree: Module, source: str, name: str
    ) -> None:
        self.arguments = arguments
        self.parameters: dict[str, Any] = {}
        self.namespace = shell.user_ns
        self.running = False
        self.last_value: object = None  # assigned by the wrapped body
        self._shell = shell
        self._hooks = hooks
        self._tree = tree
        self._source = source
        self._name = name  # under which the wrapped body finds this object
        self._saved: dict[str, Any] = {}

    def __enter__(self) -> None:
        self.running = True
        try:
            with interruptible():
                self._open(sys._getframe(1).f_code.co_filename)
        except BaseException as error:
            self._forget()
            shorten(error)
            raise
        try:
            for name, value in self.parameters.items():
                self._saved[name] = self.namespace.get(name, _ABSENT)
                self.namespace[name] = value
        except BaseException as error:  # an interrupt between two statements
            self._failed(error, None)
            raise

    def _open(self, filename: str) -> None:
        self.body = CellBody.of(
            self._tree,
            name=self.arguments.name,
            source=self._source,
            python=_readable_source(filename, self._source),
            filename=filename,
            parameters=self.arguments.parameters,
            flags=self._shell.compile.flags,
        )
        self.body.check(named=self.arguments.named)
        self.parameters = self.body.evaluate(self.namespace)
        self._hooks.enter(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._failed(error, trace.tb_lineno if trace else None)
            return
        try:
            with interruptible():
                self._restore()
                self._hooks.leave(self, self.last_value)
        except BaseException as mishap:
            shorten(mishap)
            self._failed(mishap, None)
            raise
        self.running = False

    def finish(self) -> object:
        """Wait, if that is wanted, and give the value that the cell displays."""
        self._forget()
        try:
            with interruptible():
                self._hooks.wait(self)
        except BaseException as error:
            if self.last_value is not None:
                sys.displayhook(self.last_value)
            shorten(error)
            raise
        return self.last_value

    def _failed(self, error: BaseException, line: int | None) -> None:
        self._restore()
        self._forget()
        try:
            self._hooks.failed(self, error, line)
        except Exception:
            logger.exception("the run of `%s` could not be closed", self.arguments.name)

    def _restore(self) -> None:
        for name, value in self._saved.items():
            if value is _ABSENT:
                self.namespace.pop(name, None)
            else:
                self.namespace[name] = value
        self._saved.clear()

    def _forget(self) -> None:
        self.running = False
        self.namespace.pop(self._name, None)


def _readable_source(filename: str, source: str) -> str:
    """Let tracebacks show the magic line as a comment instead of the string that stands for it; give all lines."""
    lines = linecache.getlines(filename)
    if not lines:
        return source
    lines = [f"# {source.splitlines()[0]}\n", *lines[1:]]
    text = "".join(lines)
    linecache.cache[filename] = (len(text), None, lines, filename)
    return text


def shorten(error: BaseException) -> None:
    """Make IPython show an error of ours, or an interrupt of our waiting, as one line without traceback."""
    if isinstance(error, WfkitError | KeyboardInterrupt):
        # IPython asks the exception; an attribute of this one object, since the same class shows the user's line when
        # it is raised by a statement of the user.
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
        error._render_traceback_ = functools.partial(str.splitlines, text)  # type: ignore[union-attr]  # not declared


def is_interrupt(error: BaseException) -> bool:
    """Tell whether an exception of a body is the user's interrupt; in a cell that awaits it is a cancellation."""
    return isinstance(error, KeyboardInterrupt | asyncio.CancelledError)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let an interrupt raise KeyboardInterrupt in blocking code, in a cell that awaits too.

    While a cell awaits, ipykernel has a handler of its own, which only cancels the cell's next `await`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler or before is None:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def can_click(shell: object) -> bool:
    """Tell whether somebody sits in front of the cell that runs now, and can click into its view.

    An interactive front end sends its requests with `allow_stdin`; nbclient, papermill and nbconvert do not. Outside a
    kernel there is no view to click into.
    """
    get_parent = getattr(getattr(shell, "kernel", None), "get_parent", None)
    if get_parent is None:
        return False
    content = (get_parent() or {}).get("content", {})
    return bool(content.get("allow_stdin", False))
