"""A run as text and as static HTML: the outcome in words, everything escaped, small at any size."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.notebook.stories import monthly, parents
from tests.notebook.telling import (
    BEGIN_S,
    ERROR,
    HOSTILE,
    TRACEBACK,
    WORKERS,
    StoryRun,
    ended,
    run_finished,
    run_started,
    silent,
    spec,
    started,
)
from wfkit.core.events import ErrorInfo, NodesAdded, RunStateChanged
from wfkit.core.states import STATES, RunState, TaskState
from wfkit.core.view import RunView
from wfkit.notebook.display import GLYPHS, counts_text, leading_state, outcome_line, run_html, run_text

NOW_S = BEGIN_S + 60


class Parsed(HTMLParser):
    """What a browser would make of the page: its tags with attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def count(self, tag: str) -> int:
        return sum(each == tag for each, _ in self.tags)


def test_the_outcome_is_told_in_one_line() -> None:
    assert outcome_line(monthly().view_model) == "monthly FAILED in 7.8 s: 35 completed, 1 failed, 4 upstream failed"


def test_a_run_that_lives_tells_for_how_long() -> None:
    view = monthly(2).view_model
    assert outcome_line(view, BEGIN_S + 3.21) == "monthly RUNNING for 3.2 s: 1 running, 39 pending"
    assert outcome_line(view) == "monthly RUNNING: 1 running, 39 pending"


def test_a_run_without_anything_is_told_too() -> None:
    assert outcome_line(RunView(), NOW_S) == "run PENDING: no tasks"
    assert run_text(RunView(), NOW_S) == "run PENDING: no tasks"
    assert Parsed(run_html(RunView(), NOW_S)).count("table") == 0


def test_text_has_a_line_a_group_and_the_failure_with_its_error() -> None:
    lines = run_text(monthly().view_model, NOW_S).splitlines()
    assert lines[0].startswith("monthly FAILED in 7.8 s")
    assert lines[1].strip() == "1 failure was not handled: clean[6] (ValueError)"
    assert lines[3].split() == ["✗", "clean", "11", "completed,", "1", "failed", "6.9", "s"]
    assert lines[-1].strip() == "✗ clean[6]: ValueError: could not convert string to float: 'n/a (see remark 7)'"
    assert len(lines) == 10


def test_html_has_a_table_with_caption_and_scopes_and_the_traceback_in_details() -> None:
    page = Parsed(run_html(monthly().view_model, NOW_S))
    assert page.open == []
    assert page.count("caption") == 1
    assert [attrs["scope"] for tag, attrs in page.tags if tag == "th"] == ["col"] * 5 + ["row"] * 7
    assert page.count("details") == 1
    assert TRACEBACK in page.text
    assert "monthly FAILED in 7.8 s: 35 completed, 1 failed, 4 upstream failed" in page.text
    assert page.tags[0][1]["aria-label"] == "Run of monthly"


def test_glyphs_are_hidden_from_readers_and_differ() -> None:
    assert len(set(GLYPHS.values())) == len(STATES)
    page = Parsed(run_html(monthly().view_model, NOW_S))
    assert all(attrs.get("aria-hidden") == "true" for tag, attrs in page.tags if tag == "span")


