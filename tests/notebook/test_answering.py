"""Answers: each question gets the message of its kind, from the run as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.notebook.stories import monthly
from tests.notebook.telling import spec
from wfkit.core.events import CodesAdded, CodeSpec, NodesAdded
from wfkit.notebook.answering import answer
from wfkit.notebook.deck import Deck
from wfkit.notebook.logbook import LogBook
from wfkit.notebook.protocol import AskDetail, AskFind, AskGroup, AskLogs, AskRows, AskSource


def test_a_question_about_a_node_is_answered_by_its_detail() -> None:
    content, buffers = answer(AskDetail("q", "g1", 6), monthly(), Deck(), LogBook())
    node: Any = content["node"]
    assert (content["op"], node["name"], buffers) == ("detail", "clean[6]", [])


def test_a_question_about_many_is_answered_in_their_order() -> None:
    content, _ = answer(AskRows("q", "g1", (6, 0)), monthly(), Deck(), LogBook())
    rows: Any = content["rows"]
    assert [name for name, _ in rows] == ["clean[6]", "clean[0]"]


def test_a_question_about_a_node_is_answered_with_what_its_run_knows_beyond_the_view() -> None:
    content, _ = answer(AskDetail("q", "g1", 6), monthly(), Deck(), LogBook())
    node: Any = content["node"]
    assert node["key"] == "g1-key-6"


def test_a_question_about_a_call_is_answered_by_its_sums() -> None:
    content, buffers = answer(AskGroup("q", "g1"), monthly(), Deck(), LogBook())
    summary: Any = content["group"]
    assert (content["op"], summary["failures"][0]["count"], buffers) == ("group", 1, [])


@pytest.mark.parametrize("index", [None, 0])
def test_a_question_about_code_is_answered_by_what_it_is_now(index: int | None) -> None:
    run = monthly()
    run.tell(CodesAdded(codes=(CodeSpec(id="c", task="fresh", fingerprint="1", source="before"),)))
    run.tell(NodesAdded(groups=(replace(spec(9, "fresh"), code="c"),)))
    run.codes = {"c": CodeSpec(id="d", task="fresh", fingerprint="2", source="after")}
    content, _ = answer(AskSource("q", "g9", index), run, Deck(), LogBook())
    source: Any = content["source"]
    assert (content["op"], source["lines"]) == ("source", [("-", 1, None, "before"), ("+", None, 1, "after")])


def test_a_search_for_nodes_is_answered_by_cards_and_a_buffer_for_each() -> None:
    run, deck = monthly(), Deck()
    deck.update(run.view_model)
    content, buffers = answer(AskFind("q", "failed"), run, deck, LogBook())
    cards: Any = content["cards"]
    assert (content["op"], len(cards) > 0, len(buffers)) == ("found", True, len(cards))


def test_a_question_about_the_log_is_answered_by_a_page_of_it() -> None:
    content, buffers = answer(AskLogs("q", None, None, 0, "READ", None, None, 10), monthly(), Deck(), LogBook())
    rows: Any = content["rows"]
    assert (content["op"], rows[0][4], buffers) == ("logs", "28,243 rows read", [])


def test_a_question_about_what_is_not_there_is_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        answer(AskDetail("q", "no such group", 0), monthly(), Deck(), LogBook())
    with pytest.raises(LookupError):
        answer(AskRows("q", "g1", (10_000,)), monthly(), Deck(), LogBook())
    with pytest.raises(LookupError):
        answer(AskGroup("q", "no such group"), monthly(), Deck(), LogBook())
    with pytest.raises(LookupError):
        answer(AskSource("q", "g1", 10_000), monthly(), Deck(), LogBook())
