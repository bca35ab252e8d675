"""Retention: which runs a history keeps, and how the others go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from wfkit.core.ids import RunId
from wfkit.core.states import RUN_ENDS
from wfkit.history.queries import MOST_RUNS
from wfkit.history.records import RunRecord
from wfkit.history.store import History

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept. Pinned runs, runs that go on, and what those need, stay and do not count."""

    days: float = 90.0
    runs: int = 1_000
    size_bytes: int = 20_000_000_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run as the rule sees it."""

    run_id: RunId
    started_s: float
    size_bytes: int
    stays: bool = False  #: it is pinned, or goes on
    needs: frozenset[RunId] = frozenset()  #: runs, all older, whose results it refers to


def expired(candidates: Iterable[Candidate], policy: Retention, now_s: float) -> list[RunId]:
    """The runs that are not kept.

    Parameters
    ----------
    candidates : iterable of Candidate
        All runs, the newest first, so that who needs a run comes before it.
    policy : Retention
    now_s : float
        Seconds since the epoch.
    """
    gone: list[RunId] = []
    needed: set[RunId] = set()
    runs, size_bytes = 0, 0
    for one in candidates:
        if not (one.stays or one.run_id in needed):
            within = (
                now_s - one.started_s <= policy.days * _DAY_S
                and runs < policy.runs
                and (not runs or size_bytes + one.size_bytes <= policy.size_bytes)  # the last run, however large
            )
            if not within:
                gone.append(one.run_id)
                continue
            runs += 1
            size_bytes += one.size_bytes
        needed |= one.needs
    return gone


def prune(
    history: History,
    delete_results: Callable[[RunId], None],
    size_of: Callable[[RunId], int],
    policy: Retention,
) -> list[RunId]:
    """Remove the runs that are not kept: first their results, then their records.

    A run is marked first, which only works as long as it is not pinned, does not go on, and no other goes on from it or
    is about to (`History.hold`). So nothing comes in between, and what a killed process left half done goes with the
    next pruning.

    Parameters
    ----------
    history : History
    delete_results : callable of run id
        May be called again for a run whose results are gone already.
    size_of : callable of run id
        Bytes of a run's results.
    policy : Retention

    Returns
    -------
    list of RunId : what was removed

    Raises
    ------
    HistoryUnusable : the database cannot be read or changed now
    """
    half_removed = history.removed()
    sizes = history.sizes()
    candidates = (
        Candidate(
            run_id=record.id,
            started_s=record.started_s,
            size_bytes=sizes.get(record.id, 0) + size_of(record.id),
            stays=record.pinned or record.state not in RUN_ENDS,
            # Its reused nodes refer to results of the run that it goes on from.
            needs=frozenset(() if record.parent_id is None else (record.parent_id,)),
        )
        for record in _all(history)
    )
    gone = half_removed + [
        run_id for run_id in expired(candidates, policy, time.time()) if history.mark_removed(run_id)
    ]
    for run_id in gone:
        delete_results(run_id)
        history.delete([run_id])
    if gone:
        history.shrink()
    return gone


def _all(history: History) -> Iterable[RunRecord]:
    page = history.runs(limit=MOST_RUNS)
    while page:
        yield from page
        page = history.runs(limit=MOST_RUNS, before=page[-1].id)
