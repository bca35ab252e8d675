"""Isolated attempts that crash, hang or are killed cost the worker nothing."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.engine.worker.isolating import Lines, gone, run, until
from wfkit.engine.worker.isolated import ProcessDied
from wfkit.engine.worker.stop import Stop, Stopped
from wfkit.errors import TaskTimeout

pytestmark = pytest.mark.timeout(60)


# --- it dies ---


def crash() -> None:
    ctypes.string_at(0)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda: os._exit(3), "ended with exit code 3 before it had a result"),
        (lambda: os._exit(0), "ended with exit code 0 before it had a result"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "was killed by signal 9 (SIGKILL)"),
        (lambda: os.abort(), "was killed by signal 6 (SIGABRT)"),  # noqa: PLW0108 - pickled by value
    ],
)
def test_a_process_that_dies_says_how(function: Callable[[], object], reason: str) -> None:
    with pytest.raises(ProcessDied) as caught:
        run(function)
    assert caught.value.reason == f"its process {reason}"


def test_a_crash_leaves_its_lines_and_says_where() -> None:
    def talk_and_crash() -> None:
        print("the last line")
        crash()

    lines = Lines()
    with pytest.raises(ProcessDied, match="signal 11") as caught:
        run(talk_and_crash, lines=lines, prints=True)
    assert lines.texts == ["the last line"]
    assert "Segmentation fault" in caught.value.last_words
    assert "in crash" in caught.value.last_words
    assert "isolated_child" not in caught.value.last_words


def test_a_copy_of_the_process_has_no_say() -> None:
    def fork() -> str:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        print("said")
        return "the original" if child else "the copy"

    lines = Lines()
    assert run(fork, lines=lines, prints=True) == "the original"
    assert lines.texts == ["said"]


def test_a_process_that_closes_all_its_files_dies_for_it() -> None:
    with pytest.raises(ProcessDied):
        run(lambda: os.closerange(3, 1_000))


# --- it is killed ---


def endless() -> None:
    """A call into C that never looks for exceptions."""
    ctypes.PyDLL(None).sleep(60)


def test_what_never_ends_is_killed_at_its_limit() -> None:
    run(int)  # the nursery starts
    start_s = time.monotonic()
    with pytest.raises(TaskTimeout, match=r"timeout_seconds=0\.2, and its process was killed"):
        run(endless, timeout_s=0.2)
    assert time.monotonic() - start_s < 2


def test_a_request_kills_it_at_once(tmp_path: Path) -> None:
    def begin(mark: Path) -> None:
        mark.touch()
        endless()

    stop = Stop()
    asked: list[float] = []

    def ask() -> None:
        until((tmp_path / "begun").exists)
        asked.append(time.monotonic())
        stop.request("cancelled")

    threading.Thread(target=ask).start()
    with pytest.raises(Stopped) as caught:
        run(begin, tmp_path / "begun", stop=stop)
    assert caught.value.reason == "cancelled"
    assert time.monotonic() - asked[0] < 5  # 0.05 on a quiet machine; left alone it stays for 60


def test_what_is_stopped_before_never_begins(tmp_path: Path) -> None:
    stop = Stop()
    stop.request("cancelled")
    with pytest.raises(Stopped):
        run((tmp_path / "begun").touch, stop=stop)
    assert not (tmp_path / "begun").exists()


def test_requests_at_every_moment_stop_it_or_come_too_late() -> None:
    for round_ in range(60):
        stop = Stop()
        timer = threading.Timer(0.0001 * round_, stop.request, args=("now",))
        timer.start()
        try:
            assert run(lambda x: len(x), bytes(1_000_000), stop=stop) == 1_000_000  # noqa: PLW0108 - pickled by value
        except Stopped:
            assert stop.requested
        timer.join()


def start_more(mark: Path) -> None:
    child = subprocess.Popen(["sleep", "60"])
    mark.with_suffix(".new").write_text(f"{os.getpid()} {child.pid}")
    mark.with_suffix(".new").rename(mark)


def start_more_and_stay(mark: Path) -> None:
    start_more(mark)
    endless()


@pytest.mark.parametrize("stays", [False, True])
def test_what_it_has_started_ends_with_it(tmp_path: Path, stays: bool) -> None:
    mark = tmp_path / "pids"
    if stays:
        with pytest.raises(TaskTimeout):
            run(start_more_and_stay, mark, timeout_s=5)
    else:
        run(start_more, mark)
    for pid in map(int, mark.read_text().split()):
        until(partial(gone, pid))


WORKER = """
import sys
from pathlib import Path
from tests.engine.worker.isolating import run
from tests.engine.worker.test_isolated_deaths import start_more_and_stay
run(start_more_and_stay, Path(sys.argv[1]))
"""


def test_all_ends_with_the_worker(tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-c", WORKER, str(mark)], cwd=Path(__file__).parents[3]) as worker:
        until(mark.exists, 30)
        family = [process.pid for process in psutil.Process(worker.pid).children(recursive=True)]
        assert len(family) >= 3  # the nursery, the task, and what that has started
        worker.kill()
    for pid in family:
        until(partial(gone, pid))
