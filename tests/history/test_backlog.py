"""Backlogs: nothing is lost but what must be, log lines first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.core.histories import G0
from tests.history.making import begun, encoded, logged, trivial, whole
from wfkit.core.events import AnyEvent, LogLines, RunFinished, RunStateChanged
from wfkit.core.states import RunState
from wfkit.history.backlog import EVENTS_A_ROW, Backlog, RunChange
from wfkit.history.payload import unpack


def filled(*batches: Sequence[AnyEvent]) -> Backlog:
    backlog = Backlog()
    for batch in batches:
        backlog.add(encoded(batch))
    return backlog


def events_in(backlog: Backlog) -> list[AnyEvent]:
    return [event for row in backlog.rows for event in unpack(row.payload)[0]]


def with_logs() -> Backlog:
    """Three batches: the first two have log lines of 1 kB that hardly compress."""
    text = "".join(chr(97 + number * number * 7919 % 2_017 % 26) for number in range(1_000))
    return filled([*begun(), logged(3, text, lines=2)], [logged(4, text[::-1])], trivial(2, seq=5))


def test_a_batch_is_a_row_that_names_its_numbers() -> None:
    backlog = filled(begun(), trivial(2))
    assert [(row.first_seq, row.last_seq, row.number) for row in backlog.rows] == [(1, 2, 2), (3, 6, 4)]
    assert backlog.size_bytes == sum(len(row.payload) for row in backlog.rows)
    assert events_in(backlog) == [*begun(), *trivial(2)]


def test_a_large_batch_becomes_several_rows() -> None:
    events = trivial(EVENTS_A_ROW)
    backlog = filled(events)
    assert [row.number for row in backlog.rows] == [EVENTS_A_ROW, EVENTS_A_ROW]
    assert events_in(backlog) == events


def test_what_is_written_is_gone() -> None:
    backlog = filled(begun(), trivial(2))
    backlog.written(1)
    assert events_in(backlog) == trivial(2)
    backlog.written(1)
    assert (backlog.rows, backlog.size_bytes) == ([], 0)


def test_the_end_of_a_run_is_noted_and_stays() -> None:
    backlog = filled([RunStateChanged(seq=1, state=RunState.CANCELLING, reason="enough")])
    assert backlog.change == RunChange(RunState.CANCELLING, "enough")
    backlog.add(encoded(whole()))
    assert backlog.change is not None
    assert backlog.change.state is RunState.COMPLETED
    backlog.add(encoded([RunFinished(seq=99, state=RunState.FAILED)]))
    assert backlog.change.state is RunState.COMPLETED


def test_log_lines_are_given_up_first_the_oldest_before_the_others() -> None:
    backlog = with_logs()
    backlog.shrink(backlog.size_bytes - 1)
    assert (backlog.lines_dropped, backlog.events_dropped) == (2, 0)
    assert [type(event) for event in events_in(backlog)].count(LogLines) == 1
    backlog.shrink(sum(len(row.payload) for row in backlog.rows) - 1)
    assert (backlog.lines_dropped, backlog.events_dropped) == (3, 0)
    assert events_in(backlog) == [*begun(), *trivial(2, seq=5)]


def test_when_no_lines_are_left_the_oldest_events_go() -> None:
    backlog = with_logs()
    backlog.shrink(200)
    assert backlog.lines_dropped == 3
    assert backlog.events_dropped == len(begun())
    assert events_in(backlog) == trivial(2, seq=5)
    backlog.shrink(0)
    assert (backlog.rows, backlog.size_bytes) == ([], 0)


def test_an_event_that_cannot_be_stored_costs_only_itself() -> None:
    bad = replace(logged(3, "more than 64 bits"), index=2**70)
    backlog = filled([*begun(), bad, *trivial(1, seq=4)], [bad])
    assert backlog.events_dropped == 2
    assert events_in(backlog) == [*begun(), *trivial(1, seq=4)]
    assert events_in(backlog)[2].group == G0  # type: ignore[union-attr]  # a NodeStarted
