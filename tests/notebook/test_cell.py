"""A `%%flow` cell behaves like any cell; a bad one says why in one line."""

from __future__ import annotations

import pytest

from tests.notebook.shells import Lab
from wfkit.notebook.cell import CellTransformer, install


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("1 + 1", 2),
        ("x = [i * 2 for i in range(3)]\nx", [0, 2, 4]),
        ("k = 2\n[k * i for i in range(3)]", [0, 2, 4]),
        ("import math\nmath.floor(2.5)", 2),
        ("def f():\n    return 3\nf()", 3),
        ("import functools\n@functools.cache\ndef f():\n    return 4\nf()", 4),
        ("class A:\n    b = 5\nA.b", 5),
        ("import asyncio\nawait asyncio.sleep(0, 6)", 6),
        ("import asyncio\n[await asyncio.sleep(0, i) for i in range(2)]", [0, 1]),
        ("x = !echo out\nlist(x)", ["out"]),
        ("%precision 3\n1", 1),
        ("from __future__ import annotations\ndef f(a: Unknown): pass\nf.__annotations__", {"a": "Unknown"}),
        ("'a docstring, or not'\n7", 7),
        ("'only a string'", "only a string"),
        ("(yes := 8)", 8),
        ("if True:\n    x = 9\nx  # comment\n\n# more", 9),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    x = 10\nx", 10),
        ("match 11:\n    case n: pass\nn", 11),
        ("x: int = 12\nx", 12),
        ("from math import *\nfloor(13.5)", 13),
        ("    x = 14\n    x", 14),
        (">>> x = 15\n>>> x", 15),
        ("s = '''\n%%flow\n  kept'''\ns", "\n%%flow\n  kept"),
        ("x = 1", None),
        ("def f(): pass", None),
        ("None", None),
    ],
)
def test_a_body_does_what_the_same_cell_without_the_magic_does(lab: Lab, body: str, value: object) -> None:
    plain = lab.run(body)
    lab.forget_futures()
    assert (plain.success, plain.result) == (True, value)
    result = lab.run(f"%%flow monthly\n{body}")
    lab.forget_futures()
    assert (result.success, result.result) == (True, value)
    assert lab.hooks.calls == [("enter", "monthly", {}), ("leave", value), ("wait",)]
    assert lab.leftovers == []


@pytest.mark.parametrize("body", ["", "\n", "\n\n   \n", "# a comment", "\n# a comment\n    # another\n"])
def test_a_body_without_statements_is_a_run_without_tasks(lab: Lab, body: str) -> None:
    for cell in (f"%%flow{body and chr(10)}{body}", f"%%flow monthly -p x=1\n{body}"):
        assert lab.run(cell).success
    assert lab.hooks.names == ["enter", "leave", "wait"] * 2
    assert lab.leftovers == []


def test_the_last_expression_is_out_n_and_underscore_and_the_cell_is_in_the_history_as_typed(lab: Lab) -> None:
    number = lab.shell.execution_count
    lab.run("%%flow monthly\nx = 20\n!true\nx + 1")
    assert lab.names["Out"][number] == lab.names["_"] == lab.names[f"_{number}"] == 21
    assert lab.history.input_hist_raw[number] == "%%flow monthly\nx = 20\n!true\nx + 1"


def test_a_semicolon_hides_the_value_but_the_flow_gets_it(lab: Lab) -> None:
    number = lab.shell.execution_count
    assert lab.run("%%flow monthly\n30 + 1;").result is None
    assert number not in lab.names["Out"]
    assert lab.hooks.calls[1] == ("leave", 31)


@pytest.mark.parametrize("how", [{"store_history": False}, {"silent": True}])
def test_requests_without_history_run_the_body_too(lab: Lab, how: dict[str, bool]) -> None:
    assert lab.run("%%flow monthly\ny = 40\ny", **how).success
    assert lab.names["y"] == 40
    assert lab.hooks.calls[1] == ("leave", 40)


