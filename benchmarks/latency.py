"""Latency: from one call to its result, with nothing else going on."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import work
from benchmarks.contest import Contest
from benchmarks.measure import OURS, Budget, Result
from wfkit import flow, task

if TYPE_CHECKING:
    from distributed import Client

increment = task(work.increment)


def latency(contest: Contest, *, calls: int, repetitions: int) -> Iterator[Result]:
    """A call in an open flow body, and a whole flow, against `client.submit(...).result()`."""
    plain = {name: partial(_submit, client) for name, client in contest.plain.items()}
    in_body: dict[str, list[float]] = {name: [] for name in (OURS, *plain)}
    whole: dict[str, list[float]] = {name: [] for name in (OURS, *plain)}

    @flow
    def body_with_calls() -> None:
        _rounds({OURS: lambda number: increment.submit(number).result(), **plain}, calls, in_body)

    for _ in range(repetitions):
        contest.rest()
        contest.run(body_with_calls)
    for _ in range(repetitions):
        contest.rest()
        _rounds({OURS: lambda number: _whole_flow(contest, number), **plain}, calls, whole)
    yield Result(
        "call",
        "One call to its result, in an open flow body",
        "ms",
        in_body,
        Budget(1.5),
        note=f"each repetition is the median of {calls} calls, contestants in turn",
    )
    yield Result(
        "flow", "A whole flow of one task, from the call to its value", "ms", whole, note="the same, for whole flows"
    )


def _rounds(contestants: dict[str, Callable[[int], object]], calls: int, into: dict[str, list[float]]) -> None:
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(calls):
        for name, call in contestants.items():
            begin_s = time.perf_counter()
            value = call(number)
            taken[name].append(time.perf_counter() - begin_s)
            if value != number + 1:
                raise AssertionError(f"{name} gave {value!r}")
    for name, seconds in taken.items():
        into[name].append(statistics.median(seconds) * 1_000)


def _submit(client: Client, number: int) -> object:
    return client.submit(work.increment, number, pure=False).result()


@flow
def one_task(number: int) -> object:
    """A flow of one task."""
    return increment(number)


def _whole_flow(contest: Contest, number: int) -> object:
    return contest.run(one_task, number=number).result()
