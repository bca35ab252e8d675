"""A walk over what code refers to."""

from __future__ import annotations

import pytest

from tests.authoring.cells import defined
from tests.authoring.conftest import Recording
from wfkit.authoring.fingerprint import fingerprint_of
from wfkit.authoring.meaning import Walk


def labels(source: str) -> set[str]:
    return {label for label, _ in fingerprint_of(defined(source)).parts if not label.startswith(("option", "Python"))}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x): return len(x)", {"body of `f`"}),
        ("def g(): pass\ndef f(x): return g", {"body of `f`", "helper `g`"}),
        ("class A:\n    def m(self): pass\ndef f(x): return A", {"body of `f`", "class `A`", "method `A.m`"}),
        ("n = [1]\ndef f(x, y=n): return y", {"body of `f`", "default of `y`"}),
        ("import os.path\ndef f(x): return os.path.join(x)", {"body of `f`"}),
        ("def f(x): return np.sin(x), np.cos", {"body of `f`", "library numpy"}),
        ("s = {1, f'a'}\ndef f(x): return s", {"body of `f`", "global `s`"}),
        ("f = functools.partial(max, 3)", {"body of `max`"}),
        ("@task\ndef f(x): return f.fn", {"body of `f`", "task `f`"}),
        ("def g(): pass\ng.a = 1\ndef f(): return g", {"body of `f`", "helper `g`", "attribute `g.a`"}),
    ],
)
def test_each_thing_of_the_users_own_is_named(source: str, expected: set[str]) -> None:
    assert labels(source) == expected


def test_several_of_one_name_are_numbered() -> None:
    cell = "def make(n):\n    def g(): return n\n    return g\na, b = make(1), make(2)\nc = [a, b]\ndef f(x): return c"
    assert {"helper `make.<locals>.g`", "helper `make.<locals>.g` (2)"} <= labels(cell)


def test_a_handle_in_code_is_unknown(body: Recording) -> None:
    function = defined("def f(x): return h")
    function.__globals__["h"] = body.handle("load")
    assert fingerprint_of(function).unknown == "`f` cannot be hashed: it is a handle"


def test_a_walk_goes_on_after_what_cannot_be_hashed() -> None:
    walk = Walk()

    def broken(_: object) -> bytes:
        raise ZeroDivisionError

    walk.start("global `a`", broken)
    walk.start("global `b`", lambda _: b"b")
    walk.finish()
    assert [node.shown or node.data for node in walk.nodes] == ["?", b"b"]
    assert walk.unknown == "`a` cannot be hashed: ZeroDivisionError"


def test_a_long_chain_of_helpers_is_followed() -> None:
    chain = "def g0(): return 0\n" + "".join(f"def g{at}(): return g{at - 1}()\n" for at in range(1, 300))
    before = fingerprint_of(defined(f"{chain}def f(): return g299()"))
    after = fingerprint_of(defined(f"{chain}def f(): return g299()".replace("return 0", "return 1")))
    assert before.digest != after.digest


DISPATCHES = """
@functools.singledispatch
def g(x): return "else"
@g.register
def _(x: int): return "of a number"
def f(x): return g(x)
"""
METHOD = """
class A:
    @functools.singledispatchmethod
    def g(self, x): return "else"
    @g.register
    def _(self, x: int): return "of a number"
def f(x): return A().g(x)
"""


@pytest.mark.parametrize("source", [DISPATCHES, METHOD])
@pytest.mark.parametrize("edit", [("else", "another"), ("of a number", "another"), ("x: int", "x: str")])
def test_functions_that_choose_by_a_type_count_with_all_that_they_choose_from(
    source: str, edit: tuple[str, str]
) -> None:
    used, again, after = defined(source), defined(source), defined(source.replace(*edit))
    assert (used(1), used("a")) == ("of a number", "else")  # which they remember
    assert fingerprint_of(used).unknown == ""
    assert fingerprint_of(used) == fingerprint_of(again)
    assert fingerprint_of(used).digest != fingerprint_of(after).digest


def test_what_is_noted_in_a_function_that_chooses_by_a_type_counts() -> None:
    one, other = (fingerprint_of(defined(f"{DISPATCHES}\ng.limit = {n}\n")) for n in (1, 2))
    assert one.digest != other.digest
