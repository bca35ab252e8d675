"""The live view: a run of many tasks in a real browser, from its first picture to what it costs the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from benchmarks.fresh import measured_in
from benchmarks.measure import OURS, Budget, Result

_SECTION: Final = "Live view"
_FRAME_MS: Final = 1_000 / 30


def view(*, tasks: int, panning_s: float, live: int, repetitions: int) -> Iterator[Result]:
    """Replay a run of three mapped stages at 2,000 events/s before a browser, and run naps on a cluster before one.

    Parameters
    ----------
    tasks : int
        In the replayed run.
    panning_s : float
        How long its grid is panned at each zoom, while the replay goes on.
    live : int
        Tasks of the run on a cluster.
    repetitions : int
    """
    found = [measured_in("viewing", "replayed", tasks, panning_s) for _ in range(repetitions)]

    def result(name: str, title: str, unit: str, values: list[float], limit: float | None, note: str) -> Result:
        allowed = None if limit is None else Budget(limit, of="value")
        return Result(f"view-{name}", title, unit, {OURS: values}, allowed, note=note, section=_SECTION)

    many = f"{tasks:,} tasks in three stages"
    yield result(
        "picture",
        f"First picture of {many}",
        "s",
        [max(picture[0] for picture in one["pictures_s"]) for one in found],
        2.0,
        "from the browser's question, the snapshot's making and way included; the slower one of a run that begins and "
        "one that is over",
    )
    for zoom, cells in (("pixels", "pixels"), ("glyphs", "glyphs"), ("numbers", "glyphs and numbers")):
        worst = max(one["frames_ms"][zoom][2] for one in found)
        yield result(
            f"frame-{zoom}",
            f"Frame while a grid is panned, cells as {cells}, 2,000 events/s (30 frames/s: 33.3 ms)",
            "ms",
            [one["frames_ms"][zoom][0] for one in found],
            _FRAME_MS,
            f"mean time between animation frames; 95 % took at most {_told(found, zoom)}, the longest {worst:.0f} ms; "
            "software rendering",
        )
    yield result(
        "heap",
        f"Growth of the browser's heap, {many}",
        "MB",
        [one["heap_bytes"] / 1e6 for one in found],
        150.0,
        "after a collection, at the end of the replay: V8's heap, elements and array buffers",
    )
    yield result(
        "feed",
        "Kernel's CPU for the feed at 2,000 events/s, of one core",
        "%",
        [one["feed_percent"] for one in found],
        10.0,
        "CPU time of the publisher's thread, JSON included, and of its waking by events; the socket's own is not",
    )
    yield result("messages", "Messages a second", "items", [one["messages_per_s"] for one in found], 10.0, _BUSIEST)
    yield result("bytes", "Bytes a second", "kB", [one["bytes_per_s"] / 1e3 for one in found], 200.0, _BUSIEST)
    ages = [measured_in("viewing", "live", live, 0.03) for _ in range(repetitions)]
    rate = min(one["tasks_per_s"] for one in ages)
    yield result(
        "age",
        f"From the end on the worker to the pixel, 95 % of {live:,} tasks",
        "ms",
        [one["age_ms"][1] for one in ages],
        500.0,
        f"a cluster of four threads ran {rate:.0f} tasks/s; until the cell's colour is on the canvas",
    )


_BUSIEST: Final = "of the busiest 50 messages in a row; snapshots that were asked for are left out"


def _told(found: list[dict[str, Any]], zoom: str) -> str:
    return f"{max(one['frames_ms'][zoom][1] for one in found):.0f} ms"
