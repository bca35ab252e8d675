"""Functions: which of them can be a task."""

from __future__ import annotations

import dis
import functools
import inspect
import re
import string
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Final

from wfkit.authoring.handle import Handle
from wfkit.errors import BadTask

#: What IPython makes of `!cmd`, `x = !cmd`, `%magic` and `%%magic`, and how each is written.
_SHELL_CALLS: Final = {"system": "!", "getoutput": "!", "run_line_magic": "%", "run_cell_magic": "%%"}


def name_of(function: Callable[..., object]) -> str:
    """The name of a function; of the inner one of a partial, of the class of any other object."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def made_already(function: object) -> str:
    """The words for what a decorator of ours made of a function; empty for anything else."""
    ours = callable(function) and type(function).__module__.startswith("wfkit.authoring.")
    kind = {"Task": "task", "Flow": "flow"}.get(type(function).__name__, "")
    return f"`{getattr(function, 'name', '')}` is a {kind} already." if ours and kind else ""


def yields(function: Callable[..., object]) -> bool:
    """Whether calling it gives a generator."""
    called = [function, vars(type(function)).get("__call__")]
    return any(inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one) for one in called)


def refuse_bad_function(function: object) -> None:
    """Refuse what cannot be a task: not callable, a class, a generator, code that needs the notebook's shell.

    Raises
    ------
    BadTask
    """
    if made := made_already(function):
        raise BadTask(made, "Use .with_options() to change a task; call a flow from another flow.")
    if isinstance(function, staticmethod | classmethod):
        kind = type(function).__name__
        raise BadTask(f"@task was put on a {kind}.", f"Write @{kind} above @task.")
    if not callable(function) or isinstance(function, type | Handle):
        raise BadTask(f"@task needs a function, got {function!r:.80}.", "Decorate a def.")
    name = name_of(function)
    if yields(function):
        raise BadTask(
            f"`{name}` is a generator function; its values cannot travel one by one.",
            "Return a list, and map over its handle: `next_task.map(handle)`.",
        )
    if "wait_for" in _parameters(function):
        raise BadTask(f"`{name}` has a parameter `wait_for`, which is wfkit's own.", "Give it another name.")
    plain = inspect.unwrap(function)
    for line, command in shell_commands(getattr(plain, "__code__", None)):
        raise BadTask(
            f"`{name}`, line {line}: `{command}` needs the notebook's shell, which workers do not have.",
            "Use subprocess.run(...) or plain Python instead.",
        )


def refuse_bad_template(template: str, function: Callable[..., object]) -> None:
    """Refuse a `task_run_name` that names something that is no parameter.

    Raises
    ------
    BadTask
    """
    parameters = _parameters(function)
    if not template or any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return
    for _, field, _, _ in string.Formatter().parse(template):
        if field is not None and (name := re.split(r"[.\[]", field)[0]) not in parameters:
            raise BadTask(
                f"task_run_name={template!r} names {{{name}}}, which is no parameter of `{name_of(function)}`.",
                f"Its parameters are: {', '.join(parameters) or 'none'}.",
            )


def _parameters(function: Callable[..., object]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:  # some functions written in C do not tell
        return {}


def shell_commands(code: CodeType | None) -> Iterator[tuple[int, str]]:
    """The lines of code that use `!cmd` or `%magic`, and what stands there; functions inside it included."""
    if code is None:
        return
    line, after_shell, sign = code.co_firstlineno, False, ""
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno or line if instruction.positions else line
        if sign:
            # The first constant is the command or the name of the magic.
            yield line, f"{sign}{instruction.argval}" if isinstance(instruction.argval, str) else f"{sign}…"
        sign = _SHELL_CALLS.get(str(instruction.argval), "") if after_shell else ""
        if instruction.opname.startswith("LOAD_"):
            after_shell = instruction.argval == "get_ipython"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from shell_commands(constant)
