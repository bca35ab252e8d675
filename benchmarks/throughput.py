"""Throughput: many tasks that do nothing, so that all time is overhead."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from distributed import Client

from benchmarks import work
from benchmarks.contest import SAME, TWIN_1, Contest
from benchmarks.measure import OURS, Budget, Contestant, Result, take_turns
from wfkit import flow, task
from wfkit.authoring.flow import Flow
from wfkit.authoring.handle import Handle

#: wfkit without its chunks: each element is a Dask task.
SINGLE: Final = f"{OURS}, chunk=1"
#: Repetitions of the largest map: one takes minutes.
_HUGE: Final = 3
#: The smallest map, beside the largest.
_FEW: Final = {OURS: f"{OURS}, few", SINGLE: f"{SINGLE}, few"}
increment = task(work.increment)
count_up = task(work.count_up)


@flow
def one_stage(start: int, length: int) -> Handle:
    """A map over numbers."""
    return increment.map(range(start, start + length))


@flow
def one_stage_single(start: int, length: int) -> Handle:
    """The same, without chunks."""
    return increment.map(range(start, start + length), chunk=1)


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


@dataclass(frozen=True, slots=True)
class Match:
    """Everybody on the same work; each sees numbers of its own in each repetition."""

    contest: Contest
    length: int
    stages: int = 1

    def ours(self, chosen: Flow[..., Handle], first_s: list[float] | None = None) -> Contestant:
        """A flow of ours; `first_s` takes the time from its start to that of its first task."""

        def run(repetition: int) -> float:
            begin_s, begin_epoch_s = time.perf_counter(), time.time()
            ran = self.contest.run(chosen, start=repetition, length=self.length)
            values = ran.result()
            seconds = time.perf_counter() - begin_s
            self._check(values, repetition)
            if first_s is not None:
                first_s.append(min(row.start for row in ran.nodes if row.start is not None) - begin_epoch_s)
            return seconds

        return run

    def plain(self, wanted: PlainWork, *, without: tuple[str, ...] = ()) -> dict[str, Contestant]:
        """The same on each cluster by plain Dask."""

        def run(client: Client, repetition: int) -> float:
            begin_s = time.perf_counter()
            values = wanted(client, repetition, self.length)
            seconds = time.perf_counter() - begin_s
            self._check(values, repetition)
            return seconds

        return {name: partial(run, client) for name, client in self.contest.plain.items() if name not in without}

    def _check(self, values: object, repetition: int) -> None:
        begin = repetition + self.stages
        if values != list(range(begin, begin + self.length)):
            raise AssertionError(f"wrong values: {values!s:.200}")


def throughput(contest: Contest, *, sizes: tuple[int, int, int], staged: int, repetitions: int) -> Iterator[Result]:
    """All benchmarks of throughput, one after the other."""
    yield from _maps(contest, sizes, repetitions)
    match = Match(contest, staged, stages=2)
    everybody = {OURS: match.ours(two_stages), **match.plain(plain_two_stages, without=(TWIN_1,))}
    yield Result(
        "two-stages",
        f"Two stages of {staged:,} no-op tasks",
        "s",
        take_turns(everybody, repetitions, between=contest.rest),
        tasks=2 * staged,
    )
    match = Match(contest, staged)
    everybody = {OURS: match.ours(unknown_length), **match.plain(plain_unknown_length, without=(TWIN_1,))}
    yield Result(
        "unknown-length",
        f"A map of {staged:,} no-op tasks over a list that a task returns",
        "s",
        take_turns(everybody, repetitions, between=contest.rest),
        tasks=staged,
        note="plain Dask has to fetch the list first",
    )


def _often(contestant: Contestant, times: int = 5) -> Contestant:
    """A contestant that is soon done, several times: the median."""
    return lambda repetition: statistics.median(contestant(repetition) for _ in range(times))


def _maps(contest: Contest, sizes: tuple[int, int, int], repetitions: int) -> Iterator[Result]:
    """One map at several sizes: with chunks and without; the largest one less often, against one plain Dask."""
    few, _, most = sizes
    small = Match(contest, few)
    grown: dict[str, list[float]] = {}
    first_s: list[float] = []
    for length in sizes:
        match = Match(contest, length)
        huge = length == most
        slow = (TWIN_1, SAME) if huge and len(contest.plain) > 1 else (TWIN_1,) if length != few else ()
        everybody = {
            OURS: match.ours(one_stage, first_s if huge else None),
            SINGLE: match.ours(one_stage_single, first_s if huge else None),
            **match.plain(plain_one_stage, without=slow),
        }
        if huge:  # in turns with it: minutes later the machine may have another pace
            everybody |= {_FEW[OURS]: _often(small.ours(one_stage)), _FEW[SINGLE]: _often(small.ours(one_stage_single))}
        samples = take_turns(everybody, min(_HUGE, repetitions) if huge else repetitions, between=contest.rest)
        plain = {name: seconds for name, seconds in samples.items() if not name.startswith(OURS)}
        for who, title, budget in ((OURS, "", Budget(0.3)), (SINGLE, " with `chunk=1`", Budget(1.25))):
            if huge:
                pairs = zip(samples[who], samples[_FEW[who]], strict=True)
                grown[who] = [(many_s / most) / (few_s / few) for many_s, few_s in pairs]
            yield Result(
                f"map-{length}" + ("" if who == OURS else "-single"),
                f"{length:,} no-op tasks in one map{title}",
                "s",
                {OURS: samples[who], **plain},
                None if length == few else budget,
                tasks=length,
            )
    for who, title in ((OURS, ""), (SINGLE, " with `chunk=1`")):
        yield Result(
            "per-task" + ("" if who == OURS else "-single"),
            f"Time per task at {most:,} no-op tasks by that at {few:,}{title}",
            "x",
            {OURS: grown[who]},
            Budget(1.2, of="value"),
        )
    yield Result(
        "first-of-many",
        f"From the call to the start of the first task, map of {most:,}",
        "s",
        {OURS: [max(first_s)]},
        Budget(2.0, of="value"),
        note="the slowest one, with chunks and without",
    )
