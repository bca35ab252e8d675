"""Runs survive kernels, clusters and schedulers that die or freeze in the middle, and a record that breaks."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

import wfkit
from tests.system.kernels import Kernel, gone, open_kernel
from tests.system.running import note, notes, own_cluster, reason, started, until
from tests.system.surviving import LARGE_BYTES, ends_on_record, forget_owners, history
from wfkit import task
from wfkit.core.states import TaskState
from wfkit.engine.driver.reading import ReadableRun
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.engine.driver.run import Run
from wfkit.errors import CannotRerun, NotDrivenHere, ResultLost

pytestmark = pytest.mark.timeout(60)

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


def is_interrupted(run: ReadableRun) -> bool:
    return [one.state for one in wfkit.runs() if one.id == run.id] == ["INTERRUPTED"]


@pytest.fixture
def story(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setenv("WFKIT_CLUSTER_N_WORKERS", "2")
    monkeypatch.setenv("WFKIT_CLUSTER_THREADS_PER_WORKER", "2")
    return Story(tmp_path)


# --- kernels (F51, F52) ---


def test_others_see_within_30_seconds_that_a_kernel_was_killed_and_a_new_one_goes_on(story: Story) -> None:
    with story.kernel() as kernel:
        run = story.start(kernel)
        below = kernel.children
        kernel.process.kill()
        killed_s = time.monotonic()
        assert gone(below)
        assert wfkit.attach(run.id).state == "RUNNING"
        until(lambda: is_interrupted(run), timeout=30)
        assert 5 < time.monotonic() - killed_s < 30
        assert wfkit.attach(run.id).view_model.reason == "the kernel that drove it is gone"
    with story.kernel() as kernel:
        story.check_rerun(kernel, run.id)


def test_a_restarted_kernel_goes_on(story: Story, home: Path) -> None:
    with story.kernel() as kernel:
        run = story.start(kernel)
        below = kernel.children
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=30)
        assert gone(below)
        forget_owners()
        story.define(kernel)
        story.check_rerun(kernel, run.id)


def test_a_kernel_that_is_asked_to_end_says_so(story: Story, home: Path) -> None:
    with story.kernel() as kernel:
        run = story.start(kernel)
        kernel.manager.shutdown_kernel()
        until(lambda: is_interrupted(run))
        assert wfkit.attach(run.id).view_model.reason == "the session was closed"
    with story.kernel() as kernel:
        story.check_rerun(kernel, run.id)


# --- clusters and schedulers ---


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


def check_rerun_here(story: Story, run: Run) -> None:
    """What was completed when the cluster went is not executed again."""
    lines = notes(story.log)
    story.go_on()
    again = run.rerun().wait(30)
    assert (again.state, again.result()) == ("COMPLETED", TOTAL)
    assert sorted(notes(story.log)[len(lines) :]) == sorted(f"clean {x}" for x in range(FAST, N))


def test_after_the_cluster_was_killed_a_rerun_goes_on_with_a_new_one(story: Story) -> None:
    with own_cluster() as workers:
        run = begun(story)
        os.kill(workers.client.run_on_scheduler(os.getpid), signal.SIGKILL)
        run.wait(20)
        assert (run.state, run.view_model.reason) == ("INTERRUPTED", "the Dask scheduler is gone")
        check_rerun_here(story, run)


@contextmanager
def dask_processes(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and a worker, started as in a terminal; the scheduler's address, and the processes."""
    where = folder / "scheduler.json"
    quiet = ["--no-dashboard", "--scheduler-file", str(where)]
    with ExitStack() as stack:

        def start(*command: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([sys.executable, "-m", *command, *quiet], stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        scheduler = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        worker = start("distributed.cli.dask_worker", "--nthreads", "4", "--no-nanny")
        until(where.exists)
        yield json.loads(where.read_text())["address"], [scheduler, worker]


def test_after_the_scheduler_was_killed_a_rerun_goes_on_elsewhere(story: Story, tmp_path: Path) -> None:
    with dask_processes(tmp_path) as (address, (scheduler, worker)):
        wfkit.connect(address)
        run = begun(story)
        scheduler.kill()
        run.wait(20)
        worker.kill()  # what it executes now is not on record any more
        assert (run.state, run.view_model.reason) == ("INTERRUPTED", "the Dask scheduler is gone")
        wfkit.connect()
        check_rerun_here(story, run)


# --- two that look at one run (F53, F54) ---


def test_of_two_kernels_one_drives_the_run_and_the_other_looks_on(story: Story) -> None:
    with story.kernel() as owner:
        run: Any = story.start(owner)
        with pytest.raises(NotDrivenHere, match="is driven by another process"):
            run.cancel()
        with pytest.raises(NotDrivenHere, match="is driven by another process"):
            run["tidy"].cancel()
        with pytest.raises(CannotRerun, match="still goes on in another process"):
            run.rerun()
        assert run["tidy"][3].result()[0] == 30
        story.go_on()
        assert (run.wait(20).state, run["summary"].result()) == ("COMPLETED", TOTAL)
        assert owner.value("(str(etl.last_run.wait().state), summary.result())") == ("COMPLETED", TOTAL)


RACE: Final = """
import os, sys
import wfkit, wfkit.session.keeping, wfkit.session.lookup
ready, go, found = os.pipe(), os.pipe(), os.pipe()
for _ in range(50):
    if os.fork() == 0:
        os.close(go[1])
        os.write(ready[1], b".")
        os.read(go[0], 1)
        os.write(found[1], f"{[run.state.value for run in wfkit.runs()]}\\n".encode())
        os._exit(0)
for _ in range(50):
    os.read(ready[0], 1)
os.close(go[1])
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
print(os.read(found[0], 100_000).decode())
"""


def test_fifty_processes_that_find_a_run_without_its_owner_end_it_once(story: Story, home: Path) -> None:
    with story.kernel() as kernel:
        run = story.start(kernel)
        kernel.process.kill()
        kernel.process.wait()
        forget_owners()
        told = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=True).stdout
    assert [line for line in told.splitlines() if line] == ["['INTERRUPTED']"] * 50
    assert [end.reason for end in ends_on_record(run.id)] == ["the kernel that drove it is gone"]


def test_an_owner_that_froze_for_longer_than_its_lease_becomes_a_viewer(story: Story, home: Path) -> None:
    with story.kernel() as owner:
        run = story.start(owner)
        owner.process.suspend()
        forget_owners()
        until(lambda: is_interrupted(run))
        owner.process.resume()
        owner.run("etl.last_run.wait()")
        ended = ("INTERRUPTED", "another process has taken the run over, or ended it when this one was not heard of")
        assert owner.value("(str(etl.last_run.state), etl.last_run.view_model.reason)") == ended
        known = wfkit.attach(run.id)
        assert len(ends_on_record(run.id)) == 1
        assert known.view_model.reason == "the kernel that drove it is gone"
        assert half_way(known)
        story.go_on()
        lines = notes(story.log)
        assert owner.value("str(etl.last_run.rerun().wait().state)") == "COMPLETED"
        executed = notes(story.log)[len(lines) :]
        assert executed.count(f"report {N}") == 1
        assert ends_on_record(run.id)[0].state == "INTERRUPTED"


# --- a record and results that break (F60, F62, F66) ---


def test_a_run_goes_on_while_another_process_holds_the_database_and_is_on_record_then(story: Story, home: Path) -> None:
    with own_cluster():
        story.go_on()
        begun(story).wait(20)
        with closing(sqlite3.connect(home / "history.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            run = started(lambda: [load.map([story.log] * N, range(N))]).wait(20)
            assert (run.state, run.view_model.reason) == ("COMPLETED", "")
            other.execute("COMMIT")
        assert history().flush(20)
        assert history().trouble == ""
        assert list(history().view(run.id).counts()) == list(run.view_model.counts())


def limit_files(size_bytes: int) -> None:
    """What a full disk does: no file grows beyond this."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_results_that_find_no_room_cost_the_store_and_not_the_run(story: Story) -> None:
    with own_cluster() as workers:
        story.go_on()
        workers.client.run(limit_files, 1_000)
        run = started(lambda: [report(load.map([story.log] * N, range(N)))]).wait(20)
        workers.client.run(limit_files, resource.RLIM_INFINITY)
        assert (run.state, run.node("report").result()) == ("COMPLETED", sum(range(N)))
        assert run.plan().counts["run"] == 0
        scheduler = psutil.Process(workers.client.run_on_scheduler(os.getpid))
        scheduler.kill()
        assert gone({scheduler})
        until(lambda: run.engine.cluster.status != "running")
        assert {row.reason for row in run.plan() if row.name.startswith("load")} == {
            "its result is lost: it was in cluster memory only"
        }
        again = run.rerun().wait(20)
        assert (again.state, str(again.node("load[3]").result())[:3]) == ("COMPLETED", "(3,")
        assert len(notes(story.log)) == 2 * N


def test_results_that_are_damaged_missing_or_swapped_are_made_again_and_no_others(story: Story, home: Path) -> None:
    with own_cluster():
        story.go_on()
        run = begun(story).wait(20)
        stored = run.view_model.groups[run.node("load")._ref.group].stored
        files = [home / "results" / stored[index] for index in range(4)]
    files[0].write_bytes(files[0].read_bytes()[:-10])
    files[1].unlink()
    damaged = bytearray(files[2].read_bytes())
    damaged[-1] ^= 1
    files[2].write_bytes(damaged)
    files[3].write_bytes((home / "results" / stored[4]).read_bytes())
    with own_cluster():
        story.log.unlink()
        known = wfkit.attach(run.id)
        for index in range(4):
            with pytest.raises(ResultLost):
                known.node(f"load[{index}]").result()
        seen_at_once = {f"load[{index}]" for index in (0, 1, 3)}  # what head and size of a file tell
        assert {row.name for row in known.plan() if row.reason.startswith("its result is lost")} == seen_at_once
        failed = known.rerun("clean[2]").wait(20)
        assert reason(failed, "clean[2]").endswith("CRASHED")
        again = known.rerun("load[2]").wait(20)
        assert (again.state, again.result()) == ("COMPLETED", TOTAL)
        executed = notes(story.log)
        assert {line for line in executed if line.startswith("load")} == {f"load {x}" for x in range(4)}
