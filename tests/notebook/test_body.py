"""The body of a flow cell: its names, its parameters, and running it in a private namespace."""

from __future__ import annotations
import __future__

import ast
import asyncio
import builtins
import threading
import traceback
from typing import Any

import pytest

from wfkit.errors import BadFlow, BadParameter
from wfkit.notebook.body import CellBody


def body(text: str, name: str = "monthly", filename: str = "<cell>", flags: int = 0, **parameters: str) -> CellBody:
    """Make the body of a cell whose second line is the first of `text`."""
    python = f"# %%flow\n{text}\n"
    return CellBody.of(
        ast.parse(python),
        name=name,
        source=f"%%flow\n{text}",
        python=python,
        filename=filename,
        parameters=parameters,
        flags=flags,
    )


BINDINGS = [
    "x = 1",
    "x: int = 1",
    "x += 1",
    "(y, [x, *z]) = v",
    "for x in range(3): pass",
    "for i in v:\n    for k, (x, _) in i: pass",
    "while True:\n    if v: x = 3",
    "import x",
    "import x.y",
    "import y as x",
    "from y import z as x",
    "def x(): pass",
    "async def x(): pass",
    "class x: pass",
    "with open(v) as x: pass",
    "with open(v) as (a, x): pass",
    "try: pass\nexcept ValueError as x: pass",
    "if (x := v): pass",
    "y = [(x := i) for i in v]",
    "del x",
    "def f():\n    global x\n    x = 1",
    "def f():\n    def g():\n        global x\n        del x",
    "match v:\n    case [x, *_]: pass",
    "match v:\n    case {'a': 1, **x}: pass",
    "async for x in v: pass",
    "async with v as x: pass",
    "await v(x := 2)",
]


@pytest.mark.parametrize("text", BINDINGS)
def test_every_form_of_binding_a_parameter_is_refused_with_its_line(text: str) -> None:
    subject = body(text, x="1")
    with pytest.raises(BadParameter, match=r"`x` is a parameter of `monthly`, but line [2-5] binds it"):
        subject.check()
    with pytest.raises(BadFlow, match=r"`x` is the name of the flow, but line [2-5] binds it"):
        body(text, name="x").check()
    body(text, name="x").check(named=False)


@pytest.mark.parametrize(
    "text",
    [
        "y = x",
        "def f(x): x = 1",
        "def f():\n    x = 1",
        "y = [x for x in v]",
        "class C:\n    x = 1",
        "y.x = 1",
        "y['x'] = x",
        "f(x=1)",
        "lambda x: x",
        "x: int",
        "def f():\n    global x\n    return x",
        "import y.x",
        "'x = 1'",
    ],
)
def test_what_only_looks_like_a_binding_is_fine(text: str) -> None:
    body(text, x="1").check()


def test_names_bound_at_top_level_are_known_with_their_first_line_in_order() -> None:
    subject = body("import os\nb = a = 1\n\nfor i in range(2):\n    c = i\ndef f():\n    inner = 1\na = 3")
    assert subject.assigned == {"os": 2, "b": 3, "a": 3, "i": 5, "c": 6, "f": 7}
    assert list(subject.bound({"c": 1, "a": 2, "z": 3})) == ["a", "c"]


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("y = x", {"x"}),
        ("x = 1\ny = x", set()),
        ("y = x\nx = 1", {"x"}),
        ("x = x + 1", {"x"}),
        ("def f(): return x + z\nx = 1", {"z"}),
        ("y = [x + i for i in v]\nx = 1", {"x", "v"}),
        ("y = lambda a: a + x", {"x"}),
        ("class C(B):\n    a = x\n    b = a\n    def f(self): return z", {"B", "x", "z"}),
        ("def f(a: T = d) -> R: return len(a)", {"T", "d", "R", "len"}),
        ("def f():\n    def g(): return deep", {"deep"}),
        ("del x", set()),
        ("get_ipython().system('ls')", set()),
        ("__name__", set()),
        ("y = f'{x}'", {"x"}),
        ("await x", {"x"}),
    ],
)
def test_names_read_from_the_notebook_are_known(text: str, free: set[str]) -> None:
    assert body(text).free == free


def test_a_missing_name_is_one_that_nobody_provides() -> None:
    subject = body("a = len(b) + c + d\nif a: e = 1\nprint(e)", d="3")
    assert subject.missing({"b": 1}) == ["c"]
    assert body("try: a = b\nexcept NameError: a = c").missing({}) == ["c"]


