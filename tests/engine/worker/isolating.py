"""Isolated attempts as tests make them: in a place of their own, with a log that can be looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cloudpickle
import psutil  # type: ignore[import-untyped]  # no types shipped

from wfkit.authoring.context import TaskBody
from wfkit.authoring.options import task_options
from wfkit.core.events import LogLine
from wfkit.engine.worker.isolated import call_isolated
from wfkit.engine.worker.logs import LogSink
from wfkit.engine.worker.stop import Stop

PLACE = TaskBody(
    run_id="r1",
    flow_name="f",
    task_name="load",
    map_index=2,
    attempt=3,
    idempotency_key="r1/load[2]",
    worker="tcp://here",
    recorder=None,
)


class Lines:
    """A log that can be looked at while it grows."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.sink = LogSink(lambda _, lines: self.lines.extend(lines), lambda _, flush: flush())

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


def run(
    function: Callable[..., object],
    *args: object,
    timeout_s: float | None = None,
    stop: Stop | None = None,
    lines: Lines | None = None,
    prints: bool = False,
    **kwargs: object,
) -> Any:
    return call_isolated(
        cloudpickle.dumps((function, task_options({}), {})),
        args,
        kwargs,
        timeout_s=timeout_s,
        stop=stop or Stop(),
        place=PLACE,
        sink=(lines or Lines()).sink,
        prints=prints,
    )


def until(what: Callable[[], object], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def gone(pid: int) -> bool:
    return not alive(pid)
