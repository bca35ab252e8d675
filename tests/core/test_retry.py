"""Retries: delays, jitter, and the ways to write them."""

from __future__ import annotations

from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.retry import RetryPolicy, delay_s, delays_of, exponential_backoff


def test_no_delay_is_the_default() -> None:
    assert delay_s(RetryPolicy(retries=3), attempt=1, draw=0.9) == 0.0


def test_the_last_delay_of_a_list_repeats() -> None:
    policy = RetryPolicy(retries=5, delays_s=(1.0, 10.0))
    assert [delay_s(policy, attempt, 0.0) for attempt in (1, 2, 3, 5)] == [1.0, 10.0, 10.0, 10.0]


def test_jitter_lengthens_a_delay_by_at_most_its_factor() -> None:
    policy = RetryPolicy(retries=1, delays_s=(10.0,), jitter_factor=0.5)
    assert [delay_s(policy, 1, draw) for draw in (0.0, 0.5)] == [10.0, 12.5]


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=4),
    st.floats(0, 10),
    st.integers(1, 10),
    st.floats(0, 1, exclude_max=True),
)
def test_a_delay_lies_between_its_number_and_that_with_full_jitter(
    delays: list[float], factor: float, attempt: int, draw: float
) -> None:
    policy = RetryPolicy(retries=10, delays_s=tuple(delays), jitter_factor=factor)
    asked = delays[min(attempt, len(delays)) - 1]
    assert asked <= delay_s(policy, attempt, draw) <= asked * (1 + factor)


def test_exponential_backoff_doubles_from_its_base() -> None:
    after = exponential_backoff(10)
    assert [after(attempt) for attempt in (1, 2, 3, 4)] == [10.0, 20.0, 40.0, 80.0]


def test_exponential_backoff_never_overflows() -> None:
    assert isfinite(exponential_backoff(10)(100_000))


@pytest.mark.parametrize(
    ("delay", "written_out"),
    [
        (3, (3.0,)),
        (0.5, (0.5,)),
        ([1, 10], (1.0, 10.0)),
        ((), ()),
        (exponential_backoff(1), (1.0, 2.0, 4.0)),
        (lambda attempt: attempt * 5, (5.0, 10.0, 15.0)),
    ],
)
def test_a_delay_may_be_a_number_a_list_or_a_callable(delay: float, written_out: tuple[float, ...]) -> None:
    assert delays_of(delay, retries=3) == written_out


@pytest.mark.parametrize("number", [-1.0, inf, nan])
def test_a_policy_refuses_what_is_no_length_of_time(number: float) -> None:
    with pytest.raises(ValueError, match="zero"):
        RetryPolicy(retries=1, delays_s=(1.0, number))
    with pytest.raises(ValueError, match="zero"):
        RetryPolicy(retries=1, jitter_factor=number)
    with pytest.raises(ValueError, match="zero"):
        exponential_backoff(number)


def test_a_policy_refuses_a_negative_number_of_retries() -> None:
    with pytest.raises(ValueError, match="-1"):
        RetryPolicy(retries=-1)
