"""Writes: each counts once, under its lease or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

import pytest
from sqlalchemy import Connection, func, select, update

from tests.history.making import a_record, begun, encoded, run_id, trivial, whole
from wfkit.core.lease import LEASE_S, Lease
from wfkit.core.states import RunState
from wfkit.history import tables, writes
from wfkit.history.backlog import Backlog, Row
from wfkit.history.database import Database
from wfkit.history.records import RunRecord

ROWS = tables.events.c


@pytest.fixture
def connection(place: Callable[[], Database]) -> Iterator[Connection]:
    database = place()
    with database.writing() as connection:
        yield connection
    database.close()


@pytest.fixture
def lease(connection: Connection) -> Lease:
    """What "me" has of a run that began just now."""
    return writes.begin(connection, a_record(), "me")


def packed(*batches: list) -> list[Row]:  # type: ignore[type-arg]  # of events
    backlog = Backlog()
    for batch in batches:
        backlog.add(encoded(batch))
    return backlog.rows


def stored(connection: Connection) -> list[tuple[int, int]]:
    return [tuple(row) for row in connection.execute(select(ROWS.first_seq, ROWS.last_seq).order_by(ROWS.first_seq))]


def of_run(connection: Connection, name: str) -> object:
    return connection.scalar(select(tables.runs.c[name]))


def expire(connection: Connection) -> None:
    """As if the owner had not been heard of for long."""
    connection.execute(update(tables.runs).values(until_s=1.0))


def test_a_new_run_is_driven_by_who_began_it(connection: Connection, lease: Lease) -> None:
    now_s = connection.execute(select(tables.now())).scalar_one()
    assert (lease.holder, lease.epoch) == ("me", 1)
    assert LEASE_S - 5 < lease.until_s - now_s <= LEASE_S


def test_beginning_again_changes_nothing(connection: Connection, lease: Lease) -> None:
    assert writes.begin(connection, a_record(), "me") == lease
    assert connection.scalar(select(func.count()).select_from(tables.runs)) == 1


def test_a_run_that_goes_on_from_another_belongs_to_its_lineage(connection: Connection, lease: Lease) -> None:
    writes.begin(connection, a_record(1, parent_id=run_id()), "me")
    writes.begin(connection, a_record(2, parent_id=run_id(1)), "me")
    writes.begin(connection, a_record(3, parent_id=run_id(99)), "me")
    found = connection.scalars(select(tables.runs.c.lineage_id).order_by(tables.runs.c.id))
    assert list(found) == [run_id(), run_id(), run_id(), run_id(99)]


def test_the_same_rows_written_again_are_there_once(connection: Connection, lease: Lease) -> None:
    rows = packed(begun(), trivial(2))
    assert writes.append(connection, lease, rows)
    assert writes.append(connection, lease, rows)
    assert writes.append(connection, lease, [*rows, *packed(trivial(1, seq=7))])
    assert stored(connection) == [(1, 2), (3, 6), (7, 8)]
    assert of_run(connection, "last_seq") == 8


def test_rows_in_another_order_are_all_kept(connection: Connection, lease: Lease) -> None:
    first, second = packed(begun(), trivial(2))
    writes.append(connection, lease, [second])
    writes.append(connection, lease, [first])
    assert stored(connection) == [(1, 2), (3, 6)]
    assert of_run(connection, "last_seq") == 6


def test_the_end_of_a_run_is_in_its_row_and_frees_it(connection: Connection, lease: Lease) -> None:
    backlog = Backlog()
    backlog.add(encoded(whole()))
    writes.append(connection, lease, backlog.rows, backlog.change, {"COMPLETED": 3})
    assert of_run(connection, "state") == RunState.COMPLETED
    assert of_run(connection, "counts") == {"COMPLETED": 3}
    assert of_run(connection, "until_s") == 0.0
    assert writes.claim(connection, run_id(), "other", by_force=True) is None, "nothing leaves an end state"
    writes.append(connection, lease, packed(trivial(1, seq=99)))
    assert of_run(connection, "until_s") == 0.0
    assert of_run(connection, "state") == RunState.COMPLETED


def test_a_run_that_has_ended_is_held_whatever_else_is_written_of_it(connection: Connection, lease: Lease) -> None:
    assert writes.hold(connection, run_id())
    assert of_run(connection, "until_s") == lease.until_s, "one that goes on stays anyway"
    backlog = Backlog()
    backlog.add(encoded(whole()))
    writes.append(connection, lease, backlog.rows, backlog.change)
    assert writes.hold(connection, run_id())
    held = of_run(connection, "until_s")
    assert cast("float", held) > lease.until_s
    assert writes.append(connection, lease, packed(trivial(1, seq=99)))
    assert writes.renew(connection, lease)
    writes.release(connection, lease)
    assert of_run(connection, "until_s") == held
    assert not writes.hold(connection, run_id(7))


def test_a_run_is_claimed_once_its_owner_is_not_heard_of(connection: Connection, lease: Lease) -> None:
    assert writes.claim(connection, run_id(), "other") is None
    expire(connection)
    taken = writes.claim(connection, run_id(), "other")
    assert taken is not None
    assert (taken.holder, taken.epoch) == ("other", 2)
    assert writes.claim(connection, run_id(), "me") is None


def test_who_lost_a_run_neither_writes_nor_renews_nor_releases(connection: Connection, lease: Lease) -> None:
    taken = writes.claim(connection, run_id(), "other", by_force=True)
    assert taken is not None
    assert not writes.append(connection, lease, packed(begun()))
    assert not writes.renew(connection, lease)
    writes.release(connection, lease)
    assert stored(connection) == []
    assert of_run(connection, "until_s") == taken.until_s
    assert writes.append(connection, taken, packed(begun()))


def test_an_older_epoch_of_the_same_holder_is_refused_too(connection: Connection, lease: Lease) -> None:
    writes.claim(connection, run_id(), "other", by_force=True)
    writes.claim(connection, run_id(), "me", by_force=True)
    assert not writes.append(connection, lease, packed(begun()))
    assert writes.append(connection, replace(lease, epoch=3), packed(begun()))


def test_an_owner_that_slept_goes_on_where_nobody_took_the_run(connection: Connection, lease: Lease) -> None:
    expire(connection)
    assert writes.renew(connection, lease)
    assert writes.claim(connection, run_id(), "other") is None


def test_a_released_run_is_free(connection: Connection, lease: Lease) -> None:
    writes.release(connection, lease)
    assert writes.claim(connection, run_id(), "other") is not None


def test_a_run_that_is_not_there_is_nobodys(connection: Connection, lease: Lease) -> None:
    nobody = replace(lease, run_id=run_id(5))
    assert writes.claim(connection, run_id(5), "me") is None
    assert not writes.append(connection, nobody, packed(begun()))
    assert not writes.renew(connection, nobody)
    connection.execute(update(tables.runs).values(removed=True))
    assert not writes.append(connection, lease, packed(begun()))


def test_tags_are_kept_once(connection: Connection) -> None:
    writes.begin(connection, RunRecord(id=run_id(), flow_name="f", started_s=0, tags=("a", "b", "a", "\0")), "me")
    assert sorted(connection.scalars(select(tables.tags.c.tag))) == ["\\x00", "a", "b"]
