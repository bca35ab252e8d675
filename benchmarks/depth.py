"""Depth first: how much of the first stage is done when the first element has come through the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from benchmarks import work
from benchmarks.contest import SAME, TWIN_1, Contest
from benchmarks.measure import OURS, Budget, Result
from wfkit import flow, task, unmapped
from wfkit.authoring.flow import Flow
from wfkit.authoring.handle import Handle

if TYPE_CHECKING:
    from distributed import Client

STAGES: Final = 3
work_on = task(work.work_on)
empty_lists = task(work.empty_lists)


def _stages(elements: object, seconds: float) -> Handle:
    handle = elements
    for _ in range(STAGES):
        handle = work_on.map(handle, unmapped(seconds))
    assert isinstance(handle, Handle)
    return handle


@flow
def known(length: int, seconds: float) -> Handle:
    """Three maps, one over the other, of known length."""
    return _stages([[] for _ in range(length)], seconds)


@flow
def unknown(length: int, seconds: float) -> Handle:
    """The same over a list that a task returns."""
    return _stages(empty_lists(length), seconds)


def depth(contest: Contest, *, length: int, seconds: float, repetitions: int) -> Iterator[Result]:
    """The share of stage 1 that was done when the first final result was there."""

    def ours(chosen: Flow[..., Any]) -> list[list[float]]:
        ends_s = contest.run(chosen, length=length, seconds=seconds).result()
        return cast("list[list[float]]", ends_s)

    several: dict[str, Callable[[], list[list[float]]]] = {
        OURS: lambda: ours(unknown),
        f"{OURS}, length known": lambda: ours(known),
        SAME: partial(_plain, contest.plain[SAME], length, seconds),
    }
    if TWIN_1 in contest.plain:
        several[TWIN_1] = partial(_plain, contest.plain[TWIN_1], length, seconds)
    samples: dict[str, list[float]] = {name: [] for name in several}
    for _ in range(repetitions):
        for name, run in several.items():
            contest.rest()
            samples[name].append(100 * share_of_first_stage(run()))
    yield Result(
        "depth",
        f"Share of stage 1 done at the first final result: {STAGES} maps over {length} items of "
        f"{seconds * 1_000:.0f} ms, length not known before",
        "%",
        samples,
        Budget(10.0, of="value"),
        note="plain Dask is given three `client.map` in a row",
    )


def _plain(client: Client, length: int, seconds: float) -> list[list[float]]:
    futures: Sequence[object] = [[] for _ in range(length)]
    for _ in range(STAGES):
        futures = client.map(work.work_on, futures, [seconds] * length, pure=False)
    ends_s: list[list[float]] = client.gather(futures)  # type: ignore[no-untyped-call]
    return ends_s


def share_of_first_stage(ends_s: list[list[float]]) -> float:
    """From the ends of the stages of each element."""
    first_final_s = min(ends[-1] for ends in ends_s)
    return sum(ends[0] <= first_final_s for ends in ends_s) / len(ends_s)
