"""What happens around the body of a flow cell: hooks, parameters, errors and their lines, waiting."""

from __future__ import annotations

import inspect
import sys

import pytest

from tests.notebook.shells import Lab
from wfkit.errors import FlowFailed, RunIsLive


@pytest.mark.parametrize(
    ("body", "error", "line"),
    [
        ("x = 1\n\n1 / 0\ny = 2", ZeroDivisionError, 4),
        ("for i in range(3):\n    if i:\n        missing", NameError, 4),
        ("def f():\n    1 / 0\n\nf()", ZeroDivisionError, 5),
        ("!true\n[1 / i for i in range(2)]", ZeroDivisionError, 3),
        ("import asyncio\nawait asyncio.sleep(0)\n1 / 0", ZeroDivisionError, 4),
        ("(1 +\n 2 +\n 3 / 0)", ZeroDivisionError, 4),
        ("raise SystemExit(3)", SystemExit, 2),
        ("x = 3\nraise KeyboardInterrupt", KeyboardInterrupt, 3),
        ("class Mine(BaseException): pass\nraise Mine", BaseException, 3),
        ("exec('a = = 3')", SyntaxError, 2),
    ],
)
@pytest.mark.filterwarnings("ignore:To exit")
def test_an_error_in_the_body_closes_it_with_its_line_and_is_shown_as_usual(
    lab: Lab, body: str, error: type[BaseException], line: int, capsys: pytest.CaptureFixture[str]
) -> None:
    result = lab.run("%%flow monthly -p p=1\n" + body)
    shown = capsys.readouterr().out
    assert isinstance(result.error_in_exec, error)
    assert lab.hooks.names == ["enter", "failed"]
    assert lab.hooks.calls[1][2] == line
    assert issubclass(lab.hooks.calls[1][1], error)
    assert "wfkit" not in shown
    if error is not SystemExit and error is not SyntaxError:
        assert f"line {line}" in shown
        assert f"---> {line} " in shown
    assert lab.leftovers == []
    assert "p" not in lab.names


