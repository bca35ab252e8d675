"""Leases: who drives a run and how long, who may go on with it, and whose writes count."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wfkit.core.ids import RunId

#: A run whose owner is not heard of for so long is up for others …
LEASE_S: Final = 20.0
#: … and an owner makes itself heard so often.
RENEW_S: Final = 5.0
#: Whose lease has expired has so long to be heard of once the database can be written: it may not have been before.
TURN_S: Final = 3.0
#: A run that another one goes on from is kept for so long, whatever its age: until that one is on record itself.
HOLD_S: Final = 86_400.0
#: A clock that ran ahead by more was set, or its machine slept.
_JUMP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to drive a run.

    The store keeps one for each run. It changes it in a transaction: lock it, read it and the database's clock, ask
    the functions here, write what they say.
    """

    run_id: RunId
    holder: str
    epoch: int  #: grows at each change of holder; a write with an older epoch is refused
    until_s: float  #: by the database's clock, seconds since the epoch


def may_claim(lease: Lease | None, holder: str, now_s: float) -> bool:
    """Whether a run is free: nobody had it, its owner has it, or its owner was not heard of in time."""
    return lease is None or lease.holder == holder or lease.until_s <= now_s


def claimed(lease: Lease | None, run_id: RunId, holder: str, now_s: float) -> Lease | None:
    """The lease after a claim; None where another one drives."""
    return taken_over(lease, run_id, holder, now_s) if may_claim(lease, holder, now_s) else None


def taken_over(lease: Lease | None, run_id: RunId, holder: str, now_s: float) -> Lease:
    """The lease after somebody took the run, whoever had it."""
    if lease is None:
        return Lease(run_id, holder, 1, now_s + LEASE_S)
    epoch = lease.epoch if lease.holder == holder else lease.epoch + 1
    return Lease(run_id, holder, epoch, now_s + LEASE_S)


def holds(lease: Lease | None, holder: str, epoch: int) -> bool:
    """Whether what a holder writes under this epoch counts; an expired lease that nobody took is still its own."""
    return lease is not None and (lease.holder, lease.epoch) == (holder, epoch)


def renewed(lease: Lease, now_s: float) -> Lease:
    """The lease of an owner that was heard of now."""
    return replace(lease, until_s=now_s + LEASE_S)


def released(lease: Lease) -> Lease:
    """The lease of a run that nobody drives any more."""
    return replace(lease, until_s=0.0)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the clocks told: a machine that wakes up lets owners have their turn before runs are given up.

    The database's clock goes on while a machine sleeps, the monotonic clock of a process does not.
    """

    ahead_s: float  #: the database's clock, minus the monotonic one
    jumped_s: float | None = None  #: when a jump was seen last, by the monotonic clock


def look(before: Look | None, now_s: float, monotonic_s: float) -> Look:
    """Look at both clocks, knowing what the look before told."""
    ahead_s = now_s - monotonic_s
    if before is None:
        return Look(ahead_s)
    jumped = ahead_s - before.ahead_s > _JUMP_S
    return Look(ahead_s, monotonic_s if jumped else before.jumped_s)


def owners_had_their_turn(seen: Look, monotonic_s: float) -> bool:
    """Whether an expired lease means that its owner is gone, and not that everybody slept."""
    return seen.jumped_s is None or monotonic_s - seen.jumped_s >= 2 * RENEW_S
