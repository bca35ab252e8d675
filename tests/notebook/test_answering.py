"""Answers: each question gets the message of its kind, from the run as it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notebook.stories import monthly
from wfkit.notebook.answering import answer
from wfkit.notebook.deck import Deck
from wfkit.notebook.protocol import AskDetail, AskFind, AskRows


def test_a_question_about_a_node_is_answered_by_its_detail() -> None:
    content, buffers = answer(AskDetail("q", "g1", 6), monthly(), Deck())
    node: Any = content["node"]
    assert (content["op"], node["name"], buffers) == ("detail", "clean[6]", [])


def test_a_question_about_many_is_answered_in_their_order() -> None:
    content, _ = answer(AskRows("q", "g1", (6, 0)), monthly(), Deck())
    rows: Any = content["rows"]
    assert [name for name, _ in rows] == ["clean[6]", "clean[0]"]


def test_a_name_leads_to_its_cell() -> None:
    assert answer(AskFind("q", "g1", "clean[6]"), monthly(), Deck()) == ({"op": "found", "index": 6}, [])


def test_a_question_about_what_is_not_there_is_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        answer(AskDetail("q", "no such group", 0), monthly(), Deck())
    with pytest.raises(LookupError):
        answer(AskRows("q", "g1", (10_000,)), monthly(), Deck())
    with pytest.raises(LookupError):
        answer(AskFind("q", "no such group", "1"), monthly(), Deck())
