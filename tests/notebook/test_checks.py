"""Checks of parts of messages."""

from __future__ import annotations

import pytest

from wfkit.notebook.checks import BadMessage, group_of, is_index, is_int, request_of


@pytest.mark.parametrize(("value", "whole", "index"), [(0, True, True), (-1, True, False), (7, True, True)])
def test_whole_numbers_from_0_are_indexes(value: object, *, whole: bool, index: bool) -> None:
    assert (is_int(value), is_index(value)) == (whole, index)


@pytest.mark.parametrize("value", [True, False, 1.0, "1", None, [1]])
def test_nothing_else_is_a_number(value: object) -> None:
    assert not is_int(value)
    assert not is_index(value)


@pytest.mark.parametrize("value", [None, "", 7, ["a"], "a" * 10_001])
def test_ids_are_text_of_a_bounded_length(value: object) -> None:
    for check in (request_of, group_of):
        with pytest.raises(BadMessage):
            check({"request": value, "group": value})
    assert request_of({"request": "a" * 200}) == "a" * 200
    assert group_of({"group": "g" * 10_000}) == "g" * 10_000