def hostile_run(text: str) -> StoryRun:
    error = ErrorInfo(type_name=text, message=text, traceback=text)
    return StoryRun(
        run_started(text),
        NodesAdded(groups=(spec(0, text), spec(1, text + "2", 3, mapped=True))),
        ended(0, state=TaskState.FAILED, error=error, reason=text),
        ended(1, 2, state=TaskState.FAILED, reason=text),
        run_finished(RunState.FAILED, reason=text),
    )


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "<script>window.canary=1</script>",
        '"><svg/onload=alert(1)>',
        "'-alert(1)-'",
        "</pre></details><iframe src=javascript:alert(1)>",
        "</style><img src=x onerror=alert(1)>",
        "<!--><img src=x onerror=alert(1)>",
        "&lt;b&gt;&amp;#x27;",
        "[click](javascript:alert(1))",
    ],
)
def test_names_errors_and_reasons_become_text_and_nothing_else(text: str) -> None:
    page = Parsed(run_html(hostile_run(text).view_model, NOW_S, note=text))
    allowed = {"div", "style", "p", "span", "strong", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert {tag for tag, _ in page.tags} <= allowed | {"details", "summary", "pre", "em", "img"}
    told = [attrs for tag, attrs in page.tags if tag != "img"]
    allowed = {"class", "role", "aria-label", "aria-hidden", "scope", "data-run", "data-state"}
    assert {name for attrs in told for name in attrs} <= allowed
    (picture,) = [attrs for tag, attrs in page.tags if tag == "img"]
    assert picture.keys() == {"alt", "src", "style"}
    assert (picture["src"] or "").startswith("data:image/svg+xml;base64,")
    assert page.open == []
    assert page.text.count(text) >= 6


def test_text_sends_no_sequences_to_a_terminal() -> None:
    text = run_text(hostile_run("\x1b[2J\x1b]8;;http://evil\x07a\nb\r").view_model, NOW_S)
    assert not any(ord(char) < 32 and char != "\n" for char in text)
    assert len(text.splitlines()) < 8


@pytest.mark.parametrize("char", ["x", "<", "'", "日", "\U0001f600"])
def test_html_stays_below_100_kb_at_any_size(char: str) -> None:
    long = char * 50_000
    error = ErrorInfo(type_name=long, message=long, traceback=long)
    groups = tuple(spec(number, f"{number}{char * 500}", 40, mapped=True) for number in range(300))
    run = StoryRun(run_started(long), NodesAdded(groups=groups), run_finished(RunState.FAILED, reason=long))
    run.tell(*(ended(number, index, TaskState.FAILED, error=error) for number in range(300) for index in range(3)))
    page = run_html(run.view_model, NOW_S, note=long)
    assert len(page.encode()) <= 100_000
    assert Parsed(page).open == []
    assert "… and 240 more." in page
    assert "… and 895 more failures." in page
    assert len(run_text(run.view_model, NOW_S)) < 30_000


def test_the_end_of_a_long_traceback_is_kept() -> None:
    error = ErrorInfo(type_name="E", message="m", traceback="\n".join(f"frame {i}" for i in range(5000)))
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "a"),)), ended(0, state=TaskState.FAILED, error=error))
    page = run_html(run.view_model, NOW_S)
    assert "frame 4999</pre>" in page
    assert "frame 10\n" not in page


def test_a_crash_without_an_error_tells_its_reason() -> None:
    run = StoryRun(
        run_started(), NodesAdded(groups=(spec(0, "a"),)), ended(0, state=TaskState.FAILED, reason="no memory")
    )
    assert "✗ a: no memory" in run_text(run.view_model, NOW_S)
    assert "no memory" in run_html(run.view_model, NOW_S)


def test_the_first_failures_are_told_and_the_rest_counted() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "a", 100, mapped=True),)))
    run.tell(*(ended(0, index, TaskState.FAILED, error=ERROR) for index in range(90, 10, -1)))
    text = run_text(run.view_model, NOW_S)
    assert "✗ a[11]: ValueError" in text
    assert "✗ a[15]: ValueError" in text
    assert "a[16]" not in text
    assert "… and 75 more failures" in text


def test_a_map_of_unknown_length_says_so() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "a", None, mapped=True),)))
    assert "length not known yet" in run_text(run.view_model, NOW_S)
    assert "0/?" in run_html(run.view_model, NOW_S)
    run.tell(NodesAdded(groups=(spec(0, "a", 0, mapped=True),)))
    assert "no elements" in run_text(run.view_model, NOW_S)


def test_a_flow_inside_the_flow_counts_its_members() -> None:
    inner = NodesAdded(groups=(spec(0, "etl", 0, kind="flow"), spec(1, "a", 3, mapped=True, parent="g0")))
    run = StoryRun(run_started(), inner, ended(1, 0), ended(1, 1, TaskState.FAILED, error=ERROR))
    assert "etl  1 completed, 1 failed, 1 pending" in run_text(run.view_model, NOW_S)
    assert outcome_line(run.view_model) == "monthly RUNNING: 1 completed, 1 failed, 1 pending"
    assert "2/3" in run_html(run.view_model, NOW_S)


def test_what_nodes_spawned_stands_below_its_parent_as_one_line_a_task() -> None:
    run = parents(1_000)
    lines = run_text(run.view_model, NOW_S).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["⧗", "parent"], ["○", "leaf"], ["○", "sum"]]
    assert lines[2].startswith("  ○   leaf")
    assert "2,000 pending" in lines[2]
    page = run_html(run.view_model, NOW_S)
    assert Parsed(page).open == []
    assert '<th scope="row">&emsp;leaf</th>' in page
    assert "0/2,000" in page


