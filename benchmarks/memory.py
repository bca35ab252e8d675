"""Memory: what a task costs driver and scheduler while its result is held; each contestant in a fresh process."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import psutil  # type: ignore[import-untyped]  # no types shipped
from distributed import Client

from benchmarks import work
from benchmarks.fresh import measured_in
from benchmarks.measure import OURS, Budget, Result

PLAIN: Final = "plain Dask"
_SECTION: Final = "Memory"
_WARM_UP: Final = 200


def memory(*, few: int, many: int, repetitions: int) -> Iterator[Result]:
    """Growth per task of the driver's and of the scheduler's resident memory, after `few` and `many` mapped tasks."""
    found: dict[str, list[dict[str, float]]] = {OURS: [], PLAIN: []}
    for repetition in range(repetitions):
        for name in (OURS, PLAIN) if repetition % 2 == 0 else (PLAIN, OURS):
            found[name].append(measured_in("memory", name, few, many))
    for place, title in (("driver", "the driver"), ("scheduler", "the scheduler's process")):
        for size, length in (("few", few), ("many", many)):
            samples = {name: [one[f"{place}_{size}"] for one in several] for name, several in found.items()}
            yield Result(
                f"memory-{place}-{length}",
                f"Memory of {title} per task, {length:,} mapped tasks held",
                "B",
                samples,
                Budget(1.3) if (place, size) == ("driver", "many") else None,
                note="growth of resident memory with all results held: handles and values, or futures and values",
                section=_SECTION,
            )
    yield Result(
        "memory-flat",
        f"Memory of the driver per task at {many:,} by that at {few:,}",
        "x",
        {name: [one["driver_many"] / one["driver_few"] for one in several] for name, several in found.items()},
        Budget(1.2, of="value"),
        section=_SECTION,
    )
    yield Result(
        "memory-peak",
        f"The same at its peak, by what is held in the end, {many:,} mapped tasks",
        "x",
        {name: [one["driver_peak"] / one["driver_many"] for one in several] for name, several in found.items()},
        section=_SECTION,
    )


def main() -> None:
    """Measure one contestant in this process; prints bytes per task as JSON."""
    who, few, many = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    from wfkit.clusters.local import start_local

    with start_local() as cluster:
        execute = _ours(cluster) if who == OURS else _plain(cluster.address)
        processes = {"driver": psutil.Process(), "scheduler": psutil.Process(cluster.pid)}
        held = [execute(0, _WARM_UP)]
        before = _resident(processes)
        done = 0
        answer: dict[str, float] = {}
        for size, length in (("few", few), ("many", many)):
            held.append(execute(done, length - done))
            done = length
            grown = _resident(processes)
            answer |= {f"{place}_{size}": (grown[place] - before[place]) / length for place in processes}
        answer["driver_peak"] = (_peak() - before["driver"]) / many
        print(json.dumps(answer), flush=True)
        del held
        if who == OURS:
            from wfkit.session.session import close_session

            close_session()


def _resident(processes: dict[str, psutil.Process]) -> dict[str, float]:
    """Resident bytes, once everything has come to rest."""
    gc.collect()
    time.sleep(1.0)
    return {place: process.memory_info().rss for place, process in processes.items()}


def _peak() -> int:
    """The most resident bytes that this process ever had."""
    kilobyte = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte


def _ours(cluster: object) -> Callable[[int, int], object]:
    import wfkit
    from benchmarks.watcher import Watcher
    from wfkit import flow, task
    from wfkit.session.launch import execute
    from wfkit.session.session import session

    wfkit.connect(cluster)
    increment = task(work.increment)

    def run(start: int, length: int) -> object:
        # A flow of its own each time: a second run of the same flow would free what the first one holds.
        @flow(name=f"from {start}")
        def mapped() -> object:
            return increment.map(range(start, start + length))

        run = session().new_run(mapped, {})
        watcher = Watcher(run)
        execute(run, mapped, {})
        return run, watcher, run.wait().result()

    return run


def _plain(address: str) -> Callable[[int, int], object]:
    client = Client(address, set_as_default=False)  # type: ignore[no-untyped-call]

    def run(start: int, length: int) -> object:
        futures = client.map(work.increment, range(start, start + length), pure=False)
        return client, futures, client.gather(futures)  # type: ignore[no-untyped-call]

    return run


if __name__ == "__main__":
    main()
