"""Fingerprint: equal where the code means the same, in every process; different where it does not."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from wfkit import task
from wfkit.authoring.fingerprint import code_digest


def defined(source: str) -> Callable[..., object]:
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return namespace["f"]


BASE = "def f(x):\n    return [y + 1 for y in x if y in {'a', 'b', 'c'}]\n"


@pytest.mark.parametrize(
    "same",
    [
        "\n\n# moved\n" + BASE,
        BASE.replace("    return", "    # a comment\n    return"),
        "def f(x) :\n        return [ y+1 for y in x if y in {'a','b','c'} ]\n",
    ],
)
def test_place_comments_and_layout_mean_nothing(same: str) -> None:
    assert code_digest(defined(same)) == code_digest(defined(BASE))


@pytest.mark.parametrize(
    "other",
    [
        BASE.replace("+ 1", "+ 2"),
        BASE.replace("+ 1", "+ 1.0"),
        BASE.replace("+ 1", "- 1"),
        BASE.replace("'c'", "'d'"),
        BASE.replace("(x)", "(x, y)"),
        BASE.replace("return", "x = other(x); return"),
        BASE.replace("def", "async def"),
        BASE.replace("(x)", "(*x)"),
        BASE.replace("(x)", "(*, x)"),
        BASE.replace("(x)", "(x, /)"),
    ],
)
def test_another_meaning_is_another_digest(other: str) -> None:
    assert code_digest(defined(other)) != code_digest(defined(BASE))


def test_a_version_stands_for_the_code() -> None:
    one, other = defined(BASE), defined(BASE.replace("+ 1", "+ 2"))
    assert code_digest(one, "1") == code_digest(other, "1") != code_digest(one, "2")
    assert task(version="1")(one).digest == task(version="1")(other).digest


def test_what_a_partial_holds_counts() -> None:
    base = defined(BASE)
    digests = {code_digest(function) for function in (base, functools.partial(base, 1), functools.partial(base, 2))}
    assert len(digests) == 3
    assert code_digest(functools.partial(base, 1)) == code_digest(functools.partial(base, 1))


def test_objects_and_functions_written_in_c_count_by_name() -> None:
    class Adder:
        def __call__(self) -> int:
            return 1

    assert code_digest(len) == code_digest(len) != code_digest(max)
    assert code_digest(Adder()) == code_digest(Adder()) != code_digest(len)


def test_a_method_counts_as_its_function() -> None:
    class Box:
        def f(self) -> int:
            return 1

    assert code_digest(Box().f) == code_digest(Box.f)


def test_a_digest_is_the_same_in_every_process() -> None:
    """The order of a set of strings is another one in each process."""
    code = f"from wfkit.authoring.fingerprint import code_digest\nexec({BASE!r})\nprint(code_digest(f))"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2", "3")
    }
    assert digests == {code_digest(defined(BASE))}
