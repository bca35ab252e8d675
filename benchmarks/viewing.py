"""Viewing: a run of many tasks in a browser, measured; each kind in a process of its own, which prints JSON."""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import wfkit
from benchmarks.gestures import OPEN_GRID, PAN, WATCH
from benchmarks.replay import STAGES, ReplayedRun, recorded
from benchmarks.screen import Said, screen
from wfkit import flow, task
from wfkit.clusters.local import LocalOptions, start_local
from wfkit.session.launch import execute
from wfkit.session.session import close_session, session

if TYPE_CHECKING:
    from wfkit.notebook.view import WatchedRun

EVENTS_PER_S: Final = 2_000
_ROW: Final = 50  #: messages over which a rate is measured
_RUN_S: Final = 120.0
#: Cells are pixels, glyphs, and cards with numbers at these sizes.
_ZOOMS: Final = {"pixels": 4, "glyphs": 14, "numbers": 48}


def replayed(tasks: int, panning_s: float) -> dict[str, Any]:
    """Replay a run before a browser that opens it, pans its grid, and opens it again when it is over."""
    run = ReplayedRun()
    events = recorded(tasks, time.time(), EVENTS_PER_S)
    run.tell(events[:2])
    with screen(cast("WatchedRun", run)) as shown:  # a rerun of it, which nobody starts, would be a run of another kind
        bare = shown.heap_bytes()
        first = shown.show()
        took: list[float] = []
        before_s = shown.view.publishing_s
        teller = threading.Thread(target=lambda: took.append(run.replay(events[2:], EVENTS_PER_S)), name="replay")
        teller.start()
        shown.page.evaluate(OPEN_GRID, STAGES[1])
        frames = {name: shown.page.evaluate(PAN, [cell, panning_s]) for name, cell in _ZOOMS.items()}
        was_live = teller.is_alive()
        teller.join()
        feeding_s = shown.view.publishing_s - before_s + run.waking_s
        shown.page.wait_for_function("document.querySelector('.wfkit').dataset.state === 'FAILED'")
        heap = shown.heap_bytes() - bare
        said = [message for message in shown.view.said if message.op != "snapshot"]
        shown.load()
        again = shown.show()
    if not was_live:
        raise RuntimeError("The replay ended before the panning did: its frames say nothing.")
    return {
        "pictures_s": [first, again],
        "frames_ms": {name: [statistics.mean(gaps), quantile(gaps, 0.95), max(gaps)] for name, gaps in frames.items()},
        "heap_bytes": heap,
        "feed_percent": 100 * feeding_s / took[0],
        "messages_per_s": busiest(said, lambda _: 1),
        "bytes_per_s": busiest(said, lambda message: message.size),
    }


def live(tasks: int, nap_s: float) -> dict[str, Any]:
    """Run tasks on a cluster; how long after its end on the worker each one's cell is painted, in ms."""
    with start_local(LocalOptions(n_workers=2, threads_per_worker=2)) as cluster:
        wfkit.connect(cluster)
        try:
            _painted(200, nap_s)  # workers load what they need
            ends_s, painted = _painted(tasks, nap_s)
        finally:
            close_session()
    colours: dict[int, list[tuple[int, float]]] = {}
    for place, colour, at_s in painted:
        colours.setdefault(place, []).append((colour, at_s))
    ages_ms = []
    for place, end_s in enumerate(ends_s):
        final = colours[place][-1][0]
        ages_ms.append(1_000 * (next(at_s for colour, at_s in colours[place] if colour == final) - end_s))
    return {
        "age_ms": [statistics.median(ages_ms), quantile(ages_ms, 0.95), max(ages_ms)],
        "tasks_per_s": len(ends_s) / (max(ends_s) - min(ends_s)),
    }


def _painted(tasks: int, nap_s: float) -> tuple[list[float], list[tuple[int, int, float]]]:
    """When tasks ended by the clock of their worker, and when which cell had which colour."""
    run = session().new_run(naps, {"tasks": tasks, "nap_s": nap_s})
    with screen(run) as shown:
        execute(run, naps, {"tasks": tasks, "nap_s": nap_s})
        shown.show()
        shown.page.wait_for_function("document.querySelector('.wf-card-name')?.textContent === 'nap'")
        shown.page.evaluate(OPEN_GRID, "nap")
        shown.page.evaluate(WATCH)
        ends_s = run.wait(_RUN_S).result()
        shown.page.wait_for_function("document.querySelector('.wfkit').dataset.state === 'COMPLETED'")
        shown.page.wait_for_timeout(500)  # frames that are still to come
        painted: list[tuple[int, int, float]] = shown.page.evaluate("window.painted")
    return cast("list[float]", ends_s), painted


@task
def nap(seconds: float) -> float:
    """Work for a while; gives the time of its end."""
    time.sleep(seconds)
    return time.time()


@flow
def naps(tasks: int, nap_s: float) -> object:
    """Many naps."""
    return nap.map([nap_s] * tasks)


def busiest(said: Sequence[Said], worth: Callable[[Said], int]) -> float:
    """The greatest sum a second over so many messages in a row, from the first to the last of them."""
    rates = [
        sum(map(worth, said[at + 1 : at + 1 + _ROW])) / (said[min(at + _ROW, len(said) - 1)].at_s - said[at].at_s)
        for at in range(max(1, len(said) - _ROW))
    ]
    return max(rates)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values is."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """The command line."""
    kind, tasks, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    print(json.dumps({"replayed": replayed, "live": live}[kind](tasks, seconds)))


if __name__ == "__main__":
    main()
