"""Writes: what changes a run in the database, each under its lease or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, RowMapping, insert, select, update

from wfkit.core.ids import RunId
from wfkit.core.lease import HOLD_S, Lease, claimed, holds, released, renewed, taken_over
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.history import tables
from wfkit.history.backlog import Row, RunChange
from wfkit.history.records import LEASE, RunRecord, lease_of, row_of


def locked(connection: Connection, run_id: RunId) -> RowMapping | None:
    """The lease and state of a run, and the database's clock; nobody else changes it before this transaction ends."""
    found = connection.execute(LEASE.where(tables.runs.c.id == run_id).with_for_update()).mappings().first()
    return None if found is None or found["removed"] else found


def begin(connection: Connection, record: RunRecord, holder: str) -> Lease:
    """Add a run that `holder` drives; once more if nobody knows whether the first time counted."""
    row = locked(connection, record.id)
    if row is not None:
        return lease_of(row)
    now_s = connection.execute(select(tables.now())).scalar_one()
    lease = taken_over(None, record.id, holder, now_s)
    values = row_of(record, lease)
    if record.parent_id is not None and record.lineage_id is None:
        of_parent = select(tables.runs.c.lineage_id).where(tables.runs.c.id == record.parent_id)
        values["lineage_id"] = connection.scalar(of_parent) or record.parent_id
    connection.execute(insert(tables.runs).values(values))
    if record.tags:
        rows = [{"run_id": record.id, "tag": tag} for tag in dict.fromkeys(map(tables.storable, record.tags))]
        connection.execute(insert(tables.tags), rows)
    return lease


def claim(connection: Connection, run_id: RunId, holder: str, *, by_force: bool = False) -> Lease | None:
    """Take a run that has not ended; None where there is none, or another one drives it."""
    row = locked(connection, run_id)
    if row is None or RunState(row["state"]) in RUN_ENDS:
        return None
    before = lease_of(row)
    lease = (taken_over if by_force else claimed)(before, run_id, holder, row["now_s"])
    if lease is not None:
        _keep(connection, lease)
    return lease


def renew(connection: Connection, held: Lease) -> bool:
    """Say that the owner is there; False where it has lost the run."""
    row = locked(connection, held.run_id)
    if row is None or not holds(lease_of(row), held.holder, held.epoch):
        return False
    if RunState(row["state"]) not in RUN_ENDS:
        _keep(connection, renewed(lease_of(row), row["now_s"]))
    return True


def release(connection: Connection, held: Lease) -> None:
    """Let others have a run that one holds."""
    row = locked(connection, held.run_id)
    if row is not None and holds(lease_of(row), held.holder, held.epoch) and RunState(row["state"]) not in RUN_ENDS:
        _keep(connection, released(lease_of(row)))


def hold(connection: Connection, run_id: RunId) -> bool:
    """Keep a run from being removed, since another one is about to go on from it; False where it is gone.

    One that has ended needs no lease any more: the time in its row then says how long it is kept.
    """
    row = locked(connection, run_id)
    if row is not None and RunState(row["state"]) in RUN_ENDS:
        _keep(connection, replace(lease_of(row), until_s=row["now_s"] + HOLD_S))
    return row is not None


def append(
    connection: Connection,
    held: Lease,
    rows: Sequence[Row],
    change: RunChange | None = None,
    counts: Mapping[str, int] | None = None,
) -> bool:
    """Add events to a run, and to its own row what follows from them. Rows that are there already stay.

    Returns
    -------
    bool : False where `held` is not the lease any more; nothing was written then
    """
    row = locked(connection, held.run_id)
    if row is None or not holds(lease_of(row), held.holder, held.epoch):
        return False
    fresh = _without_known(connection, held.run_id, rows, row["last_seq"])
    if fresh:
        connection.execute(insert(tables.events), [{"run_id": held.run_id, **asdict(one)} for one in fresh])
    ended = RunState(row["state"]) in RUN_ENDS
    values: dict[str, object] = {"last_seq": max(row["last_seq"], *(one.last_seq for one in rows), 0)}
    if counts is not None:
        values["counts"] = dict(counts)
    if change is not None and not ended:
        values |= {"state": change.state.value, "reason": change.reason, "ended_s": change.ended_s}
        ended = change.state in RUN_ENDS
        values["until_s"] = released(lease_of(row)).until_s
    if not ended:
        values["until_s"] = renewed(lease_of(row), row["now_s"]).until_s
    connection.execute(update(tables.runs).where(tables.runs.c.id == held.run_id).values(**values))
    return True


def _without_known(connection: Connection, run_id: RunId, rows: Sequence[Row], last_seq: int) -> list[Row]:
    if all(row.first_seq > last_seq for row in rows):
        return list(rows)
    known = set(
        connection.scalars(
            select(tables.events.c.first_seq).where(
                tables.events.c.run_id == run_id, tables.events.c.first_seq >= min(row.first_seq for row in rows)
            )
        )
    )
    return [row for row in rows if row.first_seq not in known]


def _keep(connection: Connection, lease: Lease) -> None:
    columns = {"holder": lease.holder, "epoch": lease.epoch, "until_s": lease.until_s}
    connection.execute(update(tables.runs).where(tables.runs.c.id == lease.run_id).values(**columns))
