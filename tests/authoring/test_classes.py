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
HELPED = """
class D:
    def __get__(self, one, cls): return "descriptor"
class E(enum.Enum):
    A = 1
    limit = enum.nonmember(5)
    found = D()
    @functools.cached_property
    def size(self): return "cached property"
    @functools.lru_cache
    def cost(self): return "cached method"
def f(): return E
"""
#: Instances of classes that somebody made of descriptors; these cannot travel, but stand in modules.
PROPERTY = """
class P(property):
    def __get__(self, one, cls): return self.fget(cls), self.unit
class A:
    @P
    def m(cls): return 1
vars(A)["m"].unit = "meter"
def f(): return A
"""
STATIC = """
class S(staticmethod):
    def __get__(self, one, cls): return 1
class A:
    @S
    def m(): return 2
def f(): return A
"""
MADE = """
class P(functools.cached_property):
    def __get__(self, one, cls=None): return 1
class A:
    @P
    def m(self): return 2
def f(): return A
"""
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
        (HELPED, ("nonmember(5)", "nonmember(6)")),
        (HELPED, ("descriptor", "another")),
        (HELPED, ("cached property", "another")),
        (HELPED, ("cached method", "another")),
        (PROPERTY, ("return 1", "return 2")),
        (PROPERTY, ("fget(cls)", "fget(one)")),
        (PROPERTY, ("meter", "second")),
        (STATIC, ("return 1", "return 3")),
        (STATIC, ("return 2", "return 3")),
        (STATIC.replace("staticmethod", "classmethod"), ("return 1", "return 3")),
        (MADE, ("return 1", "return 3")),
        (MADE, ("return 2", "return 3")),
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


def test_what_an_enum_remembers_does_not_count() -> None:
    source = HELPED + FLAGS.replace("class E", "class F").replace("def f(): return E", "def f(): return E, F")
    used = defined(source)
    one, flags = used()
    assert (one.A.size, one.A.cost(), one.limit, one.found) == ("cached property", "cached method", 5, "descriptor")
    assert flags(3) == flags.A | flags.B
    assert fingerprint_of(used) == fingerprint_of(defined(source))
