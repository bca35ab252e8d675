"""The `%%task` cell: a cell's body as the body of a function whose last expression is its return value."""

from __future__ import annotations

import ast
import io
import linecache
import sys
import tokenize
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

from wfkit.errors import BadTask
from wfkit.notebook.arguments import TaskArguments
from wfkit.notebook.execution import shorten

_INDENT: Final = "    "
_SHELL_CALLS: Final = frozenset({"system", "getoutput", "run_line_magic", "run_cell_magic"})


def function_lines(arguments: TaskArguments, body: list[str]) -> list[str]:
    """Write the head of the function in place of the magic line, and indent the body."""
    kept = _inside_strings(body)
    indented = [line if row in kept or line.isspace() else _INDENT + line for row, line in enumerate(body, 1)]
    if indented and not indented[-1].endswith("\n"):
        indented[-1] += "\n"
    head = f"{'async ' if _awaits(body) else ''}def {arguments.name}{arguments.signature}:\n"
    return [head, *indented]


def is_empty(body: list[str]) -> bool:
    """Tell whether a body has no statement."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in body)


def _inside_strings(body: list[str]) -> set[int]:
    """Rows that begin inside a string, where an indent would change its value."""
    rows: set[int] = set()
    starts: list[int] = []
    openers = {getattr(tokenize, name, -1) for name in ("FSTRING_START", "TSTRING_START")}
    closers = {getattr(tokenize, name, -1) for name in ("FSTRING_END", "TSTRING_END")}
    try:
        for token in tokenize.generate_tokens(io.StringIO("".join(body)).readline):
            if token.type == tokenize.STRING:
                rows.update(range(token.start[0] + 1, token.end[0] + 1))
            elif token.type in openers:
                starts.append(token.start[0])
            elif token.type in closers:
                rows.update(range(starts.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError):  # Python's own message comes when the cell is compiled
        pass
    return rows


def _awaits(body: list[str]) -> bool:
    try:
        tree = ast.parse("".join(body))
    except (SyntaxError, ValueError):
        return False
    return any(_own_await(statement) for statement in tree.body)


def _own_await(node: ast.AST) -> bool:
    """Tell whether a statement awaits by itself, functions defined in it left out."""
    if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) or (
        isinstance(node, ast.comprehension) and node.is_async
    ):
        return True
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return False
    return any(_own_await(child) for child in ast.iter_child_nodes(node))


def return_last_value(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Make the last expression of a function its return value."""
    last = function.body[-1]
    if isinstance(last, ast.Expr):
        function.body[-1] = ast.copy_location(ast.Return(last.value), last)


def refuse_ipython_syntax(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Refuse `!cmd` and `%magic` lines, which only a notebook's kernel can run.

    Raises
    ------
    BadTask : one was found; its line is named
    """
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=attribute)) if (
                attribute in _SHELL_CALLS
            ):
                raise BadTask(
                    f"Line {node.lineno} of the task `{function.name}` is a `!` or `%` line, which no worker can run.",
                    fix="Use `subprocess.run`, or move that line into a cell of its own.",
                )


class TaskCell:
    """Decorates the function of one `%%task` cell."""

    def __init__(
        self,
        define: Callable[[FunctionType, TaskArguments], object],
        arguments: TaskArguments,
        *,
        namespace: dict[str, Any],
        name: str,
    ) -> None:
        self.running = False
        self._define = define
        self._arguments = arguments
        self._namespace = namespace
        self._name = name  # under which the cell finds this object

    def __call__(self, function: FunctionType) -> object:
        """Hand the function over; what comes back is bound to its name."""
        self._namespace.pop(self._name, None)
        _drop_marker(sys._getframe(1).f_code.co_filename)
        try:
            return self._define(function, self._arguments)
        except BaseException as error:
            shorten(error)
            raise


def _drop_marker(filename: str) -> None:
    """Take the string that marks the cell off its end, so that no traceback shows it."""
    lines = linecache.getlines(filename)[:-1]
    if lines:
        linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
