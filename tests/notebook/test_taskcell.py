"""A `%%task` cell makes a real function of its body."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tests.notebook.shells import Lab
from wfkit.errors import BadTask


def test_a_task_cell_makes_a_function_whose_last_expression_is_its_value(lab: Lab) -> None:
    lab.run("base = 100")
    assert lab.run("%%task add(a: int, b=base, *, c=3) -> int --retries 2\ntotal = a + b\n\ntotal + c;").success
    function: Any = lab.names["add"]
    assert (function(1), function(1, 2, c=0)) == (104, 3)
    assert str(inspect.signature(function)) == "(a: int, b=100, *, c=3) -> int"
    assert (function.__name__, function.__module__) == ("add", "__main__")
    arguments = lab.hooks.calls[0][1]
    assert (arguments.name, arguments.options) == ("add", {"retries": 2})
    assert lab.leftovers == []


def test_a_task_cell_that_awaits_is_an_async_function(lab: Lab) -> None:
    lab.run("%%task t(a)\nimport asyncio\nawait asyncio.sleep(0, a)")
    assert inspect.iscoroutinefunction(lab.names["t"])
    lab.run("%%task u(a)\nasync def f(): await a\nf")
    assert not inspect.iscoroutinefunction(lab.names["u"])
    assert lab.run("await t(7)").result == 7


def test_tracebacks_and_the_source_of_a_task_cell_have_the_lines_of_the_cell(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.run("%%task t(a)\nx = '''\nkept'''\n\n1 / a")
    assert inspect.getsource(lab.names["t"]) == "def t(a):\n    x = '''\nkept'''\n\n    1 / a\n"
    assert inspect.getsourcelines(lab.names["t"])[1] == 1
    lab.run("t(0)")
    shown = capsys.readouterr().out
    assert "----> 5     1 / a" in shown
    assert "%%task" not in shown


def test_a_task_that_is_refused_leaves_the_name_as_it_was(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.names["t"] = "before"
    lab.hooks.to_raise["define"] = BadTask("`t` is a generator function.")
    lab.run("%%task t(a)\nyield a")
    assert capsys.readouterr().out.strip() == "BadTask: `t` is a generator function."
    assert lab.names["t"] == "before"
    assert lab.leftovers == []


def test_a_syntax_error_in_a_task_cell_names_its_line(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(lab.run("%%task t(a)\nx = 1\ny = = 2").error_before_exec, SyntaxError)
    assert "line 3" in capsys.readouterr().out
    assert "t" not in lab.names


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("if a:\n    return 1\n2", 1),
        ("for i in range(a):\n    b = i", None),
        ("'''a docstring'''\na", 5),
        ("text = '''\n  kept\n'''\ntext", "\n  kept\n"),
        ("text = f'''\n  {a}\n'''\ntext", "\n  5\n"),
        ("def inner():\n    return a\ninner()", 5),
        ("x = (a,\n1)\nx", (5, 1)),
        ("import math\nmath.sqrt(a - 1)", 2.0),
    ],
)
def test_a_task_cell_may_hold_any_body_of_a_function(lab: Lab, body: str, value: object) -> None:
    assert lab.run(f"%%task t(a)\n{body}").success
    assert lab.names["t"](5) == value
