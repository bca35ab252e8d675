"""Two hundred kernels, workers and schedulers are killed at random, and runs go on until they are complete."""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

import wfkit
from tests.system.running import notes, until
from tests.system.surviving import forget_owners
from wfkit.core.states import RUN_ENDS, TaskState
from wfkit.engine.driver.reading import ReadableRun

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

KILLS: Final = 200
N: Final = 40

#: Plays the kernel: runs a flow, or goes on from a run on record, and says what there is to kill.
KERNEL: Final = """
import json, os, sys, time
import wfkit
from wfkit import flow, task
from wfkit.session.session import session

def note(line):
    with open(os.environ["LOG"], "a") as file:
        file.write(f"{os.environ['GENERATION']} {line}\\n")

@task
def load(i):
    note(f"load[{i}]")
    time.sleep(0.02 * (i % 3))
    return i, b"." * (5_000 if i % 2 else 10)

@task
def clean(value):
    note(f"clean[{value[0]}]")
    time.sleep(0.02 * (value[0] % 4))
    return 10 * value[0], value[1]

@task
def report(values):
    note("report")
    return sum(x for x, _ in values)

@flow
def etl(n):
    return report(clean.map(load.map(range(n))))

client = session().engine().cluster.client
pids = {"kernel": [os.getpid()], "scheduler": [client.run_on_scheduler(os.getpid)],
        "worker": list(client.run(os.getpid).values())}
print(json.dumps(pids), flush=True)
before = sys.argv[1]
run = wfkit.attach(before).rerun() if before else etl.start(int(sys.argv[2]))
print(run.id, flush=True)
print(run.wait().state.value, flush=True)
"""


class Lineage:
    """A run, and all that went on from it until one was complete, under random kills."""

    def __init__(self, log: Path, choose: random.Random) -> None:
        self.log, self.choose = log, choose
        self.runs: list[str] = []
        self.killed: list[str] = []

    def go_on(self, *, kill: bool) -> None:
        """One generation: a kernel starts or goes on from the run before, and something is killed on the way."""
        before = self.runs[-1] if self.runs else ""
        named = {"LOG": str(self.log), "GENERATION": str(len(self.runs))}
        command = [sys.executable, "-c", KERNEL, before, str(N)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | named)
        assert process.stdout is not None
        pids = json.loads(process.stdout.readline())
        self.runs.append(process.stdout.readline().strip())
        until(lambda: self.runs[-1] in [run.id for run in wfkit.runs()])
        if kill:
            time.sleep(self.choose.uniform(0.0, 1.0))  # somewhere in the run
            victim = self.choose.choice(list(pids))
            self.killed.append(victim)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.choose.choice(pids[victim]), signal.SIGKILL)
        else:
            self.killed.append("")
        process.communicate(timeout=120)
        until(lambda: not any(map(psutil.pid_exists, pids["scheduler"])))
        forget_owners()
        until(lambda: self.run.state in RUN_ENDS)

    @property
    def run(self) -> ReadableRun:
        """The last one, as it is on record."""
        return wfkit.attach(self.runs[-1])

    def check(self) -> None:
        """Nothing that was completed was lost, or executed again without a reason."""
        lines = Counter(notes(self.log))
        expected: dict[str, Any] = {"report": 10 * sum(range(N))}
        for generation, identity in enumerate(self.runs):
            run = wfkit.attach(identity)
            assert run.state in RUN_ENDS
            done = {row.name for row in run.nodes if row.state in {TaskState.COMPLETED, TaskState.REUSED}}
            later = {line.split()[1] for line in lines if int(line.split()[0]) > generation}
            assert not done & later, (identity, self.killed, sorted(done & later))
            for name in done:
                value: Any = run.node(name).result()
                place = int(name.partition("[")[2].rstrip("]") or 0)
                wanted = expected.get(name, 10 * place if name.startswith("clean") else place)
                assert (value if name == "report" else value[0]) == wanted
            if self.killed[generation] != "worker":  # else what it held and had not stored is made again
                assert all(lines[f"{generation} {name}"] <= 1 for name in done)
        assert self.run.state == "COMPLETED"


def survive(folder: Path, kills: int) -> None:
    seed = secrets.randbelow(2**32)
    choose = random.Random(seed)
    print(f"seed {seed}")
    done = 0
    while done < kills:
        lineage = Lineage(folder / f"log-{done}", choose)
        for number in range(1, 10):
            lineage.go_on(kill=number < 5)
            if lineage.run.state == "COMPLETED":
                break
        lineage.check()
        done += sum(map(bool, lineage.killed))
    assert {run.state for run in wfkit.runs(limit=500)} <= RUN_ENDS


def test_two_hundred_random_kills_lose_nothing_and_repeat_nothing(home: Path, tmp_path: Path) -> None:
    survive(tmp_path, KILLS)