@pytest.mark.parametrize(
    ("interactivity", "body", "shown"),
    [
        ("none", "1", []),
        ("all", "1\nfor i in range(2): i\n3", [1, 0, 1, 3]),
        ("last_expr_or_assign", "x = 5", [5]),
        ("last_expr_or_assign", "x = y = 5", []),
        ("last_expr_or_assign", "x: int = 6", [6]),
        ("last_expr_or_assign", "x = 1\nx += 6", [7]),
        ("last_expr", "1\n2", [2]),
    ],
)
def test_what_is_displayed_follows_the_setting_of_the_shell(
    lab: Lab, interactivity: str, body: str, shown: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    lab.shell.ast_node_interactivity = interactivity
    lab.run(f"%%flow monthly\n{body}")
    lines = [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines() if line.startswith("Out")]
    assert lines == [str(value) for value in shown]


@pytest.mark.parametrize(
    "body",
    ["x = 1\ny = = 2", "x = (1,\n\n", "return 3", "x = 1\nif x:\ny = 2", "x = 1\n  y = 2", "x = 'abc", "x = '''a\nb"],
)
def test_a_syntax_error_is_shown_as_usual_and_nothing_runs(
    lab: Lab, body: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.run(f"# a comment\n{body}")
    usual = capsys.readouterr().out
    lab.names.pop("x", None)
    lab.shell.execution_count -= 1
    result = lab.run(f"%%flow monthly\n{body}")
    assert isinstance(result.error_before_exec, SyntaxError)
    assert capsys.readouterr().out == usual
    assert lab.hooks.calls == []
    assert "x" not in lab.names
    lab.run("%%flow monthly\n1")
    assert lab.leftovers == []


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("%%flow monthly --wiat\nran = 1", "BadCommand: `%%flow`: unknown option `--wiat`, did you mean `--wait`?"),
        ("%%flow monthly -p y=1\nran = 1\nfor y in range(3): pass", "BadParameter: `y` is a parameter of `monthly`"),
        ("%%flow monthly -p y=oops\nran = 1", "BadParameter: `-p y=oops`: NameError: name 'oops' is not defined"),
        (
            "%%flow monthly\nran = 1\ndef monthly(): pass",
            "BadFlow: `monthly` is the name of the flow, but line 3 binds",
        ),
        ("%%task 3t(a)\nran = 1", "BadCommand: `%%task`: `3t` is not a name"),
        ("%%task t(a)\n# nothing", "BadTask: The cell of the task `t` has no body."),
        ("%%task t(a)\nx = 1\nif a:\n    !ls", "BadTask: Line 4 of the task `t` is a `!` or `%` line"),
        ("%%task t(a)\n%time a", "BadTask: Line 2 of the task `t` is a `!` or `%` line"),
        ("%%task t(a)\nx = !ls\nx", "BadTask: Line 2 of the task `t` is a `!` or `%` line"),
    ],
)
def test_a_bad_cell_gives_one_line_and_runs_nothing(
    lab: Lab, cell: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = lab.run(cell)
    shown = capsys.readouterr().out.strip()
    assert result.error_in_exec is not None
    assert shown.startswith(line)
    assert "\n" not in shown
    assert lab.hooks.calls == []
    assert "ran" not in lab.names
    assert "t" not in lab.names
    assert lab.leftovers == []


@pytest.mark.parametrize("cell", ["%%flow -h\nran = 1", "%%task -h\nran = 1", "%%task t(a) --help\nran = 1"])
def test_help_is_printed_and_nothing_runs(lab: Lab, cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run(cell).success
    assert "usage: %%" in capsys.readouterr().out
    assert lab.hooks.calls == []
    assert "ran" not in lab.names


def test_other_cells_are_left_alone(lab: Lab) -> None:
    transformer = CellTransformer(lab.shell, lab.hooks)
    for cell in (
        "x = 1\n",
        "%%flowers\n1",
        "%flow list\n",
        " %%flow\n1",
        "%%time\n%%flow",
        "%%flow?\n",
        "'%%flow a'\n1",
    ):
        lines = cell.splitlines(keepends=True)
        assert transformer(lines) is lines
    assert transformer([]) == []
    assert lab.run("'%%flow a  # 0123456789ab'\n1").success
    assert lab.hooks.calls == []


def test_the_magic_line_is_replaced_once_however_often_the_cell_is_looked_at(lab: Lab) -> None:
    transformer = CellTransformer(lab.shell, lab.hooks)
    once = transformer(["%%flow a\n", "1\n"])
    assert transformer(once) == once == transformer(["%%flow a\n", "1\n"])
    assert len(once) == 2


@pytest.mark.parametrize(
    ("cell", "complete"),
    [("%%flow a", "incomplete"), ("%%flow a\nx = 1", "incomplete"), ("%%flow a\nx = 1\n\n", "complete")],
)
def test_a_cell_being_typed_ends_with_a_blank_line_as_with_any_cell_magic(lab: Lab, cell: str, complete: str) -> None:
    assert lab.shell.check_complete(cell)[0] == complete


def test_installing_twice_is_installing_once_and_uninstalling_takes_all_out(lab: Lab) -> None:
    uninstall = install(lab.shell, lab.hooks)
    lab.run("%%flow a\n1")
    assert lab.hooks.names == ["enter", "leave", "wait"]
    uninstall()
    uninstall()
    lab.uninstall()
    assert not lab.shell.ast_transformers
    assert len(lab.shell.input_transformers_cleanup) == 4
    lab.uninstall = install(lab.shell, lab.hooks)


def test_a_cell_can_be_run_again_from_what_ipython_made_of_it(lab: Lab) -> None:
    lab.run("%%flow monthly\n1 + 1")
    translated = lab.history.input_hist_parsed[-1]
    assert lab.run(translated).result == 2
    assert lab.hooks.cells[1].body.source == "%%flow monthly\n1 + 1"
