"""Stories of runs, from their beginning to their end, and the golden feed for TypeScript that tells some of them."""

from __future__ import annotations

import base64
import json
from math import isnan
from pathlib import Path

from tests.notebook.telling import (
    BEGIN_S,
    ERROR,
    WORKERS,
    StoryRun,
    began,
    done,
    edge,
    ended,
    logged,
    retrying,
    run_finished,
    run_started,
    silent,
    spawned,
    spec,
    started,
    waits,
)
from wfkit.core.events import (
    AnyEvent,
    Edge,
    How,
    NodesAdded,
    RunStateChanged,
)
from wfkit.core.phases import is_plain, phases
from wfkit.core.states import RunState, TaskState
from wfkit.notebook.cards import Card
from wfkit.notebook.columns import Columns
from wfkit.notebook.feed import Message, Sent, delta, snapshot

GOLDEN = Path(__file__).parents[2] / "labextension" / "test" / "golden" / "feed.json"

MONTHS = 12
BAD_MONTH = 6


def monthly_graph() -> NodesAdded:
    """load.map -> clean.map -> delays.map -> best, worst -> report."""
    return NodesAdded(
        groups=(
            spec(0, "load", MONTHS, mapped=True),
            spec(1, "clean", MONTHS, edge(0, How.EACH), mapped=True),
            spec(2, "delays", MONTHS, edge(1, How.EACH), mapped=True),
            spec(3, "carriers"),
            spec(4, "best", 1, edge(2), edge(3)),
            spec(5, "worst", 1, edge(2)),
            spec(6, "report", 1, edge(4), edge(5)),
        )
    )


def monthly_steps() -> list[list[AnyEvent]]:
    """The story of a run in which one month fails twice, in steps that follow each other in time."""
    steps: list[list[AnyEvent]] = [[run_started(), monthly_graph()], [started(3, after_s=0.1)], [ended(3, after_s=0.4)]]
    for month in range(MONTHS):
        at_s = 0.3 + month * 0.5
        steps.append([started(0, month, after_s=at_s)])
        steps.append([ended(0, month, after_s=at_s + 0.3), started(1, month, after_s=at_s + 0.35)])
        if month == BAD_MONTH:
            steps.append(
                [
                    logged(1, month, 1, "28,243 rows read"),
                    logged(1, month, 1, "dropping 12 rows without a tail number", source="print", part=1),
                    retrying(1, month, after_s=at_s + 0.5),
                ]
            )
        else:
            steps.append([ended(1, month, after_s=at_s + 0.5), started(2, month, after_s=at_s + 0.5)])
            steps.append(
                [ended(2, month, after_s=at_s + 0.9, preview=f"<{16} carriers, median delay {month + 4} min>")]
            )
    steps.append([started(1, BAD_MONTH, 2, after_s=7.0)])
    steps.append(
        [
            logged(1, BAD_MONTH, 2, "28,243 rows read"),
            logged(1, BAD_MONTH, 2, "column dep_delay holds text", level=30, part=1),
            logged(1, BAD_MONTH, 2, "cannot make sense of column dep_delay", level=40, part=2),
            ended(1, BAD_MONTH, TaskState.FAILED, 2, after_s=7.6, error=ERROR),
            ended(2, BAD_MONTH, TaskState.UPSTREAM_FAILED, after_s=7.6, reason="clean[6] failed"),
        ]
    )
    steps.append(
        [
            ended(4, 0, TaskState.UPSTREAM_FAILED, after_s=7.7, reason="delays[6]: upstream failed"),
            ended(5, 0, TaskState.UPSTREAM_FAILED, after_s=7.7, reason="delays[6]: upstream failed"),
            ended(6, 0, TaskState.UPSTREAM_FAILED, after_s=7.7, reason="best: upstream failed"),
        ]
    )
    steps.append(
        [run_finished(RunState.FAILED, after_s=7.8, reason="1 failure was not handled: clean[6] (ValueError)")]
    )
    return steps


def monthly(steps: int | None = None) -> StoryRun:
    run = StoryRun()
    for events in monthly_steps()[:steps]:
        run.tell(*events)
    return run


def stalled() -> StoryRun:
    """The same while it loads: nothing is heard of the first worker, where three nodes run."""
    run = StoryRun(run_started(), monthly_graph(), started(3))
    run.tell(*(started(0, month) for month in range(9)), *(ended(0, month, after_s=0.9) for month in range(5)))
    run.tell(silent(WORKERS[0]), RunStateChanged(state=RunState.RUNNING, reason=_STALLED))
    return run


_STALLED = f"stalled: nothing is heard of {WORKERS[0]}, where tasks run"
FOLDERS = 3  #: that each folder holds


