"""What of a class counts, and what does not."""

from __future__ import annotations

import copy

import pytest

from tests.authoring.cells import defined
from wfkit.authoring.fingerprint import fingerprint_of

MODEL = (
    "import pydantic\nclass M(pydantic.BaseModel):\n    a: int = 1\n"
    "    @pydantic.field_validator('a', mode='before')\n    def check(cls, v): return v\ndef f(): return M\n"
)
TUPLE = "import typing\nclass T(typing.NamedTuple):\n    a: int\n    b: str = 'x'\ndef f(): return T\n"
ABSTRACT = (
    "from abc import *\nclass A(ABC):\n    @abstractmethod\n    def m(self): pass\n"
    "class f(A):\n    def m(s): return 1\n"
)
FLAGS = (
    "class E(enum.Flag):\n    A = enum.auto()\n    B = enum.auto()\n    def m(s): return s.name\ndef f(): return E\n"
)
GENERIC = "import typing\nT = typing.TypeVar('T')\nclass A(typing.Generic[T]):\n    pass\ndef f(): return A[int]\n"
CACHED = "class A:\n    @functools.cached_property\n    def m(self): return 1\ndef f(): return A\n"
META = "class Meta(type):\n    k = 1\nclass A(metaclass=Meta):\n    pass\ndef f(): return A\n"


@pytest.mark.parametrize(
    ("source", "edit"),
    [
        (MODEL, ("a: int = 1", "a: int = 2")),
        (MODEL, ("a: int", "a: float")),
        (MODEL, ("before", "after")),
        (MODEL, ("return v", "return -v")),
        (TUPLE, ("'x'", "'y'")),
        (TUPLE, ("a: int", "c: int")),
        (ABSTRACT, ("return 1", "return 2")),
        (ABSTRACT, ("    @abstractmethod\n", "")),
        (FLAGS, ("A = enum.auto()", "A = 4")),
        (FLAGS, ("s.name", "s.value")),
        (GENERIC, ("A[int]", "A[str]")),
        (CACHED, ("return 1", "return 2")),
        (META, ("k = 1", "k = 2")),
        (META, ("class A(", "class B:\n    pass\nclass A(B, ")),
    ],
)
def test_an_edit_of_a_class_is_another_meaning(source: str, edit: tuple[str, str]) -> None:
    before, again, after = (fingerprint_of(defined(text)) for text in (source, source, source.replace(*edit)))
    assert (before.unknown, after.unknown) == ("", "")
    assert before == again
    assert before.digest != after.digest


def test_what_python_keeps_for_itself_does_not_count() -> None:
    names = "class f:\n    def m(self): return 1\n"
    used = defined(names)
    used.__doc__ = "words"
    copy.copy(used())  # as of a pickle, the names of its slots are noted in it
    assert "__slotnames__" in vars(used)
    assert fingerprint_of(used) == fingerprint_of(defined(names))
