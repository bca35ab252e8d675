"""Isolated attempts are as attempts in a thread: values, errors, lines; and they leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.engine.worker.isolating import Lines, run, until
from tests.system import hostile
from wfkit.authoring.context import current
from wfkit.authoring.options import task_options
from wfkit.authoring.secrets import Secret, redacted
from wfkit.authoring.signals import Fail, Retry, Skip
from wfkit.authoring.task import task
from wfkit.core.states import TaskState
from wfkit.engine.worker.ends import end_of
from wfkit.engine.worker.failure import describe
from wfkit.engine.worker.isolated import ProcessDied
from wfkit.errors import NotInFlow, NotPicklable, TaskFailed

pytestmark = pytest.mark.timeout(60)


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


def test_what_it_logs_prints_and_warns_is_seen_while_it_runs(tmp_path: Path) -> None:
    def talk(gate: Path) -> None:
        logging.getLogger("own").error("logged")
        print("printed")
        warnings.warn("warned", stacklevel=1)
        while not gate.exists():
            time.sleep(0.01)

    lines = Lines()
    thread = threading.Thread(target=run, args=(talk, tmp_path / "go"), kwargs={"lines": lines, "prints": True})
    thread.start()
    until(lambda: len(lines.lines) == 3)
    (tmp_path / "go").touch()
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
    assert me.num_fds() <= files
    assert threading.active_count() <= threads
    until(lambda: len(me.children(recursive=True)) <= processes)


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


# --- secrets ---

CANARY = "canary-in-a-process/7f3a"


def test_a_secret_that_only_the_process_has_read_is_hidden_and_known_to_the_worker_afterwards() -> None:
    def read(backwards: str) -> str:
        secret = Secret(backwards[::-1])
        print(secret.get())
        return secret.get()

    lines = Lines()
    assert redacted(CANARY) == CANARY
    assert run(read, CANARY[::-1], lines=lines, prints=True) == CANARY
    assert lines.texts == ["***"]
    assert redacted(CANARY) == "***"


def test_an_exception_with_a_secret_is_still_itself_on_the_worker_so_that_it_can_be_tried_again() -> None:
    def fail(secret: Secret) -> None:
        raise KeyError(secret.get())

    with pytest.raises(KeyError) as caught:
        run(fail, Secret("canary-in-an-isolated-error"))
    assert caught.value.args == ("canary-in-an-isolated-error",)
    info = describe(caught.value)
    assert info.pickled is None
    assert "canary" not in repr(info)
