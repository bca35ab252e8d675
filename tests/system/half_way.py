"""A flow that stops half-way until it may go on, in a kernel or in this process, and what was executed of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import wfkit
from tests.system.kernels import Kernel, open_kernel
from tests.system.running import note, notes, started, until
from tests.system.surviving import LARGE_BYTES
from wfkit import task
from wfkit.core.states import TaskState
from wfkit.engine.driver.reading import ReadableRun
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.engine.driver.run import Run

#: Three wait for a file, so one of four threads goes on.
N, FAST = 12, 9
TOTAL: Final = sum(10 * x for x in range(N))

#: Most elements of `clean` complete at once, the others wait for a file; values are large, so they are stored.
BEGIN: Final = """
%load_ext wfkit
import os, time, wfkit
from wfkit import task

LOG, GATE, PAD = {log!r}, {gate!r}, b"." * {pad}

def note(stage, x):
    with open(LOG, "a") as file:
        file.write(f"{{stage}} {{x}}\\n")

@task(log_prints=True)
def load(i):
    note("load", i)
    print("loading", i)
    return i, PAD

@task
def clean(value):
    while value[0] >= {fast} and not os.path.exists(GATE):
        time.sleep(0.01)
    note("clean", value[0])
    return 10 * value[0], PAD

@task
def report(values):
    note("report", len(values))
    return sum(x for x, _ in values)
"""
FLOW: Final = """%%flow etl -p n={n} --no-wait
raw = load.map(range(n))
tidy = clean.map(raw)
summary = report(tidy)
"""


class Story:
    """A flow that stops half-way until it may go on, and what was executed of it."""

    def __init__(self, folder: Path) -> None:
        self.log, self.gate = folder / "log", folder / "gate"

    @contextmanager
    def kernel(self) -> Iterator[Kernel]:
        """A kernel with the tasks in it."""
        with open_kernel() as kernel:
            self.define(kernel)
            yield kernel

    def define(self, kernel: Kernel) -> None:
        code = BEGIN.format(log=str(self.log), gate=str(self.gate), pad=LARGE_BYTES, fast=FAST)
        assert kernel.run(code).traceback == []

    def start(self, kernel: Kernel) -> RecordedRun:
        """Run it half-way, as this process sees it on record."""
        assert kernel.run(FLOW.format(n=N)).traceback == []
        name = kernel.value("etl.last_run.id")
        until(lambda: name in [run.id for run in wfkit.runs()])
        run = cast("RecordedRun", wfkit.attach(name))
        until(lambda: half_way(run))
        return run

    def go_on(self) -> None:
        self.gate.touch()

    def check_rerun(self, kernel: Kernel, run_id: str) -> None:
        """From another kernel all is seen, and what is on record as completed is not executed again."""
        lines = notes(self.log)
        assert sorted(lines) == sorted([f"load {x}" for x in range(N)] + [f"clean {x}" for x in range(FAST)])
        kernel.run(f"run = wfkit.attach({run_id!r})")
        assert kernel.value("str(run.state)") == "INTERRUPTED"
        assert kernel.value("sorted(row.name for row in run.nodes if row.state == 'COMPLETED')") == sorted(
            [f"load[{x}]" for x in range(N)] + [f"clean[{x}]" for x in range(FAST)]
        )
        assert kernel.value("run['tidy'][3].result()[0]") == 30
        assert kernel.value("sorted(line.text for line in run.logs())") == sorted(f"loading {x}" for x in range(N))
        view, show, logs = [kernel.run(one) for one in ("run.view()", f"%flow show {run_id}", f"%flow logs {run_id}")]
        assert (bool(view.comm_id), show.shown[0][:15], "loading 0" in logs.printed) == (True, "etl INTERRUPTED", True)
        assert kernel.value("run.plan().counts") == {"run": N - FAST + 1, "reuse": N + FAST, "await": 0, "stale": 0}
        self.go_on()
        assert kernel.run("again = run.rerun().wait()").traceback == []
        assert kernel.value("(str(again.state), again['summary'].result())") == ("COMPLETED", TOTAL)
        assert sorted(notes(self.log)[len(lines) :]) == sorted([*(f"clean {x}" for x in range(FAST, N)), f"report {N}"])


def half_way(run: ReadableRun) -> bool:
    """Whether all that completes before the file is there is on record as completed."""
    return [row.state for row in wfkit.attach(run.id).nodes].count(TaskState.COMPLETED) >= N + FAST


@task
def load(log: Path, x: int) -> tuple[int, bytes]:
    note(log, f"load {x}")
    return x, b"." * LARGE_BYTES


@task
def clean(log: Path, gate: Path, value: tuple[int, bytes]) -> tuple[int, bytes]:
    until(lambda: value[0] < FAST or gate.exists())
    note(log, f"clean {value[0]}")
    return 10 * value[0], value[1]


@task
def report(values: Any) -> int:
    return sum(x for x, _ in values)


def begun(story: Story) -> Run:
    """The same flow in this process, half-way."""

    def body() -> object:
        raw = load.map([story.log] * N, range(N))
        return report(clean.map([story.log] * N, [story.gate] * N, raw))

    run = started(body)
    until(lambda: half_way(run))
    return run
