"""Runs survive kernels, clusters and schedulers that die or freeze in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

import wfkit
from tests.system.half_way import FAST, TOTAL, N, Story, begun, half_way
from tests.system.kernels import gone
from tests.system.running import notes, own_cluster, until
from tests.system.surviving import ends_on_record, forget_owners
from wfkit.engine.driver.reading import ReadableRun
from wfkit.engine.driver.run import Run
from wfkit.errors import CannotRerun, NotDrivenHere

pytestmark = pytest.mark.timeout(60)


def is_interrupted(run: ReadableRun) -> bool:
    return [one.state for one in wfkit.runs() if one.id == run.id] == ["INTERRUPTED"]


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
