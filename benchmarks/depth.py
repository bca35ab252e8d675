"""Depth first: how far the first stage may run ahead, while elements are on their way through three."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks import work
from benchmarks.contest import SAME, TWIN_1, Contest
from benchmarks.deep import CASES, STAGES, Case
from benchmarks.measure import OURS, Budget, Result

if TYPE_CHECKING:
    from distributed import Client

_SECTION: Final = "Depth first"
#: When each stage of each element was done.
Ends = list[list[float]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a case.

    Attributes
    ----------
    share : float
        Percent of the first stage done at the first final result.
    between : int
        From then on: elements through the first stage and not through the last, at most.
    total_s : float
    length : int
        How many elements.
    """

    share: float
    between: int
    total_s: float
    length: int


def depth(contest: Contest, *, length: int, seconds: float, repetitions: int) -> Iterator[Result]:
    """Against plain Dask first, then case by case."""
    several: dict[str, Callable[[], Ends]] = {
        OURS: lambda: _ours(contest, CASES[0], length, seconds)[0],
        SAME: partial(_plain, contest.plain[SAME], length, seconds),
    }
    if TWIN_1 in contest.plain:
        several[TWIN_1] = partial(_plain, contest.plain[TWIN_1], length, seconds)
    samples: dict[str, list[float]] = {name: [] for name in several}
    plain: list[Measured] = []
    for _ in range(repetitions):
        for name, run in several.items():
            contest.rest()
            begin_s = time.perf_counter()
            ends_s = run()
            total_s = time.perf_counter() - begin_s
            samples[name].append(share_of_first_stage(ends_s))
            if name == SAME:
                plain.append(Measured(samples[name][-1], most_between(ends_s), total_s, length))
    yield Result(
        "depth",
        f"Share of stage 1 done at the first final result: {STAGES} maps over {length} items of "
        f"{seconds * 1_000:.0f} ms, length not known before",
        "%",
        samples,
        Budget(10.0, of="value"),
        note="plain Dask is given three `client.map` in a row",
        section=_SECTION,
    )
    for case in CASES:
        runs = [measured(contest, case, length, seconds) for _ in range(repetitions)]
        ideal_s = length * STAGES * seconds / contest.threads
        yield from _results(case, runs, plain if case.name == "list" else [], ideal_s, contest.threads)


def measured(contest: Contest, case: Case, length: int, seconds: float) -> Measured:
    """Run a case once."""
    contest.rest()
    ends_s, total_s = _ours(contest, case, length, seconds)
    if len(ends_s) != length or any(len(ends) != STAGES for ends in ends_s):
        raise AssertionError(f"{case.title}: wrong values: {ends_s!s:.200}")
    return Measured(share_of_first_stage(ends_s), most_between(ends_s), total_s, length)


def _ours(contest: Contest, case: Case, length: int, seconds: float) -> tuple[Ends, float]:
    middle_s = length * STAGES * seconds / contest.threads / 3
    with case.disturb(contest.plain[SAME], contest.address, middle_s):
        begin_s = time.perf_counter()
        ends_s: Ends = contest.run(case.flow, length=length, seconds=seconds).result()  # type: ignore[assignment]
        return ends_s, time.perf_counter() - begin_s


def _results(case: Case, runs: list[Measured], plain: list[Measured], ideal_s: float, threads: int) -> Iterator[Result]:
    """The three measures of a case, beside those of plain Dask where it can do the same."""
    length = runs[0].length
    total = Budget(1.15, of="value") if case.steady else None
    measures: tuple[tuple[str, str, str, Callable[[Measured], float], Budget | None], ...] = (
        ("share", "stage 1 done at the first final result", "%", lambda run: run.share, Budget(10, of="value")),
        (
            "between",
            "from then on past stage 1, not through the last, at most",
            "items",
            lambda run: run.between,
            Budget(max(length / 10, 4 * threads), of="value"),
        ),
        ("total", "time by the ideal", "x", lambda run: run.total_s / ideal_s, total),
    )
    for name, column, unit, measure, budget in measures:
        yield Result(
            f"depth-{case.name}-{name}",
            f"{case.title}: {column}",
            unit,
            {who: [measure(run) for run in several] for who, several in ((OURS, runs), (SAME, plain)) if several},
            budget,
            section=_SECTION,
            cell=(case.title, column),
        )


def _plain(client: Client, length: int, seconds: float) -> Ends:
    futures: Sequence[object] = [[] for _ in range(length)]
    for _ in range(STAGES):
        futures = client.map(work.work_on, futures, [seconds] * length, pure=False)
    ends_s: Ends = client.gather(futures)  # type: ignore[no-untyped-call]
    return ends_s


def share_of_first_stage(ends_s: Ends) -> float:
    """Percent of the elements that were through the first stage when the first one was through the last."""
    first_final_s = min(ends[-1] for ends in ends_s)
    return 100 * sum(ends[0] <= first_final_s for ends in ends_s) / len(ends_s)


def most_between(ends_s: Ends) -> int:
    """From the first final result on: how many elements at most were through the first stage and not the last."""
    first_final_s = min(ends[-1] for ends in ends_s)
    moves = sorted([(ends[0], 1) for ends in ends_s] + [(ends[-1], -1) for ends in ends_s])
    most = now = 0
    for at_s, change in moves:
        now += change
        if at_s >= first_final_s:
            most = max(most, now)
    return most