def crawl_steps(levels: int = 3, files: int = 4) -> list[list[AnyEvent]]:
    """A crawl of folders: `walk` spawns `walk` for each folder inside, maps `read` over files and adds them up."""
    steps: list[list[AnyEvent]] = [
        [run_started("crawl"), NodesAdded(groups=(spec(0, "walk"), spec(1, "report", 1, edge(0, How.ONE))))],
        [started(0)],
    ]
    order, level = 2, ["g0"]
    for depth in range(levels):
        inner: list[str] = []
        for folder in level:
            read = spawned(folder, 0, 1, "read", order, files, mapped=True)
            total = spawned(folder, 0, 2, "total", order + 1, 1, Edge(group=read.id, how=How.ALL))
            walks = [
                spawned(folder, 0, 3 + i, "walk", order + 2 + i) for i in range(FOLDERS if depth + 1 < levels else 0)
            ]
            order += 2 + len(walks)
            inner += [walk.id for walk in walks]
            after_s = 1.0 + depth
            steps.append([NodesAdded(groups=(read, total, *walks)), waits(folder, after_s=after_s)])
            steps.append(
                [*(began(read.id, i, after_s) for i in range(files)), *(began(walk.id, 0, after_s) for walk in walks)]
            )
            bad = depth == 1 and folder == level[0]
            ends: list[AnyEvent] = [done(read.id, i, after_s + 0.5) for i in range(files)]
            if bad:
                ends[-1] = done(read.id, files - 1, after_s + 0.5, TaskState.FAILED)
            steps.append([*ends, began(total.id, 0, after_s + 0.5)])
        level = inner
    return steps


def crawl(levels: int = 3, files: int = 4) -> StoryRun:
    """A crawl while it runs."""
    run = StoryRun()
    for events in crawl_steps(levels, files):
        run.tell(*events)
    return run


def parents(count: int) -> StoryRun:
    """A map whose elements each spawn two calls of `leaf` and wait for them."""
    run = StoryRun(
        run_started("tree"), NodesAdded(groups=(spec(0, "parent", count, mapped=True), spec(1, "sum", 1, edge(0))))
    )
    leaves = [spawned("g0", i, k, "leaf", 2 + 2 * i + k) for i in range(count) for k in (1, 2)]
    run.tell(*(began("g0", i) for i in range(count)), NodesAdded(groups=tuple(leaves)))
    run.tell(*(waits("g0", i) for i in range(count)))
    return run


def long_run(length: int) -> StoryRun:
    return StoryRun(run_started("long"), NodesAdded(groups=(spec(0, "item", length, mapped=True),)))


def golden() -> str:
    """Messages of some runs, with the view that a browser must end up with."""
    stories = {"monthly": monthly_steps(), "long map": _long_map_steps(), "crawl": crawl_steps()}
    return json.dumps([_told(name, steps) for name, steps in stories.items()]) + "\n"


def _long_map_steps() -> list[list[AnyEvent]]:
    many = 600
    return [
        [run_started("long"), NodesAdded(groups=(spec(0, "item", None, mapped=True),))],
        [NodesAdded(groups=(spec(0, "item", many, mapped=True),))],
        [started(0, 7), started(0, 599)],
        [ended(0, index) for index in range(300)],
        [ended(0, 599, TaskState.FAILED, error=ERROR)],
    ]


def _told(name: str, steps: list[list[AnyEvent]]) -> dict[str, object]:
    run, sent, columns = StoryRun(), Sent(), Columns()
    columns.watch(None, 0)
    messages: list[Message] = []
    told: list[Message] = []
    for number, events in enumerate(steps):
        run.tell(*events)
        if number == 0:
            message, sent = snapshot(run.view_model, BEGIN_S + number)
        else:
            message = delta(run.view_model, sent, BEGIN_S + number)
        messages.append(message)
        said = columns.message(run.view_model, sent.deck, 0)
        told += [] if said is None else [said[0]]
    return {
        "name": name,
        "messages": _plain(messages),
        "columns": _plain(told),
        "expected": {
            "state": run.state.value,
            "groups": [
                {
                    "name": card.name,
                    "counts": card.counts,
                    "states": base64.b64encode(bytes(card.states)).decode(),
                }
                for _, card in sent.deck.tree()
            ],
        },
        "ran": [[_ran(run, card, cell) for cell in range(len(card.states))] for _, card in sent.deck.tree()],
    }


def _plain(messages: list[Message]) -> list[dict[str, object]]:
    return [
        {"content": content, "buffers": [base64.b64encode(part).decode() for part in buffers]}
        for content, buffers in messages
    ]


def _ran(run: StoryRun, card: Card, cell: int) -> list[object]:
    """Start, end and worker of a cell, with the number of its attempts and of its phases."""
    group, index = card.node(cell)
    worker = group.worker_of[index]
    return [
        _after_s(group.started_s[index]),
        _after_s(group.ended_s[index]),
        run.view_model.workers[worker] if worker >= 0 else None,
        group.attempts[index],
        0 if is_plain(group, index) else len(phases(group, index)),
    ]


def _after_s(at_s: float) -> float | None:
    return None if isnan(at_s) else round(at_s - BEGIN_S, 2)


if __name__ == "__main__":  # python -m tests.notebook.stories: writes the golden feed anew
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(golden(), encoding="utf-8")
