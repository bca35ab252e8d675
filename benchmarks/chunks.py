"""Chunks: tasks of every duration, with elements that share Dask tasks and with each in its own."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial
from typing import Final, Literal

from benchmarks import work
from benchmarks.contest import Contest
from benchmarks.measure import OURS, Budget, Result, take_turns
from wfkit import flow, task
from wfkit.authoring.handle import Handle

SINGLE: Final = "`chunk=1`"
_SEED: Final = 20_261_122
nap = task(work.nap)


@flow
def naps(durations_s: list[float], chunk: Literal["auto", 1]) -> Handle:
    """A map over durations."""
    return nap.map(durations_s, chunk=chunk)


def mixed(length: int, short_s: float, long_s: float) -> list[float]:
    """19 in 20 short, 1 in 20 long, in an order that looks random and is the same each time."""
    long = length // 20
    durations_s = [short_s] * (length - long) + [long_s] * long
    random.Random(_SEED).shuffle(durations_s)
    return durations_s


def chunks(contest: Contest, *, share: float, repetitions: int) -> Iterator[Result]:
    """Durations by durations; `share` scales how many tasks."""
    sizes = {"1 ms": (2_000, 0.001), "10 ms": (800, 0.01), "100 ms": (120, 0.1)}
    cases = {f"tasks of {name}": [seconds] * max(4, int(length * share)) for name, (length, seconds) in sizes.items()}
    cases["tasks of 1 ms, one in 20 of 500 ms"] = mixed(max(20, int(1_000 * share)), 0.001, 0.5)
    for name, durations_s in cases.items():
        turns = {OURS: partial(_run, contest, durations_s, "auto"), SINGLE: partial(_run, contest, durations_s, 1)}
        yield Result(
            f"chunks-{name.removeprefix('tasks of ').replace(' ', '-').replace(',', '')}",
            f"{len(durations_s):,} {name}",
            "s",
            take_turns(turns, repetitions, between=contest.rest),
            Budget(1.05),
            tasks=len(durations_s),
            section="Chunks",
        )


def _run(contest: Contest, durations_s: list[float], chunk: Literal["auto", 1], _: int) -> float:
    begin_s = time.perf_counter()
    values = contest.run(naps, durations_s=durations_s, chunk=chunk).result()
    seconds = time.perf_counter() - begin_s
    if values != durations_s:
        raise AssertionError(f"wrong values: {values!s:.200}")
    return seconds
