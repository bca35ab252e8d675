"""Codes: what the tasks of a recorded run mean now, version by version of their code."""

from __future__ import annotations

import functools
import inspect
from ast import literal_eval
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import FunctionType, ModuleType

from wfkit.authoring.explain import GIVEN, explain
from wfkit.authoring.flow import Flow, FunctionBody
from wfkit.authoring.locality import is_local
from wfkit.authoring.lookups import global_lookups
from wfkit.authoring.task import Task
from wfkit.core.events import CodeSpec
from wfkit.engine.worker.calls import code_spec

AnyTask = Task[..., object]


def codes_of(recorded: Iterable[CodeSpec], body: Iterable[object], space: Iterable[object]) -> dict[str, CodeSpec]:
    """The code of tasks as it is now, by the id of the recorded version; those that are not found are left out.

    Of several tasks of one name it is the one that differs the least from what was recorded.

    Parameters
    ----------
    recorded : iterable of CodeSpec
    body : iterable
        What the flow's body reads, which leads to the tasks that it calls.
    space : iterable
        What else is known, where that leads to no task of the name.
    """
    near, far = _by_name(_reached(body)), _by_name(task for value in space for task in _tasks_in(value))

    @functools.cache
    def now(task: AnyTask, given: str) -> CodeSpec:
        words = {name: value for name, value in literal_eval(given or "{}").items() if name not in task._given}
        return code_spec(task.with_options(**words) if words else task)

    found = {}
    for code in recorded:
        given = dict(code.parts).get(GIVEN, "")
        tasks = near.get(code.task) or far.get(code.task) or []
        if not tasks and given and "name" in literal_eval(given):
            tasks = [task for tasks in near.values() for task in tasks]
        specs = [now(task, given) for task in tasks]
        if specs:
            found[code.id] = min(specs, key=functools.partial(_difference, code))
    return found


def _difference(before: CodeSpec, after: CodeSpec) -> tuple[bool, int]:
    return before.fingerprint != after.fingerprint, len(explain(before.parts, after.parts))


def _by_name(tasks: Iterable[AnyTask]) -> dict[str, list[AnyTask]]:
    found: dict[str, list[AnyTask]] = {}
    for task in tasks:
        found.setdefault(task.name, []).append(task)
    return found


def _tasks_in(value: object) -> Iterator[AnyTask]:
    """The task that a value is, or that maps the flow that it is; those of a class, its instances, a local module."""
    if isinstance(value, Task):
        yield value._base
    elif isinstance(value, Flow):
        if isinstance(value.body, FunctionBody):
            yield value._mapper
    elif isinstance(value, ModuleType):
        inside = list(vars(value).values()) if is_local(value) else []
        yield from (task for one in inside if not isinstance(one, ModuleType) for task in _tasks_in(one))
    else:
        kind = value if isinstance(value, type) else type(value)
        if is_local(kind):
            yield from (one for cls in kind.__mro__ for one in list(vars(cls).values()) if isinstance(one, Task))


def _reached(values: Iterable[object]) -> Iterator[AnyTask]:
    """The tasks among values, those that their code reads, and so on; the nearest first."""
    waiting, seen = deque(values), set[int]()
    while waiting:
        value = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        tasks = list(_tasks_in(value))
        yield from tasks
        functions = [value] if isinstance(value, FunctionType) else [inspect.unwrap(task.fn) for task in tasks]
        waiting.extend(read for function in functions for read in read_by(function))


def read_by(function: object) -> Iterator[object]:
    """The values of the names that a function of the user's reads, of local modules what it takes from them."""
    if not isinstance(function, FunctionType) or not is_local(function):
        return
    for name, paths in global_lookups(function.__code__).items():
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            yield from (vars(value)[path[0]] for path in paths if path and path[0] in vars(value))
        else:
            yield value
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # it is empty
            yield cell.cell_contents
