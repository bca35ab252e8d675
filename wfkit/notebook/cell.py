"""How `%%flow` and `%%task` cells become Python: the magic line goes before Python sees it, the body is wrapped after.

A magic that executes its body as a string cannot give the body what any cell has (`await`, `!cmd`, the display of the
last expression, tracebacks at the right line). So a cell is changed twice, and IPython then runs it as any other:

1. `CellTransformer.__call__`, an input transformer, replaces the magic line by one line of plain Python: a string for
   `%%flow`, the head of a function for `%%task` (whose body is indented). All other lines keep their numbers.
2. `CellTransformer.visit`, an AST transformer, knows the cell by that string, and wraps the body in `with cell:`, or
   decorates the function.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import itertools
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from textwrap import dedent
from types import FunctionType
from typing import Any, Final, Protocol, TypeVar

from wfkit.errors import BadCommand, BadTask, WfkitError
from wfkit.notebook.arguments import Help, TaskArguments, parse_flow_cell, parse_task_cell
from wfkit.notebook.execution import FlowCell, FlowHooks, Shell, shorten
from wfkit.notebook.taskcell import TaskCell, function_lines, is_empty, refuse_ipython_syntax, return_last_value

_MAGIC: Final = re.compile(r"%%(flow|task)(?=\s|$)[ \t]*(.*?)\s*$")
_MARKER: Final = re.compile(r"%%(flow|task) (.*)  # ([0-9a-f]{12})", re.DOTALL)
#: Cells of which the text as typed is kept until they run.
_REMEMBERED: Final = 100
_Node = TypeVar("_Node", bound=ast.AST)


class CellHooks(FlowHooks, Protocol):
    """What the engine does with the cells of a notebook."""

    def define(self, function: FunctionType, arguments: TaskArguments) -> object:
        """Make the task of a `%%task` cell; what is returned is bound to its name. May raise a `WfkitError`."""


def install(shell: Shell, hooks: CellHooks) -> Callable[[], None]:
    """Teach a shell the `%%flow` and `%%task` cells; what was installed before is replaced.

    Returns
    -------
    A function that takes it out again.
    """
    for transformers in (shell.input_transformers_cleanup, shell.ast_transformers):
        for old in [known for known in transformers if getattr(known, "is_wfkit_cell_transformer", False)]:
            transformers.remove(old)
    transformer = CellTransformer(shell, hooks)
    shell.input_transformers_cleanup.append(transformer)
    shell.ast_transformers.append(transformer)

    def uninstall() -> None:
        for transformers in (shell.input_transformers_cleanup, shell.ast_transformers):
            if transformer in transformers:
                transformers.remove(transformer)

    return uninstall


class CellTransformer:
    """Turns `%%flow` and `%%task` cells into Python; one a shell."""

    #: IPython leaves such transformers out when it asks whether a cell is complete. There a cell magic ends with a
    #: blank line, so the cell must still look like one.
    has_side_effects: Final = True
    is_wfkit_cell_transformer: Final = True

    def __init__(self, shell: Shell, hooks: CellHooks) -> None:
        self._shell = shell
        self._hooks = hooks
        self._sources: OrderedDict[str, str] = OrderedDict()  # digest -> cell as typed
        self._numbers = itertools.count(1)
        self._placed: dict[str, int] = {}  # names in the notebook's namespace -> thread; of cells that may not have run

    def __call__(self, lines: list[str]) -> list[str]:
        """Replace the magic line; called several times a cell."""
        found = _MAGIC.match(lines[0]) if lines else None
        if found is None:
            return lines
        magic, line = found.groups()
        body = dedent("".join(lines[1:])).splitlines(keepends=True)
        marker = self._marker(magic, line, "".join(lines).removesuffix("\n"))
        if magic == "task" and not is_empty(body):
            with contextlib.suppress(BadCommand):  # `visit` says it
                arguments = parse_task_cell(line)
                if isinstance(arguments, TaskArguments):
                    return [*function_lines(arguments, body), marker]
        # A cell of one line would go through IPython's prefilter, which may take a string for a call.
        return [marker, *(body or ["\n"])]

    def _marker(self, magic: str, line: str, source: str) -> str:
        digest = hashlib.sha256(source.encode(errors="replace")).hexdigest()[:12]
        self._sources[digest] = source
        self._sources.move_to_end(digest)
        while len(self._sources) > _REMEMBERED:
            self._sources.popitem(last=False)
        # A `u` before a string has no meaning and is not written any more: no cell of a user looks like this.
        return f"u{f'%%{magic} {line}  # {digest}'!r}\n"

    def visit(self, tree: ast.Module) -> ast.Module:
        """Wrap the body of a cell that has our marker. Never raises: IPython would drop the transformer."""
        statements = getattr(tree, "body", None)
        if not isinstance(statements, list) or not statements:
            return tree
        if found := _marked(statements[0]):
            magic, line, digest = found.groups()
            if magic == "flow":
                return self._flow(line, self._sources.get(digest, ""), statements)
            return self._task_refused(line, statements)
        if (found := _marked(statements[-1])) and isinstance(statements[0], ast.FunctionDef | ast.AsyncFunctionDef):
            return self._task(found.group(2), statements[0])
        return tree

    def _flow(self, line: str, source: str, statements: list[ast.stmt]) -> ast.Module:
        try:
            arguments = parse_flow_cell(line)
        except WfkitError as error:
            return self._notice(error, statements)
        if isinstance(arguments, Help):
            return self._notice(arguments, statements)
        body = _with_assigned_value_shown(statements[1:], self._shell.ast_node_interactivity)
        name = self._new_name()
        cell = FlowCell(
            self._shell,
            self._hooks,
            arguments,
            tree=ast.Module(body, []),
            source=source or f"%%flow {line}",
            name=name,
        )
        self._place(name, cell)
        return wrapped(body, name, marker=statements[0])

    def _task(self, line: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.Module:
        try:
            arguments = parse_task_cell(line)
            if isinstance(arguments, Help):
                return self._notice(arguments, [function])
            refuse_ipython_syntax(function)
        except WfkitError as error:
            return self._notice(error, [function])
        return_last_value(function)
        name = self._new_name()
        self._place(name, TaskCell(self._hooks.define, arguments, namespace=self._shell.user_ns, name=name))
        function.decorator_list.append(ast.copy_location(ast.Name(name, ast.Load()), function))
        return ast.Module([function], [])

    def _task_refused(self, line: str, statements: list[ast.stmt]) -> ast.Module:
        try:
            arguments = parse_task_cell(line)
        except WfkitError as error:
            return self._notice(error, statements)
        if isinstance(arguments, Help):
            return self._notice(arguments, statements)
        return self._notice(BadTask(f"The cell of the task `{arguments.name}` has no body."), statements)

    def _notice(self, notice: WfkitError | Help, statements: list[ast.stmt]) -> ast.Module:
        """Replace a whole cell by one line of text."""
        name = self._new_name()
        self._place(name, _Notice(notice, self._shell.user_ns, name))
        call = ast.Expr(ast.Call(ast.Name(name, ast.Load()), [], []))
        return ast.Module([_located(call, statements[0])], [])

    def _new_name(self) -> str:
        return f"__wfkit_cell_{next(self._numbers)}__"

    def _place(self, name: str, cell: FlowCell | TaskCell | _Notice) -> None:
        """Put a cell where its code finds it; take out those whose code never ran, as it did not compile."""
        namespace, thread = self._shell.user_ns, threading.get_ident()
        for old in [old for old, owner in self._placed.items() if owner == thread]:
            del self._placed[old]
            if not getattr(namespace.get(old), "running", True):
                del namespace[old]
        self._placed[name] = thread
        namespace[name] = cell


class _Notice:
    """What a cell says instead of running."""

    def __init__(self, notice: WfkitError | Help, namespace: dict[str, Any], name: str) -> None:
        self.running = False
        self._notice = notice
        self._namespace = namespace
        self._name = name

    def __call__(self) -> None:
        self._namespace.pop(self._name, None)
        if isinstance(self._notice, Help):
            print(self._notice.text)  # noqa: T201 - the answer to `-h`
        else:
            shorten(self._notice)
            raise self._notice


def _marked(statement: ast.stmt) -> re.Match[str] | None:
    match statement:
        case ast.Expr(value=ast.Constant(value=str() as text, kind="u")):
            return _MARKER.fullmatch(text)
        case _:
            return None


def wrapped(body: list[ast.stmt], name: str, *, marker: ast.stmt) -> ast.Module:
    """Write `with cell: body` and `cell.finish()`, which gives the value to display.

    Parameters
    ----------
    name : str
        The name under which the body finds the cell.
    marker : ast.stmt
        The statement that stands in place of the magic line.
    """

    def cell() -> ast.expr:
        return ast.Name(name, ast.Load())

    futures = [line for line in body if isinstance(line, ast.ImportFrom) and line.module == "__future__"]
    inner = [line for line in body if line not in futures]
    if inner and isinstance(inner[-1], ast.Expr):
        target = ast.Attribute(cell(), "last_value", ast.Store())
        inner[-1] = _located(ast.Assign([target], inner[-1].value), inner[-1])
    block = _located(ast.With([ast.withitem(cell())], inner or [_located(ast.Pass(), marker)]), marker)
    end = _located(
        ast.Expr(ast.Call(ast.Attribute(cell(), "finish", ast.Load()), [], [])), inner[-1] if inner else marker
    )
    return ast.Module([*futures, block, end], [])


def _with_assigned_value_shown(body: list[ast.stmt], interactivity: str) -> list[ast.stmt]:
    """Do for the body what IPython does for a cell when it is set to display the value of a last assignment."""
    if interactivity == "last_expr_or_assign" and body:
        last = body[-1]
        targets = last.targets if isinstance(last, ast.Assign) else [getattr(last, "target", None)]
        match targets:
            case [ast.Name(id=name)] if isinstance(last, ast.Assign | ast.AnnAssign | ast.AugAssign):
                return [*body, _located(ast.Expr(ast.Name(name, ast.Load())), last)]
    return body


def _located(node: _Node, at: ast.AST) -> _Node:
    return ast.fix_missing_locations(ast.copy_location(node, at))
