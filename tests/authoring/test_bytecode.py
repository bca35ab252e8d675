"""Bytecode in a form that layout does not change, and that meaning does."""

from __future__ import annotations

import ast
import inspect
import json.decoder
import textwrap
from types import CodeType, ModuleType

import pytest

from wfkit.authoring.bytecode import PYTHON, meaning_of


def plain(value: object) -> bytes:
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value).encode()


def compiled(text: str) -> bytes:
    return meaning_of(compile(textwrap.dedent(text), "<cell>", "exec", dont_inherit=True), plain)


def codes_in(code: CodeType) -> list[CodeType]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [code, *(one for each in inner for one in codes_in(each))]


@pytest.mark.parametrize("module", [ast, json.decoder, textwrap, inspect])
def test_code_laid_out_anew_is_equal(module: ModuleType) -> None:
    source = inspect.getsource(module)
    before = codes_in(compile(source, "<before>", "exec"))
    after = codes_in(compile(ast.unparse(ast.parse(source)), "<after>", "exec"))
    different = [
        one.co_qualname
        for one, two in zip(before, after, strict=True)
        if meaning_of(one, plain) != meaning_of(two, plain)
    ]
    # Python threads jumps through a chain of `and` and `or` in one line, not over several.
    assert set(different) <= {"<module>", "isawaitable", "_signature_is_functionlike"}


def test_no_two_pieces_of_a_module_are_taken_for_one() -> None:
    codes = codes_in(compile(inspect.getsource(inspect), "<before>", "exec"))
    unlike = {
        code.replace(co_firstlineno=1, co_linetable=b"", co_name="", co_qualname="", co_filename="") for code in codes
    }
    # The rest differs in docstrings, which stand among the constants.
    assert len({meaning_of(code, plain) for code in codes}) >= 0.97 * len(unlike)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f():\n  while True:\n    a()", "def f():\n  a()"),
        ("def f(x):\n  if x: a()\n  else: b()", "def f(x):\n  if x: b()\n  else: a()"),
        ("def f(x):\n  if x: a()", "def f(x):\n  if not x: a()"),
        ("def f():\n  with a: b()", "def f():\n  a; b()"),
        ("def f():\n  for i in x:\n    if i: break\n    a()", "def f():\n  for i in x:\n    if i: continue\n    a()"),
        ("def f():\n  try: a()\n  finally: b()", "def f():\n  try: a()\n  except: b()"),
        ("def f(a=1): pass", "def f(a): pass"),
        ("def f(): yield 1", "def f(): return 1"),
        ("def f(): return g(a=1)", "def f(): return g(b=1)"),
    ],
)
def test_another_course_is_another_meaning(one: str, other: str) -> None:
    assert compiled(one) != compiled(other)


def test_unending_loops_end_the_walk() -> None:
    assert compiled("def f():\n  while True: pass")
    assert compiled("while 1: pass")


def test_the_minor_version_of_python_is_told() -> None:
    assert PYTHON.count(".") == 1
