"""Leases: one owner at a time, and what an earlier one writes never counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wfkit.core.ids import RunId
from wfkit.core.lease import (
    LEASE_S,
    RENEW_S,
    Lease,
    claimed,
    holds,
    look,
    may_claim,
    owners_had_their_turn,
    released,
    renewed,
    taken_over,
)

RUN = RunId("r-1")


def test_the_first_who_claims_a_run_drives_it() -> None:
    assert claimed(None, RUN, "a", 100.0) == Lease(RUN, "a", 1, 100.0 + LEASE_S)


def test_another_one_gets_it_once_the_owner_was_not_heard_of_in_time() -> None:
    lease = taken_over(None, RUN, "a", 100.0)
    assert claimed(lease, RUN, "b", 100.0 + LEASE_S - 0.1) is None
    assert claimed(lease, RUN, "b", 100.0 + LEASE_S) == Lease(RUN, "b", 2, 100.0 + 2 * LEASE_S)


def test_claiming_again_is_no_change_of_holder() -> None:
    lease = taken_over(None, RUN, "a", 100.0)
    assert claimed(lease, RUN, "a", 500.0) == Lease(RUN, "a", 1, 500.0 + LEASE_S)


def test_taking_over_asks_nobody_and_shuts_the_owner_out() -> None:
    lease = taken_over(taken_over(None, RUN, "a", 100.0), RUN, "b", 101.0)
    assert lease.epoch == 2
    assert holds(lease, "b", 2)
    assert not holds(lease, "a", 1)


def test_an_owner_that_slept_goes_on_if_nobody_took_the_run() -> None:
    lease = taken_over(None, RUN, "a", 100.0)
    assert holds(lease, "a", 1)
    assert renewed(lease, 1_000.0).until_s == 1_000.0 + LEASE_S


def test_a_released_run_is_free_at_once() -> None:
    assert may_claim(released(taken_over(None, RUN, "a", 100.0)), "b", 100.0)


def test_an_owner_that_misses_two_renewals_still_has_the_run() -> None:
    assert LEASE_S >= 3 * RENEW_S


def test_after_a_machine_slept_owners_have_their_turn_first() -> None:
    before = look(None, now_s=1_000.0, monotonic_s=50.0)
    assert owners_had_their_turn(before, 50.0)
    awake = look(before, now_s=1_600.0, monotonic_s=51.0)
    assert not owners_had_their_turn(awake, 51.0)
    later = look(awake, now_s=1_600.0 + 2 * RENEW_S, monotonic_s=51.0 + 2 * RENEW_S)
    assert owners_had_their_turn(later, 51.0 + 2 * RENEW_S)


@given(st.lists(st.floats(0, 5), max_size=20), st.floats(-1, 1))
def test_a_clock_that_only_drifts_never_holds_anybody_back(steps_s: list[float], drift: float) -> None:
    seen, now_s, monotonic_s = look(None, 1_000.0, 0.0), 1_000.0, 0.0
    for step_s in steps_s:
        now_s, monotonic_s = now_s + step_s * (1 + drift / 10), monotonic_s + step_s
        seen = look(seen, now_s, monotonic_s)
        assert owners_had_their_turn(seen, monotonic_s)


class Owners(RuleBasedStateMachine):
    """Processes that claim, renew, sleep and write in any order, on one clock."""

    holders = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0
        self.lease: Lease | None = None
        #: What each process believes: the epoch under which it drives.
        self.beliefs: dict[str, int] = {}
        self.epochs = [0]
        self.written: list[int] = []

    def _store(self, lease: Lease) -> None:
        if self.lease is not None and lease.holder != self.lease.holder:
            assert lease.epoch > self.lease.epoch
        self.lease = lease
        self.epochs.append(lease.epoch)
        self.beliefs[lease.holder] = lease.epoch

    @rule(seconds=st.sampled_from([0.1, RENEW_S, LEASE_S, 600.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(holder=holders)
    def claim(self, holder: str) -> None:
        lease = claimed(self.lease, RUN, holder, self.now_s)
        if lease is None:
            assert self.lease is not None
            assert self.lease.until_s > self.now_s
        else:
            self._store(lease)

    @rule(holder=holders)
    def take_over(self, holder: str) -> None:
        self._store(taken_over(self.lease, RUN, holder, self.now_s))

    @rule(holder=holders)
    def renew(self, holder: str) -> None:
        if self.lease is not None and holds(self.lease, holder, self.beliefs.get(holder, 0)):
            self.lease = renewed(self.lease, self.now_s)

    @rule(holder=holders)
    def release(self, holder: str) -> None:
        if self.lease is not None and holds(self.lease, holder, self.beliefs.get(holder, 0)):
            self.lease = released(self.lease)

    @rule(holder=holders)
    def write(self, holder: str) -> None:
        if holds(self.lease, holder, self.beliefs.get(holder, 0)):
            self.written.append(self.beliefs[holder])

    @invariant()
    def epochs_only_grow(self) -> None:
        assert self.epochs == sorted(self.epochs)

    @invariant()
    def nothing_of_an_earlier_owner_follows_a_later_one(self) -> None:
        assert self.written == sorted(self.written)

    @invariant()
    def at_most_one_process_may_write(self) -> None:
        assert sum(holds(self.lease, holder, epoch) for holder, epoch in self.beliefs.items()) <= 1


TestOwners = Owners.TestCase
