"""What code reads from outside itself."""

from __future__ import annotations

from types import FunctionType

import pytest

from tests.authoring.cells import defined
from wfkit.authoring.lookups import Import, bound_names, caught_lookups, enclosed_lookups, global_lookups, imports_in


def of(source: str) -> dict[str, set[tuple[str, ...]]]:
    function: FunctionType = defined(source)
    return global_lookups(function.__code__)


def test_names_are_found_with_what_is_taken_from_them() -> None:
    assert of("def f(x): return a.b.c(x) + a.d + len(x.y)") == {"a": {("b", "c"), ("d",)}, "len": {()}}
    assert of("def f(x): return a") == {"a": {()}}
    assert of("def f(x):\n    a.b = 1\n    a.c += 1") == {"a": {("b",), ("c",)}}
    assert of("def f(x): return getattr(a, 'b')")["a"] == {()}


def test_functions_classes_and_comprehensions_inside_count() -> None:
    source = "def f(x):\n    class A(b.B):\n        n = c.d\n    return [e.f(i) for i in x], lambda: g.h"
    assert of(source) == {"b": {("B",)}, "c": {("d",)}, "e": {("f",)}, "g": {("h",)}, "__name__": {()}}


def test_names_of_functions_around_are_apart() -> None:
    made = defined("def make(n):\n    def f(x): return n.a + m\n    return f\nf = make(1)")
    assert enclosed_lookups(made.__code__) == {"n": {("a",)}}
    assert global_lookups(made.__code__) == {"m": {()}}


def test_imports_are_found_wherever_they_stand() -> None:
    inner = "    def g():\n        from .h import j\n        from .. import i"
    source = f"def f(x):\n    import a.b\n    from c import d, e\n{inner}"
    assert imports_in(defined(source).__code__) == [
        Import("a.b", 0, ()),
        Import("c", 0, ("d", "e")),
        Import("h", 1, ("j",)),
        Import("", 2, ("i",)),
    ]
    assert imports_in(defined("def f(x): return x").__code__) == []


def test_what_code_binds_itself_is_told() -> None:
    source = "def f():\n    global a\n    a, b = 1, 2\n    class C:\n        n = a\n        m = n\n    return b"
    assert {"a", "n", "m"} <= bound_names(defined(source).__code__)
    assert "b" not in bound_names(defined(source).__code__)


@pytest.mark.parametrize(
    ("handler", "caught"),
    [
        ("except NameError: pass", {"a"}),
        ("except (KeyError, NameError) as error: print(error)", {"a"}),
        ("except NameError: pass\n    finally: print()", {"a"}),
        ("except ValueError: pass", set()),
        ("finally: print(NameError)", set()),
        ("except NameError: a", set()),
        ("except NameError: pass\n    return lambda: a", set()),
    ],
)
def test_names_that_are_read_only_where_it_is_caught_that_they_are_missing_are_told(
    handler: str, caught: set[str]
) -> None:
    made = defined(f"def f():\n    try:\n        x = a.b\n    {handler}\n    return c")
    assert caught_lookups(made.__code__) == caught
