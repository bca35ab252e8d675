"""Calls made anew: the newest of a body's calls holds."""

from __future__ import annotations

import pytest

from wfkit.core.anew import newest, stem, superseded
from wfkit.core.ids import GroupId


@pytest.mark.parametrize(
    ("group", "called"),
    [
        ("g4", "g4"),
        ("g4.7/2", "g4.7/2"),
        ("g4.7/2x17", "g4.7/2"),
        ("g4.7/2x17.0/1", "g4.7/2x17.0/1"),
        ("g4.7/2x17.0/1x30", "g4.7/2x17.0/1"),
    ],
)
def test_a_call_made_anew_is_called_as_the_first_one(group: str, called: str) -> None:
    assert stem(GroupId(group)) == called


def of(*groups: str) -> set[str]:
    return {str(one) for one in superseded(map(GroupId, groups))}


def test_calls_made_once_hold() -> None:
    assert of("g4", "g4.7/1", "g4.7/2", "g4.8/1", "g4.7/2.0/1") == set()


def test_only_the_newest_of_calls_made_anew_holds_in_whatever_order_they_come() -> None:
    assert of("g4.7/2x9", "g4.7/2", "g4.7/2x17", "g4.7/3", "g4.8/2") == {"g4.7/2", "g4.7/2x9"}


def test_the_newest_is_found_by_what_the_body_calls_it() -> None:
    groups = [GroupId("g4.7/2x9"), GroupId("g4.7/2"), GroupId("g4.7/2x17"), GroupId("g4")]
    assert newest(groups) == {"g4.7/2": "g4.7/2x17", "g4": "g4"}


def test_what_descends_from_a_superseded_call_is_superseded() -> None:
    assert of("g4.7/2", "g4.7/2.0/1", "g4.7/2.0/1.3/5", "g4.7/2x17", "g4.7/2x17.0/1") == {
        "g4.7/2",
        "g4.7/2.0/1",
        "g4.7/2.0/1.3/5",
    }


def test_a_call_made_anew_stands_alone_where_the_first_one_is_not_there() -> None:
    assert of("g4.7/2x17", "g4.7/2x17.0/1") == set()
