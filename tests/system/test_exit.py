"""How a plain script ends that used wfkit: silently, at once, and alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.system.kernels import gone

SCRIPT: Final = """
import signal, sys, time
from wfkit import task, flow, connect

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it

@task
def inc(x):
    return x + 1

@task
def endless():
    while True:
        time.sleep(0.01)

@flow
def etl(n: int = 3):
    return inc.map(range(n))

@flow
def stuck():
    endless()
    while True:
        time.sleep(0.01)

def address():
    return connect().address
"""
#: What a script does last -> its exit status, and what it leaves on the terminal.
ENDS: Final = {
    "print(etl())": (0, "[1, 2, 3]\n"),
    "print(etl()); sys.exit(3)": (3, "[1, 2, 3]\n"),
    "run = stuck.start(); print(run.state)": (0, "RUNNING\n"),
    "run = etl.start(200); print(run.result() == list(range(1, 201)))": (0, "True\n"),
    "from distributed import Client; c = Client(address()); d = Client(address()); print(etl())": (0, "[1, 2, 3]\n"),
    "import distributed; print(etl()); c = distributed.Client(address(), set_as_default=False)": (0, "[1, 2, 3]\n"),
}


def started(tmp_path: Path, end: str) -> subprocess.Popen[str]:
    script = tmp_path / "script.py"
    script.write_text(f"{SCRIPT}\n{end}\n")
    command = [sys.executable, str(script)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)


@pytest.mark.parametrize("end", ENDS)
def test_a_script_ends_without_a_word_of_dask(tmp_path: Path, end: str) -> None:
    process = started(tmp_path, end)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (*ENDS[end], "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_script_that_is_stopped_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, "print('up', flush=True)\nstuck.start()\nprint('in', flush=True)\nstuck()")
    assert process.stdout is not None
    assert [process.stdout.readline(), process.stdout.readline()] == ["up\n", "in\n"]
    below = set(psutil.Process(process.pid).children(recursive=True))
    assert len(below) > 2
    process.send_signal(number)
    stopped_s = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - stopped_s < 10
    assert gone(below)
    assert "distributed" not in err
    assert err == "" if number != signal.SIGINT else err.endswith("KeyboardInterrupt\n")
