"""Columns for the browser: all at first, then what changed, while somebody looks."""

from __future__ import annotations

import json
import random
import struct
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import pytest

from tests.notebook.stories import crawl_steps, long_run, monthly, monthly_steps, parents
from tests.notebook.telling import BEGIN_S, WORKERS, StoryRun, ended, retrying, run_finished, run_started, spec, started
from wfkit.core.events import AnyEvent, NodeResumed, NodesAdded, NodeWaiting
from wfkit.core.ids import GroupId
from wfkit.core.phases import is_plain, phases
from wfkit.core.states import STATES, RunState
from wfkit.notebook.columns import Columns
from wfkit.notebook.deck import Deck
from wfkit.notebook.feed import Message, message_bytes

Phase = tuple[str, float | None, float | None, str, int]


@dataclass
class Cell:
    started_s: float | None
    ended_s: float | None
    worker: str
    attempts: int
    phases: list[Phase] = field(default_factory=list)


class Browser:
    """Applies the messages as the front end does."""

    def __init__(self) -> None:
        self.cards: dict[str, dict[int, Cell]] = {}
        self.workers: list[str] = []
        self.seq: int | None = None

    def take(self, message: Message) -> None:
        content: Any = json.loads(json.dumps(message[0], allow_nan=False))
        if content["base"] is None:
            self.cards, self.workers = {}, []
        else:
            assert content["base"] == self.seq
        self.seq = content["seq"]
        self.workers[content["workers_from"] :] = content["workers"]
        base_s = content["base_s"]
        columns = [
            list(struct.unpack(f"<{len(part) // struct.calcsize(form)}{form}", part))
            for part, form in zip(message[1], "IffHHIffBHH", strict=True)
        ]
        numbers, *rows = columns[:5]
        table, stretches = list(zip(*rows, strict=True)), list(zip(*columns[5:], strict=True))
        for card in content["cards"]:
            known = self.cards.setdefault(card["id"], {})
            count = card["rows"]
            if count == card["length"]:
                cells = list(range(count))
            else:
                cells, numbers = numbers[:count], numbers[count:]
            for cell, (start, end, worker, attempts) in zip(cells, table, strict=False):
                known[cell] = Cell(at(base_s, start), at(base_s, end), self._worker(worker), attempts)
            table = table[count:]
            for cell, start, end, state, worker, attempt in stretches[: card["phases"]]:
                told = (STATES[state].value, at(base_s, start), at(base_s, end), self._worker(worker), attempt)
                known[cell].phases.append(told)
            stretches = stretches[card["phases"] :]
        assert (numbers, table, stretches) == ([], [], [])

    def _worker(self, number: int) -> str:
        return "" if number == 2**16 - 1 else self.workers[number]


def at(base_s: float, seconds: float) -> float | None:
    return None if isnan(seconds) else round(base_s + seconds, 3)


def exact(seconds: float) -> float | None:
    return None if isnan(seconds) else round(seconds, 3)


def assert_same(browser: Browser, run: StoryRun, deck: Deck) -> None:
    view = run.view_model
    assert browser.workers == view.workers
    for card in deck.by_id.values():
        for cell in range(len(card.states)):
            group, index = card.node(cell)
            told = browser.cards.get(card.id, {}).get(cell, Cell(None, None, "", 0))
            worker = group.worker_of[index]
            assert told == Cell(
                exact(group.started_s[index]),
                exact(group.ended_s[index]),
                view.workers[worker] if worker >= 0 else "",
                group.attempts[index],
                []
                if is_plain(group, index)
                else [
                    (state.value, exact(start_s), exact(end_s), view.workers[on] if on >= 0 else "", attempt)
                    for state, start_s, end_s, attempt, on in phases(group, index)
                ],
            )


@dataclass
class Line:
    """Kernel and browser, and what joins them."""

    run: StoryRun
    deck: Deck = field(default_factory=Deck)
    columns: Columns = field(default_factory=Columns)
    browser: Browser = field(default_factory=Browser)
    now_s: float = 100.0

    def says(self) -> list[tuple[Message, bool]]:
        """All that the kernel has to say now."""
        self.deck.update(self.run.view_model)
        said = []
        while self.columns.due(self.run.view_model, self.now_s):
            message = self.columns.message(self.run.view_model, self.deck, self.now_s)
            if message is not None:
                said.append(message)
                self.browser.take(message[0])
        return said


@pytest.mark.parametrize("steps", [monthly_steps(), crawl_steps()], ids=["monthly", "crawl"])
def test_a_browser_that_looks_from_the_start_knows_all_of_each_step(steps: list[list[Any]]) -> None:
    line = Line(StoryRun())
    for number, events in enumerate(steps):
        line.now_s += 1
        line.columns.watch(line.browser.seq, line.now_s)
        line.run.tell(*events)
        said = line.says()
        assert [asked for _, asked in said] == [True][: 1 if number == 0 else 0] + [False] * (len(said) - (number == 0))
        assert_same(line.browser, line.run, line.deck)


@pytest.mark.parametrize("run", [monthly(), monthly(9), parents(30)], ids=["ended", "live", "spawned"])
def test_a_browser_that_comes_later_is_told_all_at_once(run: StoryRun) -> None:
    line = Line(run)
    assert line.columns.watch(None, line.now_s)
    assert [asked for _, asked in line.says()] == [True]
    assert_same(line.browser, run, line.deck)


def test_nothing_is_said_while_nobody_looks() -> None:
    line = Line(monthly(9))
    assert line.says() == []
    line.columns.watch(None, line.now_s)
    assert line.says()
    line.now_s += 60
    line.run.tell(started(0, 11))
    assert line.says() == []
    assert line.columns.watch(line.browser.seq, line.now_s)
    assert [asked for _, asked in line.says()] == [True]
    assert_same(line.browser, line.run, line.deck)


