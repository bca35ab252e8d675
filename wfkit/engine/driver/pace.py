"""Pace: how many elements of a map travel in one Dask task, from how long they take.

A Dask task costs about half a millisecond. Elements that take a few milliseconds go many to a task: the first ones
alone, and once their duration is known, as many as fill `CHUNK_S`. Few tasks of a map are under way at once, so that
the size follows the durations.
"""

from __future__ import annotations

from typing import Final

from wfkit.authoring.caching import CachePolicy
from wfkit.engine.driver.group import Group

#: What travels together takes about so long …
CHUNK_S: Final = 0.05
#: … elements that take longer than this go alone …
ALONE_S: Final = 0.025
#: … and so many go together at most.
MOST: Final = 400
#: Elements that take longer than this all go out: an adaptive cluster grows by what waits at its scheduler.
LONG_S: Final = 1.0
#: Elements that go alone until durations are known, by thread of the cluster.
_PROBES: Final = 4
#: Tasks under way for each thread, once they are.
_AHEAD: Final = 4
#: Durations heard before they count as known, and the weight of a new one.
_HEARD: Final = 4
_WEIGHT: Final = 0.05
_SHORTEST_TIMEOUT_S: Final = 1.0


class Durations:
    """How long the executions of one function take."""

    __slots__ = ("heard", "mean_s")

    def __init__(self) -> None:
        self.heard = 0
        self.mean_s = 0.0

    def hear(self, seconds: float) -> None:
        """Note the duration of one execution."""
        self.heard += 1
        self.mean_s += (seconds - self.mean_s) * max(_WEIGHT, 1 / self.heard)

    @property
    def known(self) -> bool:
        """Whether enough of them were heard."""
        return self.heard >= _HEARD


def may_share(group: Group) -> bool:
    """Whether elements of a group may travel together: not where each needs something of its own."""
    options = group.options
    return (
        group.spec.mapped
        and group.chunk != 1
        and group.max_concurrency is None
        and not (options.resources or options.limits or options.workers)
        and options.isolate == "thread"
        and options.crash_retries > 0  # which of them it was that died with its worker may never be known
        and options.cache_policy is CachePolicy.NO_CACHE  # it may wait for another run's execution
        and (options.timeout_seconds is None or options.timeout_seconds >= _SHORTEST_TIMEOUT_S)
    )


def size(group: Group, durations: Durations, *, threads: int, left: int, under_way: int, leads: bool) -> int:
    """How many elements of a map to send as one task now.

    Parameters
    ----------
    group : Group
        One whose elements may travel together.
    durations : Durations
        Of its function.
    threads : int
        Of the cluster.
    left, under_way : int
        Elements not sent yet, and Dask tasks of the group that have not ended.
    leads : bool
        Whether it does not follow the elements of another map, which sets the pace.

    Returns
    -------
    int : 0: none now, because it is too early to know, or enough are under way
    """
    if group.chunk is not None:
        return group.chunk
    if not durations.known:
        return 1 if not leads or under_way < _PROBES * threads else 0
    alone = durations.mean_s >= ALONE_S
    fitting = 1 if alone else min(MOST, int(CHUNK_S / max(durations.mean_s, CHUNK_S / MOST)))
    if not leads or durations.mean_s >= LONG_S:
        return fitting
    if under_way >= _AHEAD * threads:  # what is not begun a worker that joins would take over, far ahead of the rest
        return 0
    return max(1, min(fitting, left // (2 * threads)))
