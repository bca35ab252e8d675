"""Waits: tasks that wait for what they spawned, or for their next attempt, and hold no slot meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, cast

from benchmarks import work
from benchmarks.contest import Contest
from benchmarks.measure import OURS, Budget, Result
from wfkit import Retry, current, flow, task
from wfkit.authoring.flow import Flow
from wfkit.authoring.handle import Handle

_SECTION: Final = "Waiting"
_DELAY_S: Final = 5.0
nap = task(work.nap)


@task
def blocks(seconds: float) -> float:
    """Spawn two, and block until both are there."""
    first, second = nap.submit(seconds), nap.submit(seconds)
    return cast("float", first.result()) + cast("float", second.result())


@task
def returns(seconds: float) -> list[Handle]:
    """Spawn two, and leave the rest to the engine."""
    return [nap.submit(seconds), nap.submit(seconds)]


@task(retries=1)
def fails_once(delay_s: float) -> int:
    """Ask for another attempt later, then give its number."""
    attempt = current.attempt
    if attempt == 1:
        raise Retry("not yet", delay_seconds=delay_s)
    return attempt


@flow
def blocking(parents: int, seconds: float) -> Handle:
    """Parents that block."""
    return blocks.map([seconds] * parents)


@flow
def returning(parents: int, seconds: float) -> Handle:
    """Parents that return handles."""
    return returns.map([seconds] * parents)


@flow
def retrying(tasks: int, delay_s: float) -> Handle:
    """Tasks that all fail once."""
    return fails_once.map([delay_s] * tasks)


def waits(contest: Contest, *, parents: int, seconds: float, retrying_tasks: int, repetitions: int) -> Iterator[Result]:
    """Parents by what they do, then retries."""
    ideal_s = 2 * parents * seconds / contest.threads
    for name, chosen, expected, limit in (
        ("block on", blocking, 2 * seconds, 1.4),
        ("return", returning, [seconds, seconds], 1.2),
    ):
        ratios = [
            _seconds(contest, chosen, [expected] * parents, parents=parents, seconds=seconds) / ideal_s
            for _ in range(repetitions)
        ]
        yield Result(
            f"parents-{name.split()[0]}",
            f"{parents:,} parents that each {name} 2 children of {seconds * 1_000:.0f} ms, by the ideal time",
            "x",
            {OURS: ratios},
            Budget(limit, of="value"),
            note=f"ideal: all children on {contest.threads} threads without a gap, {ideal_s:.3g} s",
            section=_SECTION,
        )
    delay_s = _DELAY_S if retrying_tasks > contest.threads else 0.1
    took_s = [
        _seconds(contest, retrying, [2] * retrying_tasks, tasks=retrying_tasks, delay_s=delay_s)
        for _ in range(repetitions)
    ]
    yield Result(
        "retries",
        f"{retrying_tasks} tasks on {contest.threads} threads that fail once and retry after {delay_s:g} s",
        "s",
        {OURS: took_s},
        Budget(8.0, of="value"),
        section=_SECTION,
    )


def _seconds(contest: Contest, chosen: Flow[..., Any], expected: object, **parameters: object) -> float:
    contest.rest()
    begin_s = time.perf_counter()
    values = contest.run(chosen, **parameters).result()
    seconds = time.perf_counter() - begin_s
    if values != expected:
        raise AssertionError(f"wrong values: {values!s:.200}")
    return seconds
