"""Previews: short pictures of values that never call the values' own code."""

from __future__ import annotations

import datetime as dt
import decimal
from collections import OrderedDict, deque
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.system import hostile
from wfkit.authoring.secrets import Secret
from wfkit.engine.worker.preview import MOST_CHARACTERS, length_of, preview

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(plain)
def test_any_plain_value_has_a_short_picture(value: object) -> None:
    assert len(preview(value)) <= MOST_CHARACTERS


@pytest.mark.parametrize(
    ("value", "picture"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (1.5, "1.5"),
        ("text", "'text'"),
        (b"bytes", "b'bytes'"),
        ([], "[]"),
        ((1,), "(1,)"),
        ({"a": [1, 2]}, "{'a': [1, 2]}"),
        ({1}, "{1}"),
        (frozenset({1}), "frozenset({1})"),
        (deque([1, 2]), "deque([1, 2])"),
        (range(5), "range(0, 5)"),
        (dt.date(2026, 11, 22), "datetime.date(2026, 11, 22)"),
        (decimal.Decimal("1.5"), "Decimal('1.5')"),
        (list(range(10)), "[0, 1, 2, 3, 4, 5, … 4 more]"),
        ([[[[1]]]], "[[[[…]]]]"),
        (10**5_000, "<int of 16610 bits>"),
        ("x" * 1_000, f"'{'x' * 80}'…"),
        (object(), "<object>"),
        (ValueError("x"), "<ValueError>"),
        (OrderedDict(a=1), "<OrderedDict>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_pictures(value: object, picture: str) -> None:
    assert preview(value) == picture


def test_pictures_of_arrays_and_tables_have_shapes_and_of_scalars_values() -> None:
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    assert preview(np.zeros((3, 4))) == "<ndarray (3, 4) float64>"
    assert preview(np.float64(1.5)) == "1.5"
    assert preview([np.int64(3)]) == "[3]"
    assert preview(np.array(hostile.Endless(), dtype=object)).startswith("<ndarray () object")
    assert preview(pd.DataFrame({"a": [1, 2]})) == "<DataFrame (2, 1)>"
    assert preview(pd.Series([1, 2])) == "<Series (2,) int64>"


class list_of_mine(list[Any]):
    """Its items and its length are code."""

    def __len__(self) -> int:
        raise SystemExit

    def __iter__(self) -> NoReturn:
        raise SystemExit


class dict_like_a_builtin(dict[Any, Any]):
    def items(self) -> NoReturn:
        raise SystemExit


dict_like_a_builtin.__name__ = dict_like_a_builtin.__qualname__ = "dict"


@pytest.mark.parametrize("make", [hostile.Endless, hostile.Destructive, list_of_mine, dict_like_a_builtin])
def test_no_code_of_the_value_is_called(make: type) -> None:
    name = make.__qualname__
    assert preview(make()) == f"<{name}>"
    assert preview([make(), (make(),)]) == f"[<{name}>, (<{name}>,)]"
    assert preview({"key": make()}) == f"{{'key': <{name}>}}"


def test_a_large_value_costs_nothing() -> None:
    """A picture looks at a few items; this would take seconds otherwise."""
    assert preview(dict.fromkeys(range(1_000_000))).endswith("… 999994 more}")
    assert preview(set(range(1_000_000))).endswith("… 999994 more}")
    assert len(preview(b"x" * 100_000_000)) < 100


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ([1, 2], 2),
        ((), 0),
        (range(3), 3),
        (deque([1]), 1),
        ("text", None),
        (b"bytes", None),
        ({"a": 1}, None),
        ({1, 2}, None),
        (5, None),
        (None, None),
        (hostile.Destructive(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_sequences_have_a_length_to_map_over(value: object, length: int | None) -> None:
    assert length_of(value) == length


def test_tables_and_arrays_of_no_dimension_have_no_length_arrays_have() -> None:
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    assert length_of(np.zeros((3, 4))) == 3
    assert length_of(np.array(1)) is None
    assert length_of(pd.DataFrame({"a": [1, 2]})) is None


CANARY = "canary-in-a-picture/é7f3a"


@pytest.mark.parametrize("make", [str, str.encode, lambda text: [text], lambda text: {text: text}])
def test_no_secret_is_in_a_picture_and_no_part_where_it_is_cut(make: Any) -> None:
    secret = Secret(CANARY)
    for place in range(85):
        picture = preview(make("." * place + secret.get() + "." * 30_000))
        assert set(picture) <= set(".*'b[]{}:…, ")
    assert preview(make(secret.get())).replace("***", "") == preview(make(""))
    assert preview([secret]) == "[<Secret>]"


def test_what_has_the_name_of_a_secret_is_hidden_in_a_picture() -> None:
    assert preview({"password": "abc", "n": 1}) == "{'password': ***, 'n': 1}"
    assert preview([b"token=abc", 1]) == "[b'token=***', 1]"
