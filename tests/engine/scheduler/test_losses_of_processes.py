"""Real worker processes that are killed, run out of memory, or freeze: what is said, who is blamed, what goes on."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest
from distributed import Client, get_worker

from tests.engine.scheduler.lab import Ear, plain
from wfkit.clusters.connect import connect
from wfkit.clusters.local import LocalOptions, start_local
from wfkit.engine.scheduler.plugin import SchedulerSide, topic

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    connection = connect(start_local(LocalOptions(n_workers=2, threads_per_worker=2, memory_limit="400 MB")))
    client: Any = connection.client
    client.register_plugin(SchedulerSide())
    client.register_plugin(Ear())
    yield client
    connection.close()


class Run:
    """A run without a driver: plain Dask tasks with a lease."""

    numbers = itertools.count(1)

    def __init__(self, client: Any) -> None:
        self.client = client
        self.name = f"r{next(self.numbers)}"
        self.news: list[list[Any]] = []
        self.client.subscribe_topic(topic(self.name), lambda event: self.news.extend(plain(item) for item in event[1]))

    def tell(self, operation: str, **fields: object) -> None:
        message = {"op": f"wfkit-{operation}", "client": self.client.id, "run": self.name, **fields}
        self.client._send_to_scheduler(message)

    def submit(self, function: Callable[..., object], *arguments: object) -> Any:
        key = f"{function.__name__}-{next(self.numbers)}"
        future = self.client.submit(task, function, self.name, *arguments, key=key)
        self.tell("lease", keys=[key])
        return future

    def until(self, reached: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not reached():
            assert time.monotonic() < deadline, f"it did not come to that; news: {self.news}"
            time.sleep(0.01)

    @property
    def words(self) -> list[str]:
        return [item[2] for item in self.news if item[0] == "lost"]

    @property
    def blamed(self) -> list[list[Any]]:
        return [entry for item in self.news if item[0] == "lost" for entry in item[3]]


def task(function: Callable[..., object], run: str, *arguments: object) -> object:
    """What wfkit's envelope does: it looks at its note, and tells that it begins."""
    worker: Any = get_worker()
    ear, key = worker.plugins["ear"], worker.get_current_task()
    if reason := ear.notes.get(key, {}).get("condemned"):
        return f"condemned: {reason}"
    tell = {"op": "wfkit-news", "run": run, "news": [["began", key]], "began": [key], "rested": []}
    worker.loop.add_callback(worker.batched_send, tell)
    return function(*arguments)


def die_soon(signal_number: int) -> None:
    time.sleep(0.1)
    os.kill(os.getpid(), signal_number)
    time.sleep(10)


def die_at_once() -> None:
    os._exit(3)


def freeze_once(flag: Path) -> str:
    if not flag.exists():
        flag.write_text(f"{os.getpid()}")
        time.sleep(0.1)  # so that the news of the start gets away
        os.kill(os.getpid(), signal.SIGSTOP)
    return "moved"


def is_frozen(flag: Path) -> bool:
    pid = flag.read_text() if flag.exists() else ""
    return bool(pid) and psutil.Process(int(pid)).status() == psutil.STATUS_STOPPED


def fill_the_memory() -> None:
    kept = []
    while True:
        kept.append(bytearray(b"x" * 8_000_000))
        time.sleep(0.01)


def test_a_task_that_kills_its_workers_is_condemned_and_its_neighbours_are_done_once(client: Client) -> None:
    run = Run(client)
    done = [run.submit(abs, -number) for number in range(5)]
    assert [future.result(timeout=20) for future in done] == list(range(5))
    killer = run.submit(die_soon, signal.SIGKILL)
    others = [run.submit(time.sleep, 0.3) for _ in range(8)]
    assert killer.result(timeout=30) == "condemned: worker lost"
    assert [future.result(timeout=20) for future in others] == [None] * 8
    run.until(lambda: run.words.count("killed by signal 9 (SIGKILL)") == 3)
    assert [entry[1:] for entry in run.blamed if entry[0] == killer.key] == [[1, ""], [2, ""], [3, "worker lost"]]
    assert not [entry for entry in run.blamed if entry[2] and entry[0] != killer.key]
    run.tell("release")


def test_a_task_whose_start_nobody_heard_of_is_found_guilty_too(client: Client) -> None:
    run = Run(client)
    killer = run.submit(die_at_once)
    assert killer.result(timeout=30) == "condemned: worker lost"
    run.until(lambda: run.words.count("its process exited with status 3") == 3)
    run.tell("release")


def test_out_of_memory_is_not_tried_again(client: Client) -> None:
    run = Run(client)
    hog = run.submit(fill_the_memory)
    assert hog.result(timeout=30) == "condemned: memory"
    run.until(lambda: run.blamed)
    assert run.blamed == [[hog.key, 1, "memory"]]
    assert run.words[0].startswith("out of memory: ")
    assert run.words[0].endswith("MiB of 381 MiB")
    run.tell("release")


def test_a_worker_that_does_not_answer_is_given_up(client: Client, tmp_path: Path) -> None:
    async def look_now(key: str, dask_scheduler: Any = None) -> None:
        """What Dask does when a worker has said nothing for 30 s, only sooner."""
        dask_scheduler.tasks[key].processing_on.last_seen -= 60
        await dask_scheduler.check_worker_ttl()

    run = Run(client)
    flag = tmp_path / "flag"
    frozen = run.submit(freeze_once, flag)
    run.until(lambda: is_frozen(flag))
    client.run_on_scheduler(look_now, frozen.key)
    assert frozen.result(timeout=30) == "moved"
    run.until(lambda: run.words)
    assert run.words == ["did not answer for 30 s"]
    assert run.blamed == [[frozen.key, 1, ""]]
    run.tell("release")
