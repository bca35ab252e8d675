"""Tokens: equal for equal values, in every process; different for others; none where nobody can tell."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import functools
import math
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.authoring.cells import defined, namespace
from tests.authoring.conftest import Recording
from tests.authoring.elsewhere import Elsewhere
from tests.authoring.tables import frames
from wfkit import allow_failure, unmapped
from wfkit.authoring.mapping import Over
from wfkit.authoring.tokens import Tokens, token

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
keys = st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text())
rich = (
    plain
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.builds(Path, st.text("ab/", min_size=1))
    | st.builds(np.float32, st.floats(width=32))
    | st.lists(st.integers(0, 9)).map(np.array)
)
values: st.SearchStrategy[Any] = st.recursive(
    rich,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner) | st.sets(keys) | st.frozensets(keys)
    ),
    max_leaves=8,
)


@given(values)
def test_a_copy_has_the_same_token(value: object) -> None:
    assert token(copy.deepcopy(value)) == token(value) != b""
    assert len(token(value)) == 8


@given(values, values)
def test_values_that_look_different_have_different_tokens(one: object, other: object) -> None:
    if told(one) != told(other):
        assert token(one) != token(other)
    else:
        assert token(one) == token(other)


def told(value: object) -> Any:
    """What makes a value what it is, as text; dicts and sets in order."""
    if isinstance(value, dict):
        return "dict", sorted((told(key), told(item)) for key, item in value.items())
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(map(told, value))
    if isinstance(value, list | tuple):
        return type(value).__name__, [told(item) for item in value]
    if isinstance(value, np.ndarray):
        return "array", [repr((value.dtype, value.shape, value.tolist()))]
    if isinstance(value, float) and math.isnan(value):
        return "float", ["nan"]
    return type(value).__name__, [repr(value)]


@given(st.dictionaries(keys, plain, min_size=2))
def test_the_order_of_a_dict_does_not_count(value: dict[Any, Any]) -> None:
    assert token(dict(reversed(value.items()))) == token(value)


@pytest.mark.parametrize(
    "different",
    [
        (1, 1.0, True, "1", b"1", np.int64(1), [1], (1,), {1}, frozenset({1}), {1: None}, decimal.Decimal(1), 1 + 0j),
        (0.0, -0.0),
        ([1, 2], [2, 1], [[1], 2], [1, [2]], [[1, 2]], ["1, 2"]),
        ("", b"", None, (), [], {}, set(), "None"),
        (
            np.arange(4),
            np.arange(4.0),
            np.arange(4).reshape(2, 2),
            np.arange(4).reshape(2, 2).T,
            np.arange(4, dtype="i4"),
        ),
        (np.array([1, 2]), np.array([1, 2], dtype=object), np.array(["1", "2"]), [1, 2]),
        (np.datetime64("2020"), np.datetime64("2020-01"), np.datetime64("2021")),
        (pa.array([1, 2, 3])[:1], pa.array([1, 2, 3])[1:2], pa.array([1, 2, 3]), pa.array([1.0, 2.0, 3.0])),
        (pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC"), pd.Timestamp("2021"), dt.date(2020, 1, 1)),
        (pd.NA, pd.NaT, math.nan, None),
        (dt.date(2020, 1, 1), dt.date(2020, 1, 2), dt.timedelta(1), dt.timedelta(2), dt.time(1), dt.time(2)),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00"), Path("a"), Path("b"), slice(1), slice(2), uuid.UUID(int=1)),
    ],
)
def test_these_differ(different: tuple[object, ...]) -> None:
    assert len({token(value) for value in different} - {b""}) == len(different)


CELL = """
import collections, dataclasses, enum, functools
@dataclasses.dataclass
class Point:
    x: int
    tags: set
class Color(enum.Enum):
    RED = 1
class Node:
    def __init__(self): self.me = self; self.names = {'a', 'b', 'c'}
P = collections.namedtuple('P', 'x y')
class Text(str): pass
def scale(x): return x * 2
@task
def load(x): return scale(x)
many = [Point(1, {'a', 'b'}), Color.RED, Node(), P(1, 2), Text('a'), scale, load, functools.partial(scale, 1),
        Point, {Point: 1}, {scale, load}, collections.Counter('abc'), collections.OrderedDict(a=1), len, np.sum,
        Node().__init__]