def test_parameters_are_evaluated_anew_in_the_namespace_of_the_notebook() -> None:
    subject = body("x", x="base + 1", y="[base for _ in 'ab']")
    assert subject.evaluate({"base": 1}) == {"x": 2, "y": [1, 1]}
    assert subject.evaluate({"base": 5}) == {"x": 6, "y": [5, 5]}
    with pytest.raises(BadParameter, match="`-p x=base \\+ 1`: NameError: name 'base' is not defined"):
        subject.evaluate({})


def test_the_body_runs_in_a_copy_of_the_namespace_with_its_parameters() -> None:
    subject = body("def f(): return year + n\ntotal = [f() for _ in range(2)]\ntotal", year="0")
    notebook: dict[str, Any] = {"n": 1, "year": 5}
    namespace, value = subject.run_private(notebook, {"year": 2014})
    assert value == [2015, 2015]
    assert subject.bound(namespace)["total"] == value
    assert notebook == {"n": 1, "year": 5}
    assert not any("wfkit" in name for name in namespace)


@pytest.mark.parametrize(
    ("text", "value", "ends_in_an_expression"),
    [
        ("1 + 1", 2, True),
        ("x = 1\nx;", 1, True),
        ("x = 1", None, False),
        ("def f(): pass", None, False),
        ("", None, False),
    ],
)
def test_the_last_expression_is_the_value(text: str, value: object, ends_in_an_expression: bool) -> None:
    subject = body(text)
    assert subject.run_private({}, {})[1] == value
    assert subject.has_last_expression is ends_in_an_expression


def test_a_body_that_awaits_runs_in_a_loop_of_its_own_in_any_thread() -> None:
    subject = body(
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5\nx = await f()\nx + await f()"
    )
    values: list[object] = []
    thread = threading.Thread(target=lambda: values.append(subject.run_private({}, {})[1]))
    thread.start()
    thread.join()
    assert values == [10]
    assert subject.run_private({}, {})[1] == 10


def test_a_body_that_awaits_says_so_where_a_loop_already_runs() -> None:
    async def inside() -> None:
        body("await x").run_private({}, {})

    with pytest.raises(BadFlow, match="uses `await`, and an event loop already runs"):
        asyncio.run(inside())


def test_tracebacks_of_a_private_run_show_the_lines_of_the_cell() -> None:
    subject = body("def f():\n    return 1 / 0\n\nf()", filename="<cell for the traceback>")
    with pytest.raises(ZeroDivisionError) as caught:
        subject.run_private({}, {})
    assert subject.line_of(caught.value) == 5
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [(frame.lineno, frame.name, frame.line) for frame in frames[-2:]] == [
        (5, "<module>", "f()"),
        (3, "f", "return 1 / 0"),
    ]
    assert subject.line_of(ValueError()) is None


def test_futures_of_the_cell_and_of_the_notebook_hold_in_a_private_run() -> None:
    text = "def f(x: Unknown): return x\nf.__annotations__['x']"
    assert body(f"from __future__ import annotations\n{text}").run_private({}, {})[1] == "Unknown"
    flags = __future__.annotations.compiler_flag | ast.PyCF_ONLY_AST
    assert body(text, flags=flags).run_private({}, {})[1] == "Unknown"
    with pytest.raises(NameError):
        body(text).run_private({}, {})


class FakeShell:
    """Stands for IPython's shell, whose own `system` may write past `sys.stdout`."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}

    def system(self, command: str) -> None:
        raise AssertionError

    def system_piped(self, command: str) -> None:
        print(f"ran {command}")

    def getoutput(self, command: str) -> list[str]:
        return [command]


def test_shell_lines_of_a_private_run_print_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    shell = FakeShell()
    subject = body("get_ipython().system('ls')\nx = get_ipython().getoutput('pwd')\nget_ipython().user_ns['x']")
    notebook = {"get_ipython": lambda: shell}
    namespace, value = subject.run_private(notebook, {})
    assert value == ["pwd"]
    assert capsys.readouterr().out == "ran ls\n"
    assert namespace["get_ipython"] is notebook["get_ipython"]
    assert not hasattr(builtins, "get_ipython")


def test_what_python_refuses_is_refused_when_the_body_is_made() -> None:
    with pytest.raises(SyntaxError, match="'return' outside function"):
        body("return 3")
