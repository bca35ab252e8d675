"""Retries: how long a node waits before its next attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

#: A float ends near 2**1023; a wait of 2**62 s is for ever already.
_MAX_DOUBLINGS: Final = 62


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed node is tried again, and when.

    Raises
    ------
    ValueError : a number is below zero or no number
    """

    retries: int = 0  #: *more* attempts: 3 means up to 4 in all
    delays_s: tuple[float, ...] = ()  #: after attempt 1, 2, …; the last one repeats; empty = at once
    jitter_factor: float = 0.0  #: longest lengthening of a delay, as a share of it

    def __post_init__(self) -> None:
        for number in (self.retries, *self.delays_s, self.jitter_factor):
            if not 0 <= number < inf:
                raise ValueError(f"retries, delays and jitter are numbers from zero up, not {number!r}")


def delay_s(policy: RetryPolicy, attempt: int, draw: float) -> float:
    """Seconds to wait after a failed attempt.

    Parameters
    ----------
    policy : RetryPolicy
        What the task asked for.
    attempt : int
        The attempt that failed, 1-based.
    draw : float
        Uniform in [0, 1), drawn by the caller; with it, tasks that failed together do not come back together.
    """
    if not policy.delays_s:
        return 0.0
    place = min(max(attempt, 1), len(policy.delays_s)) - 1
    return policy.delays_s[place] * (1 + policy.jitter_factor * draw)


def exponential_backoff(base_s: float) -> Callable[[int], float]:
    """Make a delay that doubles: `base_s` after the first failed attempt, then 2, 4, 8 … times as long.

    The callable takes the failed attempt, 1-based, and gives seconds.

    Raises
    ------
    ValueError : `base_s` is below zero or no number

    Source: Prefect, `prefect.tasks.exponential_backoff` (`backoff_factor * 2**n`, n from 0).
    """
    if not 0 <= base_s < inf:
        raise ValueError(f"a delay is a number of seconds from zero up, not {base_s!r}")

    def delay_after(attempt: int) -> float:
        return base_s * 2.0 ** min(max(attempt, 1) - 1, _MAX_DOUBLINGS)

    return delay_after


def delays_of(
    delay: float | list[float] | tuple[float, ...] | Callable[[int], float], retries: int
) -> tuple[float, ...]:
    """Write out what `retry_delay_seconds` may be as the delays of a policy.

    Parameters
    ----------
    delay : float, list, tuple or callable of attempt
        A callable is asked once for each attempt that may be followed by another, 1 to `retries`.
    retries : int
        How many more attempts there are.
    """
    if callable(delay):
        return tuple(float(delay(attempt)) for attempt in range(1, retries + 1))
    if isinstance(delay, list | tuple):
        return tuple(float(one) for one in delay)
    return (float(delay),)