def test_a_flatten_tells_how_many_items_there_are() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "flatten", None, mapped=True, kind="flatten"),)))
    assert run_text(run.view_model, NOW_S).endswith("○ flatten  length not known yet")
    run.tell(NodesAdded(groups=(spec(0, "flatten", 7, mapped=True, kind="flatten"),)))
    assert run_text(run.view_model, NOW_S).endswith("✓ flatten  7 items")
    assert '<td class="n"></td><td>7 items</td>' in run_html(run.view_model, NOW_S)


def test_a_pause_or_a_stand_still_tells_its_reason() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "a", 120, mapped=True),)))
    run.tell(RunStateChanged(state=RunState.RUNNING, reason="no workers for 65 s, 120 tasks wait; see `%flow cluster`"))
    assert run_text(run.view_model, NOW_S).splitlines()[1] == (
        "  no workers for 65 s, 120 tasks wait; see `%flow cluster`"
    )
    page = run_html(run.view_model, NOW_S)
    assert "<p>no workers for 65 s, 120 tasks wait; see <code>%flow cluster</code></p>" in page
    run.tell(RunStateChanged(state=RunState.PAUSED, reason="by %flow pause"))
    assert run_text(run.view_model, NOW_S).startswith("monthly PAUSED for 1:00: 120 pending\n  by %flow pause")


def test_nodes_that_are_stalled_are_counted_among_those_that_run_until_they_are_not() -> None:
    flow = spec(0, "etl", 0, kind="flow")
    members = (replace(spec(1, "a", 5, mapped=True), parent=flow.id), replace(spec(2, "b", 2), parent=flow.id))
    run = StoryRun(run_started(), NodesAdded(groups=(flow, *members)))
    run.tell(*(started(1, index) for index in range(3)), started(2, 1), silent(WORKERS[0]))
    head, etl, a, b = run_text(run.view_model, NOW_S).splitlines()
    assert "4 running (2 stalled), 3 pending" in head
    assert "4 running (2 stalled), 3 pending" in etl
    assert "3 running (2 stalled), 2 pending" in a
    assert "stalled" not in b
    assert "<td>3 running (2 stalled), 2 pending</td>" in run_html(run.view_model, NOW_S)
    run.tell(silent())
    assert "stalled" not in run_text(run.view_model, NOW_S) + run_html(run.view_model, NOW_S)


def test_what_a_run_holds_is_told_unless_it_is_nothing() -> None:
    view = monthly().view_model
    assert run_text(view, NOW_S, 1_234_567).splitlines()[2] == "  holds 1.2 MB in cluster memory"
    assert "<p>holds 1.2 MB in cluster memory.</p>" in run_html(view, NOW_S, held_bytes=1_234_567)
    assert "holds" not in run_text(view, NOW_S) + run_html(view, NOW_S)


def counts(**of: int) -> list[int]:
    return [of.get(state.value, 0) for state in STATES]


def test_counts_are_told_with_what_matters_first() -> None:
    assert counts_text(counts(PENDING=3, FAILED=1, COMPLETED=10_000)) == "10,000 completed, 1 failed, 3 pending"


@pytest.mark.parametrize(
    ("of", "leading"),
    [
        ({"RUNNING": 1, "FAILED": 3}, TaskState.RUNNING),
        ({"FAILED": 1, "COMPLETED": 9, "PENDING": 2}, TaskState.FAILED),
        ({"PENDING": 9}, TaskState.PENDING),
        ({"PENDING": 1, "COMPLETED": 8}, TaskState.RUNNING),
        ({"COMPLETED": 8, "SKIPPED": 1}, TaskState.COMPLETED),
        ({}, TaskState.PENDING),
    ],
)
def test_the_leading_state_is_that_of_the_browser(of: dict[str, int], leading: TaskState) -> None:
    assert leading_state(counts(**of)) is leading


def test_a_group_that_runs_shows_its_time_until_now() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "a"),)), started(0, after_s=1.0))
    assert run_text(run.view_model, BEGIN_S + 3.5).splitlines()[1].endswith("2.5 s")


def test_a_picture_says_of_which_run_it_is_and_whether_that_has_ended() -> None:
    run = monthly()
    _, root = Parsed(run_html(run.view_model, NOW_S)).tags[0]
    assert (root["data-run"], root["data-state"]) == (run.id, "FAILED")
