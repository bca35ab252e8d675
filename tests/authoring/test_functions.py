"""Functions: which can be a task, and what is said of the others."""

from __future__ import annotations

import functools
import inspect
import linecache
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from tests.authoring.conftest import Recording
from wfkit import flow, task
from wfkit.authoring.functions import name_of, yields
from wfkit.errors import BadTask


def numbers() -> Iterator[int]:
    yield 1


async def numbers_soon() -> AsyncIterator[int]:
    yield 1


class Numbers:
    def __call__(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (numbers, "numbers"),
        (numbers_soon, "numbers_soon"),
        (functools.partial(numbers), "numbers"),
        (Numbers(), "Numbers"),
        (Numbers().__call__, "__call__"),
    ],
    ids=["generator", "async generator", "partial", "object", "method"],
)
def test_a_generator_function_is_no_task(function: Any, name: str) -> None:
    with pytest.raises(BadTask, match=rf"`{name}` is a generator function.*Return a list, and map over its handle"):
        task(function)


def test_a_function_that_returns_a_generator_expression_is_found_out_on_the_worker_only() -> None:
    assert not yields(lambda: (x for x in [1]))


@pytest.mark.parametrize("thing", [3, "load", None, [1], object()], ids=repr)
def test_what_is_not_callable_is_no_task(thing: Any) -> None:
    with pytest.raises(BadTask, match=r"@task needs a function, got .*Decorate a def"):
        task()(thing)


def test_a_class_is_no_task() -> None:
    with pytest.raises(BadTask, match="@task needs a function, got <class 'dict'>"):
        task(dict)


def test_a_handle_is_no_task(recording: Recording) -> None:
    with pytest.raises(BadTask, match="got <Handle load"):
        task(recording.handle())


def test_a_task_or_a_flow_is_no_task_again() -> None:
    with pytest.raises(BadTask, match=r"`plus` is a task already\. Use \.with_options"):
        task(task(name="plus")(lambda: 1))
    with pytest.raises(BadTask, match="`etl` is a flow already"):
        task(flow(name="etl")(name_of))


def test_a_parameter_may_not_have_the_name_of_ours() -> None:
    with pytest.raises(BadTask, match="`load` has a parameter `wait_for`, which is wfkit's own"):

        @task
        def load(wait_for: int) -> None: ...


def test_the_name_of_a_partial_is_that_of_its_function() -> None:
    assert name_of(functools.partial(functools.partial(numbers))) == "numbers"
    assert name_of(Numbers()) == "Numbers"
    assert name_of(len) == "len"


def notebook_function(cell: str) -> Any:
    """The function `load` of a cell, as IPython compiles it."""
    source = TransformerManager().transform_cell(cell)
    namespace: dict[str, Any] = {}
    exec(compile(source, "<cell>", "exec"), namespace)
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    return namespace["load"]


@pytest.mark.parametrize(
    ("cell", "line", "command"),
    [
        ("def load():\n    x = 1\n    !ls -l\n", 3, "!ls -l"),
        ("def load():\n    files = !ls\n    return files\n", 2, "!ls"),
        ("def load():\n    !!ls\n", 2, "!ls"),
        ("x = 1\n\ndef load():\n    %matplotlib inline\n", 4, "%matplotlib"),
        ("def load():\n    for x in range(3):\n        if x:\n            !echo {x}\n", 4, "!echo {x}"),
        ("def load():\n    def inner():\n        %time 1\n    return inner()\n", 3, "%time"),
        ("def load():\n    get_ipython().run_cell_magic('bash', '', 'ls')\n", 2, "%%bash"),
        (
            "import functools\ndef d(f):\n    return functools.wraps(f)(lambda: f())\n@d\ndef load():\n    !ls\n",
            6,
            "!ls",
        ),
    ],
)
def test_shell_commands_and_magics_are_refused_with_their_line(cell: str, line: int, command: str) -> None:
    with pytest.raises(BadTask) as caught:
        task(notebook_function(cell))
    assert f"`load`, line {line}: `{command}` needs the notebook's shell" in caught.value.what
    assert "subprocess.run" in caught.value.fix


def test_a_method_of_the_same_name_is_no_shell_command() -> None:
    source = "def load(db):\n    shell = get_ipython()\n    db.system('x')\n    return db.run_line_magic('y', '')\n"
    assert task(notebook_function(source))


def test_functions_written_in_c_are_fine() -> None:
    assert task(max).name == "max"
    assert inspect.signature(task(len).signature.bind) is not None
