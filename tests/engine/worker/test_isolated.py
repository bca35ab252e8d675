"""Isolated attempts: what crashes, hangs or is killed there costs the worker nothing; all else is as in a thread."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.system import hostile
from wfkit.authoring.context import TaskBody, current
from wfkit.authoring.options import task_options
from wfkit.authoring.signals import Fail, Retry, Skip
from wfkit.authoring.task import task
from wfkit.core.events import LogLine
from wfkit.core.states import TaskState
from wfkit.engine.worker.ends import end_of
from wfkit.engine.worker.failure import describe
from wfkit.engine.worker.isolated import ProcessDied, call_isolated
from wfkit.engine.worker.logs import LogSink
from wfkit.engine.worker.stop import Stop, Stopped
from wfkit.errors import NotInFlow, NotPicklable, TaskFailed, TaskTimeout

pytestmark = pytest.mark.timeout(60)
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


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


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
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def gone(pid: int) -> bool:
    return not alive(pid)


# --- as in a thread ---


def test_it_runs_in_another_process_that_is_quick_to_start() -> None:
    assert run(os.getpid) != os.getpid()
    start_s = time.monotonic()
    assert run(lambda x, y: x - y, 5, y=2) == 3
    assert time.monotonic() - start_s < 1


def test_large_arrays_go_and_come() -> None:
    sent = np.arange(5_000_000, dtype=np.int64)
    back = run(lambda x: [x + 1, bytes(10), np.empty((0, 3))], sent)
    assert (back[0] == sent + 1).all()
    assert back[0].flags.writeable
    assert (len(back[1]), back[2].shape) == (10, (0, 3))


def test_coroutines_run_on_a_loop() -> None:
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    assert run(double, 4) == 8


def test_it_finds_the_folder_the_path_and_the_environment_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    run(int)
    monkeypatch.setenv("WFKIT_TEST_ONLY", "seen")
    monkeypatch.syspath_prepend("/only/here")
    monkeypatch.chdir("/usr")
    found = run(lambda: (os.environ.get("WFKIT_TEST_ONLY"), sys.path[0], str(Path.cwd())))
    assert found == ("seen", "/only/here", "/usr")


def test_current_is_known_there() -> None:
    found = run(lambda: (current.run_id, current.task_name, current.map_index, current.attempt, current.worker))
    assert found == ("r1", "load", 2, 3, "tcp://here")


def test_spawning_there_says_why_it_cannot() -> None:
    @task
    def child() -> None:
        pass

    with pytest.raises(NotInFlow, match="isolate"):
        run(lambda: child.submit())  # noqa: PLW0108 - a lambda that closes over the task


def test_what_it_logs_prints_and_warns_is_seen_while_it_runs(folder: Path) -> None:
    def talk(gate: Path) -> None:
        logging.getLogger("own").error("logged")
        print("printed")
        warnings.warn("warned", stacklevel=1)
        while not gate.exists():
            time.sleep(0.01)

    lines = Lines()
    thread = threading.Thread(target=run, args=(talk, folder / "go"), kwargs={"lines": lines, "prints": True})
    thread.start()
    until(lambda: len(lines.lines) == 3)
    (folder / "go").touch()
    thread.join()
    assert lines.texts[:2] == ["logged", "printed"]
    assert "UserWarning: warned" in lines.texts[2]
    assert [line.level for line in lines.lines] == [logging.ERROR, logging.INFO, logging.WARNING]


# --- errors ---


def test_an_error_comes_back_as_itself_with_its_traceback() -> None:
    with pytest.raises(ValueError, match="outer") as caught:
        run(hostile.raise_chain)
    text = describe(caught.value).traceback
    assert "in raise_chain" in text
    assert "KeyError: 'inner'" in text


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), hostile.Wicked(), asyncio.CancelledError()])
def test_errors_that_end_programs_end_the_attempt(error: BaseException) -> None:
    with pytest.raises(type(error)):
        run(hostile.raiser(lambda: error))


def test_an_error_that_cannot_travel_is_told() -> None:
    with pytest.raises(TaskFailed, match="NeedsTwo: a and b"):
        run(hostile.raiser(lambda: hostile.NeedsTwo("a", "b")))


def test_signals_and_retries_work_as_ever() -> None:
    def ended(error: BaseException) -> tuple[TaskState, str, float | None]:
        with pytest.raises(type(error)) as caught:
            run(hostile.raiser(lambda: error))
        end = end_of(caught.value, task_options({"retries": 2, "retry_on": (OSError,)}), 1)
        return end.state, end.reason, end.retry_in_s

    assert ended(Skip("today")) == (TaskState.SKIPPED, "today", None)
    assert ended(Fail("no")) == (TaskState.FAILED, "no", None)
    assert ended(Retry("again", delay_seconds=7))[2] == 7
    assert ended(OSError("disk"))[2] == 0
    assert ended(ValueError("x"))[2] is None


def test_a_result_that_cannot_be_pickled_is_named() -> None:
    with pytest.raises(NotPicklable, match=r"`load` returned .*result\['a'\]"):
        run(lambda: {"a": threading.Lock()})


def test_what_cannot_be_loaded_there_is_an_error_of_the_task() -> None:
    with pytest.raises(RuntimeError):
        run(lambda x: x, hostile.Unloadable())


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
    start_s = time.monotonic()
    with pytest.raises(TaskTimeout, match=r"timeout_seconds=0\.2, and its process was killed"):
        run(endless, timeout_s=0.2)
    assert time.monotonic() - start_s < 2


def test_a_request_kills_it_at_once(folder: Path) -> None:
    def begin(mark: Path) -> None:
        mark.touch()
        endless()

    stop = Stop()
    asked: list[float] = []

    def ask() -> None:
        until((folder / "begun").exists)
        asked.append(time.monotonic())
        stop.request("cancelled")

    threading.Thread(target=ask).start()
    with pytest.raises(Stopped) as caught:
        run(begin, folder / "begun", stop=stop)
    assert caught.value.reason == "cancelled"
    assert time.monotonic() - asked[0] < 0.5  # 0.05 on a quiet machine


def test_what_is_stopped_before_never_begins(folder: Path) -> None:
    stop = Stop()
    stop.request("cancelled")
    with pytest.raises(Stopped):
        run((folder / "begun").touch, stop=stop)
    assert not (folder / "begun").exists()


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
def test_what_it_has_started_ends_with_it(folder: Path, stays: bool) -> None:
    mark = folder / "pids"
    if stays:
        with pytest.raises(TaskTimeout):
            run(start_more_and_stay, mark, timeout_s=0.5)
    else:
        run(start_more, mark)
    for pid in map(int, mark.read_text().split()):
        until(partial(gone, pid))


WORKER = """
import sys
from pathlib import Path
from tests.engine.worker.test_isolated import run, start_more_and_stay
run(start_more_and_stay, Path(sys.argv[1]))
"""


def test_all_ends_with_the_worker(folder: Path) -> None:
    mark = folder / "pids"
    with subprocess.Popen([sys.executable, "-c", WORKER, str(mark)], cwd=Path(__file__).parents[3]) as worker:
        until(mark.exists, 30)
        family = [process.pid for process in psutil.Process(worker.pid).children(recursive=True)]
        assert len(family) >= 3  # the nursery, the task, and what that has started
        worker.kill()
    for pid in family:
        until(partial(gone, pid))


# --- and leaves nothing ---


def test_it_inherits_no_files_of_the_worker() -> None:
    def files() -> list[str]:
        found = [path for path in Path("/proc/self/fd").iterdir() if int(path.name) > 2 and path.is_symlink()]
        return [str(path.readlink()) for path in found if path.is_symlink()]

    with socket.socket() as ours:
        ours.set_inheritable(True)
        found = sorted(run(files))
    assert [name.partition(":")[0] for name in found] == ["/memfd", "socket"]  # for its last words, and to talk


def test_fifty_calls_leave_no_files_no_threads_and_no_zombies() -> None:
    run(int)
    me = psutil.Process()
    gc.collect()
    files, threads, processes = me.num_fds(), threading.active_count(), len(me.children(recursive=True))
    for round_ in range(50):
        if round_ % 5:
            run(int)
        else:
            with pytest.raises(ProcessDied):
                run(lambda: os._exit(1))
    assert me.num_fds() == files
    assert threading.active_count() <= threads
    until(lambda: len(me.children(recursive=True)) == processes)


def test_several_at_once_do_not_disturb_each_other() -> None:
    results: dict[int, int] = {}

    def one(number: int) -> None:
        results[number] = run(lambda n: sum(range(n)), number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: sum(range(number)) for number in range(16)}
