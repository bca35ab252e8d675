"""Throughput: many tasks that do nothing, so that all time is overhead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from distributed import Client

from benchmarks import work
from benchmarks.contest import TWIN_1, Contest
from benchmarks.measure import OURS, Budget, Contestant, Result, take_turns
from wfkit import flow, task
from wfkit.authoring.flow import Flow
from wfkit.authoring.handle import Handle

increment = task(work.increment)
count_up = task(work.count_up)


@flow
def one_stage(start: int, length: int) -> Handle:
    """A map over numbers."""
    return increment.map(range(start, start + length))


@flow
def two_stages(start: int, length: int) -> Handle:
    """A map over a map."""
    return increment.map(increment.map(range(start, start + length)))


@flow
def unknown_length(start: int, length: int) -> Handle:
    """A map over a list that a task returns."""
    return increment.map(count_up(start, length))


def plain_one_stage(client: Client, start: int, length: int) -> list[int]:
    """The same on plain Dask."""
    return gather(client, client.map(work.increment, range(start, start + length), pure=False))


def plain_two_stages(client: Client, start: int, length: int) -> list[int]:
    """The same on plain Dask."""
    first = client.map(work.increment, range(start, start + length), pure=False)
    return gather(client, client.map(work.increment, first, pure=False))


def plain_unknown_length(client: Client, start: int, length: int) -> list[int]:
    """The same on plain Dask, where the length has to be fetched."""
    numbers = client.submit(work.count_up, start, length, pure=False).result()
    return gather(client, client.map(work.increment, numbers, pure=False))


def gather(client: Client, futures: Sequence[object]) -> list[int]:
    """All values."""
    values: list[int] = client.gather(futures)  # type: ignore[no-untyped-call]
    return values


PlainWork = Callable[[Client, int, int], list[int]]


def contestants(
    contest: Contest, ours: Flow[..., Handle], plain: PlainWork, length: int, stages: int = 1
) -> dict[str, Contestant]:
    """Each contestant on the same work; it sees numbers of its own in each repetition."""

    def run_ours(repetition: int) -> float:
        begin_s = time.perf_counter()
        run = contest.run(ours, start=repetition, length=length)
        values = run.result()
        seconds = time.perf_counter() - begin_s
        check(values, repetition)
        return seconds

    def run_plain(client: Client, repetition: int) -> float:
        begin_s = time.perf_counter()
        values = plain(client, repetition, length)
        seconds = time.perf_counter() - begin_s
        check(values, repetition)
        return seconds

    def check(values: object, repetition: int) -> None:
        if values != list(range(repetition + stages, repetition + stages + length)):
            raise AssertionError(f"wrong values: {values!s:.200}")

    return {OURS: run_ours, **{name: partial(run_plain, client) for name, client in contest.plain.items()}}


def throughput(contest: Contest, *, sizes: tuple[int, int], staged: int, repetitions: int) -> Iterator[Result]:
    """All benchmarks of throughput, one after the other."""
    for length, budget in zip(sizes, (None, Budget(1.25)), strict=True):
        samples = take_turns(
            contestants(contest, one_stage, plain_one_stage, length), repetitions, between=contest.rest
        )
        yield Result(f"map-{length}", f"{length:,} no-op tasks in one map", "s", samples, budget, tasks=length)
    yield Result(
        "two-stages",
        f"Two stages of {staged:,} no-op tasks",
        "s",
        take_turns(contestants(contest, two_stages, plain_two_stages, staged, 2), repetitions, between=contest.rest),
        tasks=2 * staged,
    )
    everybody = contestants(contest, unknown_length, plain_unknown_length, staged)
    yield Result(
        "unknown-length",
        f"A map of {staged:,} no-op tasks over a list that a task returns",
        "s",
        take_turns({name: run for name, run in everybody.items() if name != TWIN_1}, repetitions, between=contest.rest),
        tasks=staged,
        note="plain Dask has to fetch the list first",
    )