def test_who_says_in_time_that_he_still_looks_gets_only_what_changed() -> None:
    line = Line(long_run(1000))
    line.columns.watch(None, line.now_s)
    line.says()
    for index in range(5):
        line.now_s += 4
        assert not line.columns.watch(line.browser.seq, line.now_s)
        line.run.tell(started(0, index))
        [(message, asked)] = line.says()
        assert not asked
        assert message[0]["cards"] == [{"id": "g0", "length": 1000, "rows": 1, "phases": 0}]
    assert_same(line.browser, line.run, line.deck)


@pytest.mark.parametrize("have", [None, 0, 99])
def test_who_has_missed_a_message_or_knows_another_kernel_is_told_all(have: int | None) -> None:
    line = Line(monthly(9))
    line.columns.watch(None, line.now_s)
    line.says()
    line.now_s += 5
    assert line.columns.watch(have, line.now_s)
    assert [asked for _, asked in line.says()] == [True]


def test_a_message_that_is_still_under_way_is_not_lost() -> None:
    line = Line(monthly(9))
    line.columns.watch(None, line.now_s)
    line.says()
    line.now_s += 1
    assert not line.columns.watch(0, line.now_s)


def test_a_hundred_thousand_cells_cost_little_and_a_burst_is_told_in_parts() -> None:
    count = 100_000
    run = long_run(count)
    line = Line(run)
    line.columns.watch(None, line.now_s)
    run.tell(*(started(0, index, after_s=index / 1000) for index in range(count)))
    [(whole, asked)] = line.says()
    assert asked
    assert message_bytes(whole) <= 1_210_000
    burst = 20_000
    run.tell(*(ended(0, index, after_s=1 + index / 1000) for index in range(burst)))
    parts = line.says()
    assert len(parts) >= 4
    assert all(message_bytes(part) < 110_000 for part, _ in parts)
    ended_s = [line.browser.cards["g0"][index].ended_s for index in (0, burst - 1, burst)]
    assert ended_s == [BEGIN_S + 1, pytest.approx(BEGIN_S + 1 + (burst - 1) / 1000), None]


def test_rows_that_change_anywhere_in_any_amount_are_told() -> None:
    draw = random.Random(5)
    line = Line(long_run(3_000))
    alive = list(range(3_000))
    draw.shuffle(alive)
    while alive:
        line.columns.watch(line.browser.seq, line.now_s)
        batch = [alive.pop() for _ in range(min(len(alive), draw.choice([1, 7, 900])))]
        line.run.tell(*(started(0, index, after_s=draw.random()) for index in batch))
        line.says()
        again = [index for index in batch if draw.random() < 0.2]
        line.run.tell(*(retrying(0, index, after_s=2) for index in again))
        line.says()
        line.run.tell(*(started(0, index, 2, after_s=4) for index in again))
        line.run.tell(*(ended(0, index, attempt=2 if index in again else 1, after_s=5) for index in batch))
        line.says()
    line.run.tell(run_finished(RunState.COMPLETED))
    line.says()
    assert_same(line.browser, line.run, line.deck)


def test_workers_that_join_later_are_told() -> None:
    line = Line(long_run(4))
    line.columns.watch(None, line.now_s)
    line.says()
    assert line.browser.workers == []
    line.run.tell(started(0, 0))
    line.says()
    line.run.tell(started(0, 1))
    line.says()
    assert line.browser.workers == list(WORKERS)


def test_times_are_good_to_a_hundredth_of_a_second_after_a_day() -> None:
    line = Line(long_run(1))
    line.columns.watch(None, line.now_s)
    line.run.tell(started(0, 0, after_s=86_400.125), ended(0, 0, after_s=90_000.375))
    line.says()
    cell = line.browser.cards["g0"][0]
    assert cell.started_s == pytest.approx(BEGIN_S + 86_400.125, abs=0.01)
    assert cell.ended_s == pytest.approx(BEGIN_S + 90_000.375, abs=0.01)


def test_rows_with_more_phases_than_there_is_room_for_leave_none_of_the_others_out() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "walk"), spec(1, "load", 3, mapped=True))))
    line = Line(run)
    line.columns.watch(None, line.now_s)
    line.says()
    group, many = GroupId("g0"), 4_000
    changes: list[AnyEvent] = [started(0, 0, after_s=0.0)]
    for child in range(many):
        at_s = BEGIN_S + 1 + child
        changes.append(NodeWaiting(at_s=at_s, group=group, index=0, attempt=1, children=()))
        changes.append(NodeResumed(at_s=at_s + 0.5, group=group, index=0, attempt=1))
    run.tell(*changes, *(started(1, index) for index in range(3)))
    assert len(line.says()) == 2
    assert_same(line.browser, run, line.deck)


def test_a_message_that_could_not_be_made_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(long_run(4))
    line.columns.watch(None, line.now_s)
    line.says()
    line.run.tell(started(0, 0))
    with monkeypatch.context() as patch:
        patch.setattr("wfkit.notebook.columns._Rows.buffers", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            line.says()
    line.says()
    assert_same(line.browser, line.run, line.deck)


def test_groups_whose_cards_come_when_the_run_has_ended_are_told() -> None:
    run = monthly()
    line = Line(run)
    line.columns.watch(None, line.now_s)
    line.deck.update(run.view_model, 2)
    message = line.columns.message(run.view_model, line.deck, line.now_s)
    assert message is not None
    line.browser.take(message[0])
    while line.deck.is_behind:
        line.deck.update(run.view_model, 2)
    line.says()
    assert_same(line.browser, run, line.deck)
