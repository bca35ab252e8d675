"""Settling: a run whose owner is gone ends, once; one whose owner lives never does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import update

from tests.core.histories import G0
from tests.history.making import Watching, a_record, begun, encoded, run_id, trivial, whole
from wfkit.core.snapshot import snapshot
from wfkit.core.states import RunState, TaskState
from wfkit.history import settling, tables
from wfkit.history.settling import REASON
from wfkit.history.store import History

SOON_S = 10.0


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Owners have no time to be heard of, where a test does not give them some."""
    monkeypatch.setattr(settling, "TURN_S", 0.0)


def abandon(history: History) -> None:
    """As if the owners of all runs had not been heard of for long."""
    with history._database.writing() as connection:
        connection.execute(update(tables.runs).where(tables.runs.c.until_s > 0).values(until_s=1.0))


def test_an_abandoned_run_is_interrupted_with_all_its_nodes(open_history: Callable[[], History]) -> None:
    owner, other = open_history(), open_history()
    driver = Watching()
    owner.begin(a_record(), driver)
    owner.append(run_id(), encoded([*begun(), *trivial(2)]))
    owner.flush(SOON_S)
    assert other.settle_abandoned() == []
    abandon(owner)
    assert other.settle_abandoned() == [run_id()]
    assert other.settle_abandoned() == []
    record, view = other.run(run_id()), other.view(run_id())
    assert (record.state, record.reason, record.holder) == (RunState.INTERRUPTED, REASON, "")
    assert record.counts == {"COMPLETED": 2, "CANCELLED": 1}
    assert record.ended_s is not None
    assert (view.state, view.reason) == (RunState.INTERRUPTED, REASON)
    assert view.groups[G0].state(2) is TaskState.CANCELLED
    owner.append(run_id(), encoded(trivial(3)[4:]))
    owner.flush(SOON_S)
    assert driver.lost, "the owner woke up and has become a viewer"
    assert snapshot(other.view(run_id())) == snapshot(view)


def test_an_owner_that_slept_goes_on_where_nobody_looked(open_history: Callable[[], History]) -> None:
    owner, other = open_history(), open_history()
    owner.begin(a_record())
    owner.flush(SOON_S)
    abandon(owner)
    owner.append(run_id(), encoded(whole()))
    owner.flush(SOON_S)
    assert other.settle_abandoned() == []
    assert other.run(run_id()).state is RunState.COMPLETED


def test_nobody_ends_its_own_run(history: History) -> None:
    history.begin(a_record())
    history.flush(SOON_S)
    abandon(history)
    assert history.settle_abandoned() == []


def test_of_many_that_look_at_once_one_ends_the_run(open_history: Callable[[], History]) -> None:
    owner = open_history()
    for number in range(5):
        owner.begin(a_record(number))
        owner.append(run_id(number), encoded(begun(number)))
    owner.flush(SOON_S)
    abandon(owner)
    lookers = [open_history() for _ in range(8)]

    def look(history: History) -> list[str]:
        return [str(one) for one in history.settle_abandoned()]

    with ThreadPoolExecutor(len(lookers)) as pool:
        ended = [run for found in pool.map(look, lookers) for run in found]
    assert sorted(ended) == [run_id(number) for number in range(5)]
    for number in range(5):
        assert [event.seq for event in owner.events(run_id(number))] == [1, 2, 3, 4, 5, 6]


def test_right_after_the_machine_slept_nobody_is_given_up(open_history: Callable[[], History]) -> None:
    owner, other = open_history(), open_history()
    owner.begin(a_record())
    owner.flush(SOON_S)
    other.settle_abandoned()
    abandon(owner)
    seen = other._settling._seen
    assert seen is not None
    other._settling._seen = type(seen)(seen.ahead_s - 600.0)  # the clocks as they were ten minutes of sleep ago
    assert other.settle_abandoned() == []
    other._settling._seen = None
    assert other.settle_abandoned() == [run_id()]


def test_an_owner_is_heard_of_once_nobody_holds_the_database_any_more(
    open_history: Callable[[], History], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = open_history(), open_history()
    driver = Watching()
    owner.begin(a_record(), driver)
    owner.flush(SOON_S)
    abandon(owner)  # as if the database had been held for longer than a lease
    assert owner._database.path is not None
    monkeypatch.setattr(settling, "TURN_S", 60.0)
    with closing(sqlite3.connect(owner._database.path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        owner.append(run_id(), encoded(begun()))
        assert other.settle_abandoned() == [], "nor is it an error of who looks"
        holder.execute("COMMIT")
    assert other.settle_abandoned() == []
    assert owner.flush(SOON_S)
    monkeypatch.setattr(settling, "TURN_S", 0.0)
    assert other.settle_abandoned() == []
    assert (other.run(run_id()).state, driver.lost) == (RunState.RUNNING, False)


def test_who_looks_ends_nothing_with_a_transaction_that_had_to_wait(
    open_history: Callable[[], History], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = open_history(), open_history()
    owner.begin(a_record())
    owner.flush(SOON_S)
    abandon(owner)
    monkeypatch.setattr(settling, "TURN_S", 60.0)
    assert other.settle_abandoned() == []
    monkeypatch.setattr(settling, "TURN_S", 0.0)
    assert owner._database.path is not None
    with closing(sqlite3.connect(owner._database.path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert other.settle_abandoned() == []
        holder.execute("COMMIT")
    assert other.flush(SOON_S), "whatever waited for the database has had it"
    assert other.run(run_id()).state is RunState.RUNNING
    assert other.settle_abandoned() == [run_id()], "it is not heard of, though it could be"


def test_who_waits_for_a_run_ends_it_with_one_call(
    open_history: Callable[[], History], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = open_history(), open_history()
    owner.begin(a_record())
    owner.flush(SOON_S)
    abandon(owner)
    monkeypatch.setattr(settling, "TURN_S", 0.5)
    assert other.settle_abandoned(waits_for=lambda one: one == run_id()) == [run_id()]
    assert other.settle_abandoned(waits_for=lambda one: one == run_id()) == []


def test_nobody_waits_for_another_run_or_while_owners_cannot_be_heard_of(
    open_history: Callable[[], History], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = open_history(), open_history()
    for number in range(2):
        owner.begin(a_record(number))
    owner.flush(SOON_S)
    with owner._database.writing() as connection:
        connection.execute(update(tables.runs).where(tables.runs.c.id == run_id(0)).values(until_s=1.0))
    monkeypatch.setattr(settling, "TURN_S", 5.0)
    assert owner._database.path is not None
    with closing(sqlite3.connect(owner._database.path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert other.settle_abandoned(waits_for=lambda one: one == run_id(0)) == []
        holder.execute("COMMIT")
    assert other.settle_abandoned(waits_for=lambda one: one == run_id(1)) == []
    assert other.run(run_id(0)).state is RunState.RUNNING
