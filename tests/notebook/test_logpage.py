"""Pages of the log: who wrote a line, which lines a filter shows, and where a reader is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.notebook.stories import crawl, long_run, monthly
from tests.notebook.telling import BEGIN_S, StoryRun, logged, run_started, spec
from wfkit.core.events import LogLine, LogLines, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.notebook.deck import Deck
from wfkit.notebook.logbook import LogBook
from wfkit.notebook.logpage import log_page
from wfkit.notebook.protocol import AskLogs


class Reader:
    """Somebody who reads the log of a run."""

    def __init__(self, run: StoryRun) -> None:
        self.run, self.deck, self.book = run, Deck(), LogBook()
        self.deck.update(run.view_model)

    def page(self, group: str | None = None, index: int | None = None, **more: Any) -> dict[str, Any]:
        asked: dict[str, Any] = {"level": 0, "text": "", "start": None, "line": None, "limit": 100} | more
        page: dict[str, Any] = {"searched": 0.0}
        while page["searched"] < 1:
            page = log_page(AskLogs("q", group, index, **asked), self.run, self.deck, self.book)
        return page

    def texts(self, group: str | None = None, index: int | None = None, **more: Any) -> list[str]:
        return [row[4] for row in self.page(group, index, **more)["rows"]]


def counted(lines: int, length: int = 4) -> StoryRun:
    run = long_run(1)
    rows = tuple(LogLine(at_s=BEGIN_S + i, level=20, source="s", text=f"{i}".ljust(length, ".")) for i in range(lines))
    run.tell(LogLines(group=GroupId("g0"), index=0, attempt=1, part=0, lines=rows))
    return run


def test_a_row_tells_the_node_and_where_it_is_found() -> None:
    page = Reader(monthly()).page()
    first = page["rows"][0]
    assert first[2:] == [20, "clean", "28,243 rows read", 1, "clean[6]", "g1", 6]
    assert (page["total"], page["first"], page["searched"]) == (len(page["rows"]), 0, 1.0)
    json.dumps(page, allow_nan=False)


def test_what_a_spawned_node_wrote_leads_to_its_cell() -> None:
    run = crawl()
    read = next(group for group in run.view_model.groups.values() if group.spec.task == "read" and group.spec.order > 9)
    run.tell(LogLines(group=read.spec.id, index=2, attempt=1, part=0, lines=monthly_line("found")))
    reader = Reader(run)
    row = reader.page()["rows"][0]
    card = reader.deck.by_id["fold:g0/read"]
    assert (row[6], row[7]) == (read.name(2), card.id)
    assert card.node(row[8]) == (read, 2)
    assert reader.texts(card.id, row[8]) == ["found"]
    assert reader.texts(card.id, row[8] + 1) == []
    assert reader.texts(card.id) == ["found"]
    assert reader.texts(read.spec.id, 2) == ["found"]


def monthly_line(text: str) -> tuple[LogLine, ...]:
    return (LogLine(at_s=BEGIN_S, level=20, source="s", text=text),)


def test_a_filter_shows_one_task_one_node_or_the_body() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "load", 2, mapped=True), spec(1, "sum"))))
    run.tell(logged(0, 0, 1, "a"), logged(0, 1, 1, "b"), logged(1, 0, 1, "c"))
    run.body_log += monthly_line("from the body")
    reader = Reader(run)
    assert reader.texts() == ["from the body", "a", "b", "c"]
    assert reader.texts("g0") == ["a", "b"]
    assert reader.texts("g0", 1) == ["b"]
    assert reader.texts("") == ["from the body"]
    assert reader.page("")["rows"][0][6:] == ["", "", None]
    assert reader.texts("g9") == []


def test_a_flow_inside_shows_what_its_tasks_wrote() -> None:
    flow = spec(0, "etl", None, kind="flow")
    run = StoryRun(run_started(), NodesAdded(groups=(flow, spec(1, "load", parent="g0"), spec(2, "other"))))
    run.tell(logged(1, 0, 1, "inside"), logged(2, 0, 1, "outside"))
    assert Reader(run).texts("g0") == ["inside"]


def test_lines_of_a_group_that_has_no_card_yet_are_found_when_it_has_one() -> None:
    run = long_run(1)
    reader = Reader(run)
    run.tell(NodesAdded(groups=(spec(1, "late"),)), logged(1, 0, 1, "early line"))
    assert reader.texts() == ["early line"]
    assert reader.texts("g0") == []
    assert reader.page("g1")["rows"][0][6:] == ["late", "g1", 0]
    reader.deck.update(run.view_model)
    assert reader.texts("g1") == ["early line"]


@pytest.mark.parametrize(
    ("start", "limit", "first", "last"), [(None, 10, 90, 99), (0, 10, 0, 9), (95, 10, 95, 99), (-5, 10, 0, 9)]
)
def test_a_page_is_a_window_on_what_was_found(start: int | None, limit: int, first: int, last: int) -> None:
    page = Reader(counted(100)).page(start=start, limit=limit)
    assert (page["first"], page["total"]) == (first, 100)
    assert [row[4] for row in page["rows"]] == [f"{i}".ljust(4, ".") for i in range(first, last + 1)]


def test_a_page_around_a_line_moves_with_it() -> None:
    run = counted(100)
    reader = Reader(run)
    line = reader.page(start=50, limit=1)["rows"][0]
    run.tell(logged(0, 0, 1, "much earlier", part=7))
    page = reader.page(line=line[0], start=-3, limit=7)
    assert page["rows"][3] == line
    assert page["first"] == 48
    assert reader.page(line=10**9, limit=2)["first"] == 99


def test_a_page_of_long_lines_ends_early_and_goes_on_where_it_ended() -> None:
    reader = Reader(counted(400, length=4_000))
    page = reader.page(start=0, limit=400)
    told = len(page["rows"])
    assert 1 < told < 100
    assert len(json.dumps(page)) < 200_000
    assert reader.page(start=told, limit=400)["rows"][0][4].startswith(f"{told}.")


def test_what_a_terminal_would_act_on_is_taken_out_and_long_lines_are_cut() -> None:
    run = long_run(1)
    run.tell(logged(0, 0, 1, "\x1b[31mred\x1b[0m\u202e", "x" * 5_000, "\ud800", source="\x1b]0;title\x07s"))
    rows = Reader(run).page()["rows"]
    assert [row[3] for row in rows] == ["s", "s", "s"]
    assert rows[0][4] == "red"
    assert rows[1][4].endswith("(1,000 characters more)")
    json.dumps(rows, ensure_ascii=False).encode()
