"""Previews are made while the view goes on, for the newest question, and are harmless."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.notebook.telling import StoryRun, ended, run_started, spec
from wfkit.core.events import NodesAdded
from wfkit.core.ids import GroupId
from wfkit.engine.driver.reading import Looked
from wfkit.engine.worker.look.form import MOST_BYTES, Fields, Look, nothing
from wfkit.engine.worker.look.kinds import known_look
from wfkit.notebook.deck import Deck
from wfkit.notebook.previews import Previews
from wfkit.notebook.protocol import AskPreview


class Said:
    """What a browser was told."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, Any], list[bytes]]] = []
        self._news = threading.Condition()

    def __call__(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        with self._news:
            self.messages.append((content, buffers))
            self._news.notify_all()

    def until(self, count: int) -> list[tuple[dict[str, Any], list[bytes]]]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.messages) >= count, timeout=10)
            return self.messages


def story(look: Look, where: str = "tcp://w") -> StoryRun:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "load"),)), ended(0))
    run.looks["g0", 0] = Looked(look, where)
    return run


def asked(look: Look) -> tuple[dict[str, Any], list[bytes]]:
    said = Said()
    Previews(story(look), Deck(), said).ask(AskPreview("q", "g0", 0))
    return said.until(1)[0]


def test_an_answer_has_kind_place_fields_and_picture() -> None:
    look = known_look({"a": 1})
    assert look is not None
    content, buffers = asked(look)
    assert content == {"op": "preview", "request": "q", "kind": "tree", "where": "tcp://w", "look": look.fields}
    assert buffers == []
    content, buffers = asked(Look("image", {"media": "image/png", "about": ""}, b"PNG"))
    assert (content["kind"], buffers) == ("image", [b"PNG"])


def test_html_is_cleaned_and_where_nothing_is_left_it_is_words() -> None:
    html: Fields = {"type": "T", "left_out": 0, "text": "in words"}
    content, _ = asked(Look("html", {**html, "html": "<b onclick=x>1</b>"}))
    assert content["look"]["html"] == "<b>1</b>"
    content, _ = asked(Look("html", {**html, "html": "<script>1</script>"}))
    assert (content["kind"], content["look"]["head"]) == ("text", "in words")
    assert content["look"]["note"] == "Its HTML cannot be shown without scripts."
    content, _ = asked(Look("html", {**html, "html": "<b>" * 20_000 + "x" + "&" * 30_000}))
    assert content["kind"] == "text"  # it grew beyond MOST_BYTES
    assert MOST_BYTES < 20_000 * 7


@pytest.mark.parametrize(
    "look",
    [
        Look("image", {"media": "text/html"}, b"<script>"),
        Look("image", {"media": "image/png"}),
        Look("image", {}, b"x"),
    ],
)
def test_a_picture_of_another_kind_is_none(look: Look) -> None:
    content, buffers = asked(look)
    assert (content["kind"], buffers) == ("none", [])


def test_texts_have_no_control_characters() -> None:
    content, _ = asked(Look("tree", {"root": {"key": "\x1b[31ma", "items": [{"text": "b\u202ec"}]}}))
    assert content["look"]["root"] == {"key": "a", "items": [{"text": "bc"}]}


def test_a_node_that_is_not_there_is_refused() -> None:
    said = Said()
    Previews(story(nothing("x")), Deck(), said).ask(AskPreview("q", "g7", 0))
    assert said.until(1)[0][0] == {"op": "error", "request": "q", "text": "The run has no such node."}


def test_an_error_is_told_to_whoever_asked() -> None:
    class Broken(StoryRun):
        def look(self, group: GroupId, index: int) -> Looked:
            raise RuntimeError("of ours")

    said = Said()
    run = Broken(run_started(), NodesAdded(groups=(spec(0, "load"),)), ended(0))
    Previews(run, Deck(), said).ask(AskPreview("q", "g0", 0))
    assert said.until(1)[0][0]["text"] == "RuntimeError: of ours"


@pytest.fixture
def gated() -> tuple[StoryRun, threading.Event, list[int]]:
    """A run of three nodes whose values are shown when the gate is open, and the nodes that were looked at."""
    gate, seen = threading.Event(), []

    class Slow(StoryRun):
        def look(self, group: GroupId, index: int) -> Looked:
            seen.append(int(group[1:]))
            gate.wait(10)
            return Looked(nothing(group), "")

    nodes = NodesAdded(groups=tuple(spec(number, f"n{number}") for number in range(3)))
    return Slow(run_started(), nodes, *(ended(number) for number in range(3))), gate, seen


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)  # between two looks


def test_of_the_questions_that_wait_only_the_newest_is_answered(
    gated: tuple[StoryRun, threading.Event, list[int]],
) -> None:
    run, gate, seen = gated
    said = Said()
    previews = Previews(run, Deck(), said)
    previews.ask(AskPreview("q0", "g0", 0))
    until(lambda: seen == [0])
    previews.ask(AskPreview("q1", "g1", 0))
    previews.ask(AskPreview("q2", "g2", 0))
    gate.set()
    told = {content["request"]: content for content, _ in said.until(3)}
    assert seen == [0, 2]
    assert (told["q0"]["op"], told["q2"]["op"]) == ("preview", "preview")
    assert told["q1"] == {"op": "error", "request": "q1", "text": "Another value was asked for."}


def test_asking_never_waits_and_the_run_is_not_held(gated: tuple[StoryRun, threading.Event, list[int]]) -> None:
    run, gate, seen = gated
    said = Said()
    Previews(run, Deck(), said).ask(AskPreview("q0", "g0", 0))
    until(lambda: seen == [0])
    assert run.lock.acquire(timeout=5)
    run.lock.release()
    assert said.messages == []
    gate.set()
    said.until(1)