"""


def of_many(cell: str) -> list[bytes]:
    return [token(value) for value in (*namespace(cell)["many"], *frames())]


def test_the_notebooks_own_are_equal_after_executing_the_cell_again_and_in_another_process() -> None:
    tokens = of_many(CELL)
    assert b"" not in tokens
    assert len(set(tokens)) == len(tokens)
    assert of_many(CELL) == tokens
    ask = "from tests.authoring.test_tokens import of_many\ndef f(cell): return of_many(cell)"
    for seed in (1, 2):
        with Elsewhere(seed=seed) as other:
            assert other.call(defined(ask), CELL) == tokens


@given(st.lists(values, max_size=5))
def test_they_are_equal_in_another_process(other: Elsewhere, given: list[object]) -> None:
    ask = "from wfkit.authoring.tokens import token\ndef f(values): return [token(value) for value in values]"
    assert other.call(defined(ask), given) == [token(value) for value in given]


@pytest.fixture(scope="module")
def other() -> Any:
    with Elsewhere(seed=3) as process:
        yield process


def test_code_counts_by_its_meaning() -> None:
    edited = of_many(CELL.replace("x * 2", "x * 3"))
    same = [one == other for one, other in zip(of_many(CELL), edited, strict=True)][:16]
    assert same == [True] * 5 + [False] * 3 + [True, True, False] + [True] * 5


def test_handles_count_as_slots(body: Recording) -> None:
    a, b = body.handle("a"), body.handle("b")
    assert token([a, 1]) == token([b, 1]) != token([1, a])
    assert token([a, 1]) != token([a, 2])
    assert token({"x": [a]}) == token({"x": [b]})
    assert token(allow_failure(a)) == token(allow_failure(b)) != token(a)
    assert token(Over(body.mapped_handle("m"))) == token(a)
    assert token(unmapped([1])) == token([1])


def test_where_each_of_several_handles_is_counts(body: Recording) -> None:
    a, b = body.handle("a"), body.handle("b")
    assert token({"left": a, "right": b}) == token({"left": b, "right": a}) != token({"right": a, "left": b})
    assert token([a, b]) == token([b, a]) != token([a, a])
    one, other = [a], [b]
    assert token([one, one, other]) != token([one, other, other])
    assert token([{"x": a}, {"x": b}]) == token([{"x": b}, {"x": a}])


@pytest.mark.parametrize(
    "unknown",
    [
        threading.Lock(),
        [threading.Lock()],
        {"a": (1, threading.Lock())},
        np.zeros(8_000_001),
        "x" * 64_000_001,
        ["x" * 40_000_000, "y" * 40_000_000],
        (letter for letter in "a"),
        functools.partial(max, threading.Lock()),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_what_nobody_can_tell_has_none(unknown: object) -> None:
    assert token(unknown) == b""


def test_a_value_that_holds_itself_has_a_token() -> None:
    def looped(n: int) -> list[object]:
        loop: list[object] = [n]
        loop.append(loop)
        return loop

    assert token(looped(1)) == token(looped(1)) != token(looped(2))
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert token(deep) == b""


class Taught:
    def __init__(self, name: str) -> None:
        self.name, self.noise = name, uuid.uuid4()

    def __dask_tokenize__(self) -> object:
        return self.name


def test_what_an_object_tells_dask_is_believed() -> None:
    assert token(Taught("a")) == token(Taught("a")) != token(Taught("b"))


def test_shared_parts_are_read_once() -> None:
    shared: object = Taught("a")
    for _ in range(24):
        shared = Pair(shared, shared)
    assert token(shared) != b""


class Pair:
    def __init__(self, one: object, other: object) -> None:
        self.one, self.other = one, other


def test_a_number_takes_less_than_two_microseconds() -> None:
    tokens, times = Tokens(), []
    for _ in range(5):
        began = time.perf_counter()
        for number in range(1_000):
            tokens.of(number)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.004  # on a machine that does other things too