def test_a_traceback_shows_the_cell_as_typed(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    number = lab.shell.execution_count
    lab.run("%%flow monthly -p p='a b'\nx = 1\n1 / 0  # here")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert f"Cell In[{number}], line 3" in lines[2]
    assert lines[3:6] == ["      1 # %%flow monthly -p p='a b'", "      2 x = 1", "----> 3 1 / 0  # here"]
    trace = sys.last_traceback
    assert trace is not None
    while trace.tb_next:
        trace = trace.tb_next
    assert inspect.getframeinfo(trace).code_context == ["1 / 0  # here\n"]


def test_names_of_the_body_are_bound_in_the_notebook(lab: Lab) -> None:
    lab.run("base = 1")
    lab.run("%%flow monthly\nimport os\na = base + 1\ndef f(): return a\nfor i in range(3): pass")
    assert (lab.names["a"], lab.names["i"], lab.names["f"]()) == (2, 2, 2)
    assert list(lab.hooks.cells[0].body.bound(lab.names)) == ["os", "a", "f", "i"]
    assert lab.hooks.cells[0].body.free == {"base", "range"}


def test_the_body_can_run_again_in_private_as_it_was_typed(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    source = (
        "%%flow monthly -p year=2000 + base\n!echo $year\nimport asyncio\nawait asyncio.sleep(0)\nx = year + base\nx"
    )
    lab.run("base = 13")
    with pytest.raises(AssertionError):
        assert lab.run(source).success  # the value has spaces, and no quotes or brackets
    source = source.replace("-p year=2000 + base", "-p year=(2000 + base)")
    assert lab.run(source).result == 2026
    body = lab.hooks.cells[-1].body
    assert (body.name, body.source, list(body.parameters)) == ("monthly", source, ["year"])
    lab.run("base = 0\nx = 'mine'")
    capfd.readouterr()
    namespace, value = body.run_private(lab.names, body.evaluate(lab.names))
    assert (value, namespace["x"], lab.names["x"]) == (2000, 2000, "mine")
    assert capfd.readouterr().out.split() == ["2000"]
    assert body.run_private(lab.names, {"year": 5})[1] == 5


def test_a_parameter_is_seen_by_all_of_the_body_and_gone_afterwards(lab: Lab) -> None:
    lab.run("year = 'before'\nbase = 1000")
    body = "def f(): return year\nclass C: y = year\n[f(), C.y, [year for _ in 'a'], n]"
    cell = f"%%flow monthly -p year=base+1 -p n=2\n{body}"
    assert lab.run(cell).result == [1001, 1001, [1001], 2]
    assert lab.names["year"] == "before"
    assert "n" not in lab.names
    assert lab.hooks.calls[0] == ("enter", "monthly", {"year": 1001, "n": 2})
    lab.run("base = 2000")
    assert lab.run(cell).result[0] == 2001
    assert lab.run(cell + "\n1 / 0").error_in_exec is not None
    assert lab.names["year"] == "before"


def test_an_error_on_entering_is_one_line_and_no_statement_runs(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.names["y"] = "before"
    lab.hooks.to_raise["enter"] = RunIsLive("`monthly` still runs.", fix="Use `--again cancel`.")
    result = lab.run("%%flow monthly -p y=1\nran = 1\nran")
    assert result.error_in_exec is lab.hooks.to_raise["enter"]
    assert capsys.readouterr().out.strip() == "RunIsLive: `monthly` still runs. Use `--again cancel`."
    assert lab.hooks.names == ["enter"]
    assert "ran" not in lab.names
    assert lab.names["y"] == "before"
    assert lab.leftovers == []


@pytest.mark.parametrize("error", [FlowFailed("3 of 12 failed."), KeyboardInterrupt("the run goes on")])
def test_an_error_while_waiting_is_one_line_after_the_value(
    lab: Lab, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.hooks.to_raise["wait"] = error
    number = lab.shell.execution_count
    result = lab.run("%%flow monthly\nx = 1\nx + 1")
    assert result.error_in_exec is error
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines == [f"Out[{number}]: 2", f"{type(error).__name__}: {error}"]
    assert lab.names["x"] == 1
    assert lab.hooks.names == ["enter", "leave", "wait"]
    assert lab.leftovers == []


def test_a_body_that_cannot_be_closed_well_is_closed_as_failed(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.hooks.to_raise["leave"] = KeyboardInterrupt()
    lab.run("%%flow monthly -p y=1\n1")
    assert capsys.readouterr().out.strip() == "KeyboardInterrupt"
    assert lab.hooks.names == ["enter", "leave", "failed"]
    assert lab.hooks.calls[2] == ("failed", KeyboardInterrupt, None)
    assert "y" not in lab.names
    assert lab.leftovers == []


def test_a_mishap_of_ours_never_hides_the_error_of_the_body(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.hooks.to_raise["failed"] = RuntimeError("ours")
    result = lab.run("%%flow monthly\n1 / 0")
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert "ours" not in capsys.readouterr().out


def test_errors_of_wfkit_raised_by_a_statement_are_shown_with_its_line(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.run("%%flow monthly\nfrom wfkit.errors import NotInFlow\nraise NotInFlow('no')")
    assert "----> 3 raise NotInFlow('no')" in capsys.readouterr().out


def test_flows_in_cells_that_a_body_runs_are_cells_of_their_own(lab: Lab) -> None:
    result = lab.run(
        "%%flow outer\nget_ipython().run_cell('%%flow inner\\n1 / 0')\nget_ipython().run_cell('%%flow x\\n1')\n5"
    )
    assert result.success
    assert lab.names["_"] == 5
    assert lab.hooks.names == ["enter", "enter", "failed", "enter", "leave", "wait", "leave", "wait"]
    assert lab.leftovers == []
