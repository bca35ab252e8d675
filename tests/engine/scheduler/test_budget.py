"""What calls may take: how soon it is too much, and what is forgiven."""

from __future__ import annotations

import pytest

from wfkit.engine.scheduler.budget import MAY_TAKE_S, Budget


@pytest.mark.parametrize(("took_s", "calls"), [(30e-3, 17), (5e-3, 103), (0.2e-3, 5_001)])
def test_calls_that_take_too_long_are_too_much_the_sooner_the_longer_they_take(took_s: float, calls: int) -> None:
    budget = Budget()
    over = [budget.charge(took_s) for _ in range(calls)]
    assert over == [False] * (calls - 1) + [True]


@pytest.mark.parametrize("took_s", [1e-6, MAY_TAKE_S])
def test_calls_that_take_no_longer_than_they_may_are_never_too_much(took_s: float) -> None:
    budget = Budget()
    assert not any(budget.charge(took_s) for _ in range(20_000))


def test_a_long_call_now_and_then_is_paid_back_by_those_that_are_short() -> None:
    budget = Budget()
    assert not any(budget.charge(30e-3 if number % 1_000 == 0 else 1e-6) for number in range(100_000))


def test_a_process_that_was_stopped_for_long_is_not_slow() -> None:
    budget = Budget()
    assert not budget.charge(3600)
    assert not any(budget.charge(1e-6) for _ in range(1_000))
    assert not any(budget.charge(3600) for _ in range(4))


def test_an_account_that_was_overdrawn_begins_anew() -> None:
    budget = Budget()
    assert [number for number in range(51) if budget.charge(30e-3)] == [16, 33, 50]
