"""A value as bytes."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.authoring.contents import MOST_BYTES, Contents, Unhashable, part, plain


def written(value: object, *, ordered: bool = True) -> bytes:
    return Contents(lambda one: b"type" if isinstance(one, type) else None, ordered=ordered).write(value)


@given(st.lists(st.binary()), st.lists(st.binary()))
def test_no_two_lists_of_parts_look_the_same(one: list[bytes], other: list[bytes]) -> None:
    assert (part(b"a", *one) == part(b"a", *other)) == (one == other)


def test_plain_values_tell_their_type() -> None:
    values: list[Any] = [1, 1.0, True, "1", b"1", 1 + 0j, None, "None", ..., 0.0, -0.0, 10**5000, -(10**5000)]
    assert len({plain(value) for value in values}) == len(values)


def test_the_order_of_a_dict_counts_where_it_is_asked() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert written(one) != written(other)
    assert written(one, ordered=False) == written(other, ordered=False)


def test_long_numbers_in_a_list_are_written_one_by_one() -> None:
    assert written([10**5000]) == written([10**5000]) != written([10**5000 + 1])
    assert written({10**5000, 1}, ordered=False) != b""


def test_bytes_that_can_change_are_no_bytes() -> None:
    assert written(bytearray(b"a")) == written(bytearray(b"a")) != written(b"a")


class Words(set[str]):
    pass


def test_a_set_with_a_name_has_no_order_either() -> None:
    letters = [chr(97 + at) for at in range(20)]
    assert written(Words(letters)) == written(Words(reversed(letters))) != written(Words("a"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({(1, 2), 3}, {(1, 2), 4}),
        ({((1,),), ((3,),)}, {((1,),), ((4,),)}),
        (frozenset({(1, (2, 3))}), frozenset({(1, (2, 4))})),
        ({frozenset({1, 2}), frozenset({3})}, {frozenset({1, 3}), frozenset({2})}),
    ],
)
def test_sets_count_by_their_items_whatever_these_are(one: set[Any], other: set[Any]) -> None:
    assert written(one) != written(other)
    assert written(one) == written(type(one)(reversed([*one])))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (threading.Lock(), "it is a _thread.lock"),
        ([threading.Lock()], "it holds a _thread.lock"),
        ("a" * (MOST_BYTES + 1), "it is larger than 64 MB"),
        ([bytes(MOST_BYTES // 2), bytes(MOST_BYTES // 2 + 1)], "it is larger than 64 MB"),
        (bytearray(MOST_BYTES + 1), "it is larger than 64 MB"),
    ],
)
def test_what_cannot_be_written_says_why(value: object, why: str) -> None:
    with pytest.raises(Unhashable) as refused:
        written(value)
    assert refused.value.why == why


def test_a_loop_is_told_by_how_far_it_reaches() -> None:
    inner: list[object] = [1]
    inner.append(inner)
    outer: list[object] = [1, []]
    outer[1] = [1, outer]
    assert written(inner) == written(inner) != written(outer)
