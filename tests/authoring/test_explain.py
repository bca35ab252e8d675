"""What changed between two versions, in words."""

from __future__ import annotations

import pytest

from wfkit.authoring.explain import explain


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"body of `f`": "#1"}, {"body of `f`": "#2"}, ["body of `f` changed"]),
        ({"global `N`": "2"}, {"global `N`": "3"}, ["global `N` changed from 2 to 3"]),
        ({"global `N`": "2"}, {"global `N`": "#a"}, ["global `N` changed"]),
        ({"library pandas": "2.2.1"}, {"library pandas": "2.3.0"}, ["pandas 2.2.1 -> 2.3.0"]),
        ({"Python": "3.11"}, {"Python": "3.12"}, ["Python 3.11 -> 3.12"]),
        ({}, {"helper `g`": "#1"}, ["helper `g` is new"]),
        ({"helper `g`": "#1"}, {}, ["helper `g` is gone"]),
        ({}, {"library pandas": "2.2"}, ["pandas is used now, 2.2"]),
        ({"library pandas": "2.2"}, {}, ["pandas is not used any more"]),
        ({"global `lock`": "?"}, {"global `lock`": "?"}, ["global `lock` cannot be compared"]),
        ({"global `lock`": "1"}, {"global `lock`": "?"}, ["global `lock` cannot be compared"]),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, []),
        ({"b": "1", "a": "1"}, {"b": "2", "a": "2"}, ["a changed from 1 to 2", "b changed from 1 to 2"]),
    ],
)
def test_each_difference_is_a_sentence(before: dict[str, str], after: dict[str, str], told: list[str]) -> None:
    assert explain(tuple(before.items()), tuple(after.items())) == tuple(told)
