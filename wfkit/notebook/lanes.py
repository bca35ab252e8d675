"""Lanes: what ran on a worker at the same time lies in different lanes, in as few of them as can be."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from math import isnan
from typing import NamedTuple

from wfkit.core.phases import Phase, phases
from wfkit.core.states import NO_WORK
from wfkit.core.view import GroupView, RunView


class Bar(NamedTuple):
    """A stretch of a node, in its lane."""

    group: GroupView
    element: int
    phase: Phase  #: with an end, also where it goes on
    lane: int  #: number of its row, from the top
    is_tail: bool  #: takes no slot; may lie over other bars


class Lane(NamedTuple):
    """A row: one of the lanes of a worker."""

    worker: int  #: index into `RunView.workers`; -1 = none
    number: int


def laid_out(view: RunView, ends_s: float) -> tuple[list[Bar], list[Lane]]:
    """Give each stretch of each node a lane.

    Parameters
    ----------
    view : RunView
        The run.
    ends_s : float
        The end of what goes on, in seconds since the epoch.
    """
    told = sorted(_stretches(view, ends_s), key=lambda one: one[2].start_s)  # stable: a node's keep their order
    free: dict[int, list[int]] = {}  # lanes that are free, lowest first
    used: dict[int, list[tuple[float, int]]] = {}  # end and lane of what runs
    count: dict[int, int] = {}
    last: dict[tuple[int, int], int] = {}  # lane of a node's stretch before
    placed: list[tuple[GroupView, int, Phase, int, bool]] = []
    for group, index, phase in told:
        worker, node = phase.worker, (id(group), index)
        is_tail = phase.state in NO_WORK
        if is_tail:
            lane = last.get(node, 0)
        else:
            open_, busy = free.setdefault(worker, []), used.setdefault(worker, [])
            while busy and busy[0][0] <= phase.start_s:
                heappush(open_, heappop(busy)[1])
            if open_:
                lane = heappop(open_)
            else:
                lane = count.get(worker, 0)
                count[worker] = lane + 1
            heappush(busy, (phase.end_s, lane))
            last[node] = lane
        placed.append((group, index, phase, lane, is_tail))
    lanes = [Lane(worker, number) for worker in sorted(count) for number in range(count[worker])]
    rows = {lane: row for row, lane in enumerate(lanes)}
    bars = [
        Bar(group, index, phase, rows[Lane(phase.worker, lane)], is_tail)
        for group, index, phase, lane, is_tail in placed
        if Lane(phase.worker, lane) in rows
    ]
    return bars, lanes


def _stretches(view: RunView, ends_s: float) -> Iterator[tuple[GroupView, int, Phase]]:
    for group in view.groups.values():
        for index, start_s in enumerate(group.started_s):
            if isnan(start_s):
                continue
            for phase in phases(group, index):
                end_s = max(phase.start_s, ends_s if isnan(phase.end_s) else phase.end_s)
                yield group, index, phase._replace(end_s=end_s)
