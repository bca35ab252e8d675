"""The suite: which benchmarks there are, at which size, and where their results go."""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.chunks import chunks
from benchmarks.contest import Contest, contest
from benchmarks.depth import depth
from benchmarks.facts import facts
from benchmarks.fresh import ROOT
from benchmarks.history import history
from benchmarks.latency import latency
from benchmarks.measure import Budget, Result
from benchmarks.memory import memory
from benchmarks.others import peers
from benchmarks.page import amount, budget, page
from benchmarks.reruns import reruns
from benchmarks.starting import starting
from benchmarks.throughput import throughput
from benchmarks.timeline import PICTURE, timeline
from benchmarks.view import view
from benchmarks.waits import waits

PAGE: Final = ROOT / "docs" / "benchmarks.md"
RESULTS: Final = ROOT / "benchmarks" / "results.json"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    repetitions: int = 5
    maps: tuple[int, int, int] = (1_000, 10_000, 100_000)
    staged: int = 1_000
    calls: int = 20
    items: int = 500
    item_s: float = 0.02
    deep_repetitions: int = 3
    share: float = 1.0
    parents: int = 1_000
    retrying: int = 40
    few: int = 10_000
    many: int = 100_000
    memory_repetitions: int = 1
    view_repetitions: int = 3
    recorded: int = 100_000
    listed: int = 10_000
    rerun: int = 10_000
    shown: int = 100_000
    panning_s: float = 10.0
    napping: int = 1_000
    twins: bool = True


FULL: Final = Sizes()
QUICK: Final = Sizes(
    repetitions=2,
    maps=(20, 40, 60),
    staged=20,
    calls=2,
    items=8,
    item_s=0.01,
    share=0.02,
    parents=4,
    retrying=4,
    view_repetitions=1,
    few=50,
    many=100,
    recorded=500,
    listed=50,
    rerun=30,
    shown=6_000,
    panning_s=0.2,
    napping=40,
    twins=False,
)

_Part = Callable[[], Iterator[Result]]


def parts_with_clusters(sizes: Sizes, clusters: Contest) -> dict[str, _Part]:
    """The benchmarks in which contestants take turns on running clusters."""
    return {
        "throughput": partial(
            throughput, clusters, sizes=sizes.maps, staged=sizes.staged, repetitions=sizes.repetitions
        ),
        "latency": partial(latency, clusters, calls=sizes.calls, repetitions=sizes.repetitions),
        "chunks": partial(chunks, clusters, share=sizes.share, repetitions=sizes.repetitions),
        "waits": partial(
            waits,
            clusters,
            parents=sizes.parents,
            seconds=sizes.item_s,
            retrying_tasks=sizes.retrying,
            repetitions=sizes.deep_repetitions,
        ),
        "depth": partial(depth, clusters, length=sizes.items, seconds=sizes.item_s, repetitions=sizes.deep_repetitions),
    }


def parts_alone(sizes: Sizes) -> dict[str, _Part]:
    """The benchmarks that start what they need, each time anew."""
    return {
        "memory": partial(memory, few=sizes.few, many=sizes.many, repetitions=sizes.memory_repetitions),
        "starting": partial(starting, repetitions=sizes.repetitions),
        "history": partial(history, tasks=sizes.recorded, runs=sizes.listed, repetitions=sizes.repetitions),
        "reruns": partial(reruns, length=sizes.rerun, repetitions=sizes.repetitions),
        "view": partial(
            view,
            tasks=sizes.shown,
            panning_s=sizes.panning_s,
            live=sizes.napping,
            repetitions=sizes.view_repetitions,
        ),
    }


ON_CLUSTERS: Final = ("throughput", "latency", "chunks", "waits", "depth")
NAMES: Final = (*ON_CLUSTERS, "memory", "starting", "history", "reruns", "view")


def run(sizes: Sizes, only: list[str]) -> tuple[list[Result], list[str]]:
    """Run benchmarks, and say what comes out as it comes.

    Returns
    -------
    list of Result, and the names of the benchmarks that broke
    """
    wanted = only or list(NAMES)
    results: list[Result] = []
    broken: list[str] = []

    def collect(parts: dict[str, _Part]) -> None:
        for name, part in parts.items():
            if name not in wanted:
                continue
            print(f"{name} …", flush=True)
            begin_s = time.monotonic()
            try:
                for result in part():
                    results.append(result)
                    print(told(result), flush=True)
            except Exception:  # noqa: BLE001 - one that breaks costs its own numbers, not the others'
                traceback.print_exc()
                broken.append(name)
            print(f"  ({name}: {time.monotonic() - begin_s:.0f} s)", flush=True)

    if set(ON_CLUSTERS) & set(wanted):
        with contest(twins=sizes.twins) as clusters:
            clusters.warm_up()
            collect(parts_with_clusters(sizes, clusters))
    collect(parts_alone(sizes))
    return results, broken


def told(result: Result) -> str:
    """One line about a result."""
    ratio = f", {result.ratio:.2f} x {result.best_other}" if result.ratio is not None else ""
    verdict = {None: "", True: f" (met: {budget(result)})", False: f" (NOT MET: {budget(result)})"}[result.met]
    return f"{result.title}: {amount(result.ours, result.unit)}{ratio}{verdict}"


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure wfkit against plain Dask.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that everything runs")
    parser.add_argument("--only", action="append", choices=NAMES, default=[], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--peers", action="store_true", help="measure other systems too, see peers/README.md")
    parser.add_argument("--out", type=Path, help="folder for page and results; with --quick and --only default: none")
    parser.add_argument("--keep", action="store_true", help="with --only: the other numbers stay as they are on record")
    chosen = parser.parse_args(arguments)
    machine = facts()
    results, broken = run(QUICK if chosen.quick else FULL, chosen.only)
    results = [replace(result, machine=machine) for result in results]
    keeps = chosen.keep or (bool(broken) and not (chosen.quick or chosen.only))
    if keeps:
        results = list(({one.name: one for one in on_record()} | {one.name: one for one in results}).values())
    others = peers(measure=chosen.peers)
    is_part = chosen.quick or (bool(chosen.only or broken) and not keeps)
    write(results, others, chosen.out, partial_=is_part)
    if chosen.out is None and not (chosen.quick or chosen.only or broken):
        PICTURE.write_text(timeline(), encoding="utf-8")
    if broken:
        raise SystemExit(f"Broken: {', '.join(broken)}.")


def on_record() -> list[Result]:
    """The results on record."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
    names = {each.name for each in fields(Result)}
    return [
        Result(**{name: value for name, value in row.items() if name in names} | {"budget": _budget(row["budget"])})
        for row in rows
    ]


def _budget(written: dict[str, Any] | None) -> Budget | None:
    return None if written is None else Budget(**written)


def write(results: list[Result], others: list[dict[str, object]], out: Path | None, *, partial_: bool) -> None:
    """Write page and results; a run that measured only a part never replaces the real ones."""
    if out is None and partial_:
        return
    text = page(results, others)
    rows = [asdict(result) | {"ratio": result.ratio, "met": result.met} for result in results]
    data = json.dumps({"results": rows, "peers": others}, indent=2) + "\n"
    (PAGE if out is None else out / PAGE.name).write_text(text, encoding="utf-8")
    (RESULTS if out is None else out / RESULTS.name).write_text(data, encoding="utf-8")
