"""Deep: the cases in which a run must go depth-first, as flows of three maps, one over the other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, cast

from benchmarks import work
from benchmarks.contest import SEAT
from benchmarks.disturbing import worker_added, worker_killed
from wfkit import Retry, current, flow, task, unmapped
from wfkit.authoring.flow import Flow
from wfkit.authoring.handle import Handle

STAGES: Final = 3
work_on = task(work.work_on)
empty_lists = task(work.empty_lists)
with_seats = work_on.with_options(resources={SEAT: 1})
with_priority = work_on.with_options(priority=5)


@task(retries=1)
def fails_at_times(ends_s: list[float], seconds: float) -> list[float]:
    """Work as all do; one element in ten asks for another attempt first."""
    if (current.map_index or 0) % 10 == 0 and current.attempt == 1:
        raise Retry("not yet")
    return work.work_on(ends_s, seconds)


def stages(elements: object, seconds: float, stage: Any = work_on) -> Handle:
    """Three maps, one over the other."""
    handle = elements
    for _ in range(STAGES):
        handle = stage.map(handle, unmapped(seconds))
    return cast("Handle", handle)


@task
def spawns(length: int, seconds: float) -> Handle:
    """Map in a task, and return the handle."""
    return stages([[] for _ in range(length)], seconds)


@task
def spawns_and_blocks(length: int, seconds: float) -> object:
    """Map in a task, and wait there."""
    return stages([[] for _ in range(length)], seconds).result()


@flow
def over_handle(length: int, seconds: float) -> Handle:
    """Over a list that a task returns."""
    return stages(empty_lists(length), seconds)


@flow
def over_list(length: int, seconds: float) -> Handle:
    """Over a list."""
    return stages([[] for _ in range(length)], seconds)


@flow
def resources(length: int, seconds: float) -> Handle:
    """Over a handle, by tasks that need a resource."""
    return stages(empty_lists(length), seconds, with_seats)


@flow
def priority(length: int, seconds: float) -> Handle:
    """Over a handle, by tasks with a priority of their own."""
    return stages(empty_lists(length), seconds, with_priority)


@flow
def retries(length: int, seconds: float) -> Handle:
    """Over a handle, by tasks of which some fail once."""
    return stages(empty_lists(length), seconds, fails_at_times)


@flow
def spawned(length: int, seconds: float) -> object:
    """By a task that returns the handle."""
    return spawns(length, seconds)


@flow
def blocked(length: int, seconds: float) -> object:
    """By a task that waits."""
    return spawns_and_blocks(length, seconds)


#: A contest's client and address, and after how many seconds; disturbs while it is entered.
Disturb = Callable[[Any, str, float], AbstractContextManager[None]]


def _undisturbed(_client: Any, _address: str, _after_s: float) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table.

    Attributes
    ----------
    name, title : str
    flow : Flow
    disturb : callable
        What happens to the cluster meanwhile.
    steady : bool
        Whether workers stay; only then there is an ideal time.
    """

    name: str
    title: str
    flow: Flow[..., Any]
    disturb: Disturb = _undisturbed
    steady: bool = True


CASES: Final = (
    Case("handle", "map over a handle", over_handle),
    Case("list", "map over a list", over_list),
    Case("resources", "with `resources=`", resources),
    Case("priority", "with `priority=`", priority),
    Case("retries", "with retries: one element in ten fails once in each stage", retries),
    Case("spawned", "spawned by a task that returns the handle", spawned),
    Case("blocked", "spawned by a task that blocks on it", blocked),
    Case("killed", "a worker is killed in the middle", over_handle, worker_killed, steady=False),
    Case("added", "a worker is added in the middle", over_handle, worker_added, steady=False),
)
