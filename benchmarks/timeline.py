"""Timeline: x, x + 1, x + 2 mapped by a task, with and without a barrier between the levels, run and drawn.

`python -m benchmarks.timeline` runs both on a cluster of this machine and writes docs/images/timeline.svg.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import wfkit
from benchmarks.drawing import Bar, Panel, drawn
from benchmarks.fresh import ROOT
from wfkit import flow, task
from wfkit.authoring.flow import Flow
from wfkit.authoring.handle import Handle
from wfkit.clusters.local import LocalOptions, start_local
from wfkit.core.states import TaskState
from wfkit.core.view import GroupView, RunView
from wfkit.session.launch import execute
from wfkit.session.session import close_session, session

PICTURE: Final = ROOT / "docs" / "images" / "timeline.svg"
ITEMS: Final = 20
SHORTEST_S: Final = 0.06
LONGEST_S: Final = 0.2
_SEED: Final = 3

#: Where it starts, and how long each of its levels takes.
Item = tuple[int, tuple[float, ...]]


@task
def begin(item: Item) -> Item:
    """Give x."""
    return _worked(item, 0)


@task
def add_one(item: Item) -> Item:
    """Give x + 1."""
    return _worked(item, 1)


@task
def add_another(item: Item) -> Item:
    """Give x + 2."""
    return _worked(item, 1)


def _worked(item: Item, add: int) -> Item:
    number, (seconds, *others) = item
    time.sleep(seconds)
    return number + add, tuple(others)


@task
def levels(items: list[Item]) -> Handle:
    """Map three times, and return the handle."""
    return add_another.map(add_one.map(begin.map(items)))


@task
def levels_with_barriers(items: list[Item]) -> object:
    """The same, with all of a level fetched before the next one is mapped."""
    first = begin.map(items).result()
    second = add_one.map(first).result()
    return add_another.map(second).result()


@flow
def free(items: list[Item]) -> object:
    """Levels without barriers."""
    return levels(items)


@flow
def barred(items: list[Item]) -> object:
    """Levels with barriers."""
    return levels_with_barriers(items)


def some_items(length: int, shortest_s: float, longest_s: float) -> list[Item]:
    """Numbers, and durations that look random and are the same each time."""
    dice = random.Random(_SEED)
    return [(x, tuple(round(dice.uniform(shortest_s, longest_s), 3) for _ in range(3))) for x in range(length)]


@contextmanager
def four_threads() -> Iterator[None]:
    """Two worker processes of two threads each, warmed up."""
    with start_local(LocalOptions(n_workers=2, threads_per_worker=2)) as cluster:
        wfkit.connect(cluster)
        try:
            for each in (free, barred):
                _values(each, some_items(8, 0.03, 0.03))
            yield
        finally:
            close_session()


def measured(title: str, chosen: Flow[..., Any], items: list[Item]) -> Panel:
    """Run a flow, and take the bars from the run's record."""
    view = _values(chosen, items)
    parent, *stages = [group for group in view.ordered() if group.spec.kind == "task"]
    return Panel(
        title, _bar(parent, 0), tuple(tuple(_bar(group, each) for each in range(len(group))) for group in stages)
    )


def _values(chosen: Flow[..., Any], items: list[Item]) -> RunView:
    run = session().new_run(chosen, {"items": items})
    execute(run, chosen, {"items": items})
    values = run.wait(60).result()
    if values != [(x + 2, ()) for x, _ in items]:
        raise AssertionError(f"wrong values: {values!s:.200}")
    return run.view_model


def _bar(group: GroupView, index: int) -> Bar:
    start_s, end_s = group.started_s[index], group.ended_s[index]
    if group.state(index) is not TaskState.COMPLETED or math.isnan(start_s + end_s):
        raise AssertionError(f"no times of {group.name(index)}")
    return Bar(start_s, end_s, group.worker_of[index])


def timeline(length: int = ITEMS, shortest_s: float = SHORTEST_S, longest_s: float = LONGEST_S) -> str:
    """Run both, and draw them beside each other."""
    items = some_items(length, shortest_s, longest_s)
    with four_threads():
        panels = (
            measured("The task returns the handle", free, items),
            measured("A barrier between the levels", barred, items),
        )
    return drawn(panels, ("x", "x + 1", "x + 2"))


def main(arguments: Sequence[str]) -> None:
    """Write the picture, to where the argument says."""
    target = Path(arguments[0]) if arguments else PICTURE
    target.write_text(timeline(), encoding="utf-8")
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
