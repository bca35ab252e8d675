"""The work that all contestants do; imported by workers, so it imports next to nothing."""

from __future__ import annotations

import time


def increment(number: int) -> int:
    """Do as good as nothing."""
    return number + 1


def count_up(start: int, length: int) -> list[int]:
    """A list, whose length a flow does not know before."""
    return list(range(start, start + length))


def nap(seconds: float) -> float:
    """Work for a while."""
    time.sleep(seconds)
    return seconds


def work_on(ends_s: list[float], seconds: float) -> list[float]:
    """Work for a while, and note when it was done behind the notes of the stages before."""
    time.sleep(seconds)
    return [*ends_s, time.time()]


def empty_lists(length: int) -> list[list[float]]:
    """What the first stage of `work_on` is mapped over."""
    return [[] for _ in range(length)]
