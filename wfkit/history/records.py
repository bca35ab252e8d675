"""Records: what is known of a run besides its events, as one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import RowMapping, select

from wfkit.core.ids import RunId
from wfkit.core.lease import Lease
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.history import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as lists and filters see it; its nodes are in its events."""

    id: RunId
    flow_name: str
    started_s: float
    parent_id: RunId | None = None  #: the run that this one goes on from
    lineage_id: RunId | None = None  #: the first run of the chain; None in a new record: itself
    state: RunState = RunState.RUNNING
    reason: str = ""
    ended_s: float | None = None
    parameters: tuple[tuple[str, str], ...] = ()  #: name and preview
    tags: tuple[str, ...] = ()
    source_kind: str = ""  #: "cell" or "file"
    source: str = ""  #: the text of the cell, or the path of the file
    git_commit: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    cluster: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    host: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)  #: nodes by state
    pinned: bool = False
    results_url: str = ""
    flow_stored: str = ""  #: where the store of results has the flow and its arguments
    holder: str = ""  #: who drives it; empty once it has ended
    epoch: int = 0
    last_seq: int = 0  #: number of the last event that is stored


#: The columns of a record that travel as they are.
_PLAIN: Final = (
    "id",
    "flow_name",
    "started_s",
    "parent_id",
    "reason",
    "ended_s",
    "source_kind",
    "source",
    "git_commit",
    "user",
    "host",
    "pinned",
    "results_url",
    "flow_stored",
    "epoch",
    "last_seq",
)
COLUMNS: Final = [
    tables.runs.c[name]
    for name in (*_PLAIN, "lineage_id", "state", "parameters", "environment", "cluster", "counts", "holder", "until_s")
]
LEASE: Final = select(
    *(tables.runs.c[name] for name in ("id", "holder", "epoch", "until_s", "state", "last_seq", "removed")),
    tables.now().label("now_s"),
)


def row_of(record: RunRecord, lease: Lease) -> dict[str, Any]:
    """The row of a new run."""
    return {
        **{name: getattr(record, name) for name in _PLAIN},
        "lineage_id": record.lineage_id or record.id,
        "state": record.state.value,
        "parameters": [list(pair) for pair in record.parameters],
        "environment": dict(record.environment),
        "cluster": dict(record.cluster),
        "counts": dict(record.counts),
        "words": words_of(record.id, record.flow_name, record.parameters),
        "holder": lease.holder,
        "epoch": lease.epoch,
        "until_s": lease.until_s,
        "last_seq": 0,
        "removed": False,
    }


def record_of(row: RowMapping, tags: Sequence[str]) -> RunRecord:
    """The record that a row and its tags stand for."""
    return RunRecord(
        **{name: row[name] for name in _PLAIN},
        lineage_id=row["lineage_id"],
        state=RunState(row["state"]),
        parameters=tuple((name, preview) for name, preview in row["parameters"]),
        tags=tuple(tags),
        environment=row["environment"],
        cluster=row["cluster"],
        counts=row["counts"],
        holder=row["holder"] if row["until_s"] and RunState(row["state"]) not in RUN_ENDS else "",
    )


def lease_of(row: RowMapping) -> Lease:
    """The lease in a row."""
    return Lease(row["id"], row["holder"], row["epoch"], row["until_s"])


def words_of(identity: RunId, flow_name: str, parameters: Iterable[tuple[str, str]]) -> str:
    """What a search looks into; case folded here, since databases disagree about it."""
    shown = (f"{name}={preview}" for name, preview in parameters)
    return "\n".join((identity, flow_name, *shown)).casefold()
