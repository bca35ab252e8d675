"""What a browser may ask, and what it may not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.notebook.acts import AskPlan, Command, Place, ShowRun, StartRerun
from wfkit.notebook.checks import BadMessage
from wfkit.notebook.protocol import (
    AskDetail,
    AskFind,
    AskGroup,
    AskLogs,
    AskPreview,
    AskRows,
    AskSource,
    AskStill,
    Hello,
    Watch,
    read,
)


def test_the_messages_of_version_1_are_read() -> None:
    assert read({"v": 1, "op": "hello", "have": None}) == Hello(None)
    assert read({"v": 1, "op": "hello", "have": 7, "more": "ignored"}) == Hello(7)
    assert read({"v": 1, "op": "watch", "have": 7}) == Watch(7)
    assert read({"v": 1, "op": "detail", "request": "a", "group": "g1", "index": 2}) == AskDetail("a", "g1", 2)
    assert read({"v": 1, "op": "rows", "request": "a", "group": "g", "indexes": [2, 0]}) == AskRows("a", "g", (2, 0))
    assert read({"v": 1, "op": "group", "request": "a", "group": "g"}) == AskGroup("a", "g")
    assert read({"v": 1, "op": "source", "request": "a", "group": "g", "index": None}) == AskSource("a", "g", None)
    assert read({"v": 1, "op": "source", "request": "a", "group": "g", "index": 3}) == AskSource("a", "g", 3)
    assert read({"v": 1, "op": "find", "request": "a", "text": "late"}) == AskFind("a", "late")
    assert read({"v": 1, "op": "preview", "request": "a", "group": "g1", "index": 2}) == AskPreview("a", "g1", 2)
    assert read({"v": 1, "op": "still", "request": "a"}) == AskStill("a")
    for name in ("cancel", "pause", "resume", "release"):
        assert read({"v": 1, "op": "command", "request": "b", "name": name}) == Command("b", name)
    assert read({"v": 1, "op": "hello", "have": 7, "run": "r-1"}) == Hello(7, "r-1")
    cancel = {"v": 1, "op": "command", "request": "b", "name": "cancel", "run": "r-1", "group": "g1", "index": None}
    assert read(cancel) == Command("b", "cancel", "r-1", Place("g1", None))


LOGS: dict[str, object] = {
    "v": 1, "op": "logs", "request": "a", "group": None, "index": None, "level": 0, "text": "", "start": None,
    "line": None, "limit": 100,
}  # fmt: skip


def test_a_question_about_the_log_is_read() -> None:
    assert read(LOGS) == AskLogs("a", None, None, 0, "", None, None, 100)
    asked = LOGS | {"group": "", "index": 3, "level": 30, "text": "x", "start": -7, "line": 12, "limit": 1}
    assert read(asked) == AskLogs("a", "", 3, 30, "x", -7, 12, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"request": ""},
        {"group": 7},
        {"group": "g" * 10_001},
        {"index": -1},
        {"index": "0"},
        {"level": None},
        {"level": 0.5},
        {"text": None},
        {"text": "x" * 1_001},
        {"start": 2**54},
        {"start": True},
        {"line": -1},
        {"line": 1.5},
        {"limit": None},
        {"limit": -1},
        {"limit": 501},
    ],
)
def test_a_question_about_the_log_with_anything_else_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadMessage):
        read(LOGS | wrong)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "hello",
        [],
        {},
        {"op": "hello"},
        {"v": "1", "op": "hello"},
        {"v": True, "op": "hello"},
        {"v": 2, "op": "hello"},
        {"v": 1, "op": "hello", "have": "7"},
        {"v": 1, "op": "hello", "have": True},
        {"v": 1, "op": ["hello"]},
        {"v": 1, "op": "watch", "have": "all"},
        {"v": 1, "op": "snapshot"},
        {"v": 1, "op": "detail", "group": "g1", "index": 0},
        {"v": 1, "op": "preview", "group": "g1", "index": 0},
        {"v": 1, "op": "preview", "request": "a", "group": "g1", "index": None},
        {"v": 1, "op": "preview", "request": "a", "group": "g1", "index": -1},
        {"v": 1, "op": "preview", "request": "a", "group": 7, "index": 0},
        {"v": 1, "op": "detail", "request": "a", "group": "", "index": 0},
        {"v": 1, "op": "detail", "request": "a", "group": "g" * 10_001, "index": 0},
        {"v": 1, "op": "detail", "request": "a", "group": {"$ne": 1}, "index": 0},
        {"v": 1, "op": "detail", "request": "a", "group": "g1", "index": -1},
        {"v": 1, "op": "detail", "request": "a", "group": "g1", "index": 0.5},
        {"v": 1, "op": "detail", "request": "a", "group": "g1", "index": None},
        {"v": 1, "op": "group", "request": "a", "group": 7},
        {"v": 1, "op": "group", "group": "g1"},
        {"v": 1, "op": "source", "request": "a", "group": "g1", "index": -1},
        {"v": 1, "op": "source", "request": "a", "group": "g1", "index": "0"},
        {"v": 1, "op": "source", "request": "a", "group": "", "index": None},
        {"v": 1, "op": "rows", "request": "a", "group": "g1", "indexes": None},
        {"v": 1, "op": "rows", "request": "a", "group": "g1", "indexes": [1, "2"]},
        {"v": 1, "op": "rows", "request": "a", "group": "g1", "indexes": [-1]},
        {"v": 1, "op": "rows", "request": "a", "group": "g1", "indexes": [True]},
        {"v": 1, "op": "rows", "request": "a", "group": "g1", "indexes": list(range(501))},
        {"v": 1, "op": "rows", "group": "g1", "indexes": [0]},
        {"v": 1, "op": "find", "request": "a"},
        {"v": 1, "op": "find", "request": "a", "text": 7},
        {"v": 1, "op": "find", "request": "a", "text": "x" * 1_001},
        {"v": 1, "op": "command", "name": "cancel"},
        {"v": 1, "op": "command", "request": "", "name": "cancel"},
        {"v": 1, "op": "command", "request": "a" * 1000, "name": "cancel"},
        {"v": 1, "op": "command", "request": "a", "name": "rm -rf"},
        {"v": 1, "op": "command", "request": "a", "name": ["cancel"]},
        {"v": 1, "op": "command", "request": "a", "name": "cancel", "run": 7},
        {"v": 1, "op": "command", "request": "a", "name": "cancel", "group": "g1", "index": "0"},
        {"v": 1, "op": "command", "request": "a", "name": "pause", "group": "g1", "index": 0},
        {"v": 1, "op": "plan", "request": "a", "wish": {"what": "failed"}},
        {"v": 1, "op": "plan", "request": "a", "run": "r" * 1000, "wish": {"what": "failed"}},
        {"v": 1, "op": "show", "request": "a", "run": None},
    ],
)
def test_all_else_is_refused(content: object) -> None:
    with pytest.raises(BadMessage):
        read(content)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_keys = st.sampled_from(
    ["v", "op", "have", "request", "group", "index", "indexes", "name", "text", "level", "limit", "run", "wish", "what"]
)
_words = st.sampled_from(
    [
        *("hello", "detail", "group", "source", "rows", "preview", "find", "logs", "command", "cancel", "plan", "show"),
        *("failed", 1, 0, "g0"),
    ],
)


@given(st.dictionaries(_keys, _words | _json) | _json)
def test_any_json_is_read_or_refused_and_nothing_else(content: object) -> None:
    with suppress(BadMessage):
        asked = AskDetail | AskGroup | AskSource | AskRows | AskPreview | AskFind | AskLogs
        acts = Command | AskPlan | StartRerun | ShowRun
        assert isinstance(read(content), Hello | Watch | asked | acts)
