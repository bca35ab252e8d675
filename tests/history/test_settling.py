"""Settling: a run whose owner is gone ends, once; one whose owner lives never does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import update

from tests.core.histories import G0
from tests.history.making import Watching, a_record, begun, encoded, run_id, trivial, whole
from wfkit.core.states import RunState, TaskState
from wfkit.history import tables
from wfkit.history.settling import REASON
from wfkit.history.store import History

SOON_S = 10.0


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
    assert other.view(run_id()).snapshot() == view.snapshot()


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
