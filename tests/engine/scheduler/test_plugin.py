"""The plugin on a real scheduler, with a real worker and client in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from distributed import Client, Scheduler, Worker

from wfkit.engine.scheduler import plugin
from wfkit.engine.scheduler.plugin import SchedulerSide, topic
from wfkit.engine.worker.side import WorkerSide


class Lab:
    """A scheduler with the plugin, one worker, one client, and the news of a run."""

    scheduler: Any
    worker: Any
    client: Any
    side: SchedulerSide

    def __init__(self) -> None:
        self.news: list[list[Any]] = []

    def tell(self, operation: str, **fields: object) -> None:
        self.client._send_to_scheduler({"op": f"wfkit-{operation}", "client": self.client.id, "run": "r1", **fields})

    async def until(self, reached: Callable[[], object]) -> None:
        deadline = time.monotonic() + 5
        while not reached():
            assert time.monotonic() < deadline, f"it did not come to that; news: {self.news}"
            await asyncio.sleep(0.005)

    def hear(self, event: tuple[float, list[list[Any]]]) -> None:
        self.news.extend(event[1])

    def kinds(self) -> list[str]:
        return [item[0] for item in self.news]

    def wanted(self) -> set[str]:
        lease = self.scheduler.clients.get("wfkit-lease-r1")
        return {ts.key for ts in lease.wants_what} if lease else set()


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    made = Lab()
    async with (
        Scheduler(port=0, dashboard=False, dashboard_address="127.0.0.1:0", host="127.0.0.1") as made.scheduler,
        Worker(made.scheduler.address, nthreads=1, dashboard=False, dashboard_address="127.0.0.1:0") as made.worker,
        Client(made.scheduler.address, asynchronous=True, set_as_default=False) as made.client,
    ):
        await made.client.register_plugin(SchedulerSide())
        await made.client.register_plugin(WorkerSide())
        made.side = made.scheduler.plugins[plugin.NAME]
        made.client.subscribe_topic(topic("r1"), made.hear)
        made.tell("lease", keys=[])
        await made.until(lambda: "r1" in made.side.runs)
        yield made


def in_lab(story: Callable[[Lab], Awaitable[None]]) -> None:
    async def tell() -> None:
        async with lab() as made:
            await story(made)

    asyncio.run(tell())


def inc(x: int) -> int:
    return x + 1


def test_a_lease_keeps_results_when_nobody_else_wants_them_and_release_frees_them() -> None:
    async def story(lab: Lab) -> None:
        future = lab.client.submit(inc, 1, key="inc-1")
        lab.tell("lease", keys=["inc-1"])
        await future
        future.release()
        await lab.until(lambda: {c.client_key for c in lab.scheduler.tasks["inc-1"].who_wants} == {"wfkit-lease-r1"})
        assert lab.scheduler.tasks["inc-1"].state == "memory"
        lab.tell("release")
        await lab.until(lambda: "inc-1" not in lab.scheduler.tasks and "r1" not in lab.side.runs)
        assert "wfkit-lease-r1" not in lab.scheduler.clients

    in_lab(story)


def test_many_results_are_released_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "_RELEASE_SLICE", 7)

    async def story(lab: Lab) -> None:
        futures = lab.client.map(inc, range(30), key=[f"inc-{n}" for n in range(30)])
        lab.tell("lease", keys=[f"inc-{n}" for n in range(30)])
        await lab.client.gather(futures)
        await lab.until(lambda: len(lab.wanted()) == 30)
        for future in futures:
            future.release()
        lab.tell("release")
        await lab.until(lambda: not lab.scheduler.tasks)

    in_lab(story)


def test_keys_that_dask_does_not_know_are_refused() -> None:
    async def story(lab: Lab) -> None:
        lab.tell("lease", keys=["nobody-1"])
        await lab.until(lambda: lab.news)
        assert [lab.news[0][0], list(lab.news[0][1])] == ["refused", ["nobody-1"]]

    in_lab(story)


def test_events_pass_in_order_and_those_of_unknown_runs_are_dropped() -> None:
    async def story(lab: Lab) -> None:
        lab.side.take_events("w", "nobody", [["x"]])
        for number in range(100):
            lab.side.take_events("w", "r1", [["event", number]])
        await lab.until(lambda: len(lab.news) == 100)
        assert [item[1][1] for item in lab.news] == list(range(100))
        assert lab.side.runs["r1"].busy

    in_lab(story)


def test_a_cancellation_is_answered_when_all_workers_have_confirmed() -> None:
    async def story(lab: Lab) -> None:
        lab.tell("cancel", request="q1")
        await lab.until(lambda: lab.kinds() == ["cancelled"])
        assert [lab.news[0][1], list(lab.news[0][2])] == ["q1", [lab.worker.address]]
        assert not lab.worker.plugins["wfkit-worker"].begin("r1", "g1", 0, None)

    in_lab(story)


def test_without_workers_a_cancellation_is_answered_at_once() -> None:
    async def story(lab: Lab) -> None:
        await lab.worker.close()
        await lab.until(lambda: not lab.scheduler.workers)
        lab.tell("cancel", request="q1")
        await lab.until(lambda: lab.kinds() == ["cancelled"])
        assert list(lab.news[0][2]) == []

    in_lab(story)


def test_a_worker_that_goes_is_not_waited_for_and_one_that_comes_learns_what_was_cancelled() -> None:
    async def story(lab: Lab) -> None:
        lab.worker.stream_handlers["wfkit-cancel"] = lambda **_: None  # it never confirms
        lab.tell("cancel", request="q1")
        await lab.until(lambda: "q1" in lab.side.runs["r1"].cancels)
        assert lab.news == []
        async with Worker(lab.scheduler.address, nthreads=1, dashboard=False, dashboard_address="127.0.0.1:0") as late:
            side = late.plugins["wfkit-worker"]
            await lab.until(lambda: not side.begin("r1", "g1", 0, None) if "r1" in side._cancelled else False)
            await lab.worker.close()
            await lab.until(lambda: "gone" in lab.kinds())
            assert lab.kinds() == ["cancelled", "gone"]
            assert list(lab.news[0][2]) == [late.address]

    in_lab(story)


def test_dropped_tasks_are_forgotten_and_those_of_another_run_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "_RELEASE_SLICE", 3)

    async def story(lab: Lab) -> None:
        keys = [f"inc-{n}" for n in range(10)]
        lab.client.map(inc, range(10), key=keys, resources={"never": 1})
        lab.tell("lease", keys=keys)
        lab.client._send_to_scheduler({"op": "wfkit-lease", "client": lab.client.id, "run": "r2", "keys": keys[:1]})
        await lab.until(lambda: "r2" in lab.side.runs and len(lab.wanted()) == 10)
        lab.tell("drop", keys=keys)
        await lab.until(lambda: set(lab.scheduler.tasks) == {"inc-0"})

    in_lab(story)


def test_tasks_that_dask_gave_up_are_news_with_who_is_to_blame() -> None:
    async def story(lab: Lab) -> None:
        def fail() -> None:
            raise ValueError("no")

        first = lab.client.submit(fail, key="fail-1", pure=False)
        second = lab.client.submit(inc, first, key="inc-1")
        lab.tell("lease", keys=["fail-1", "inc-1"])
        await lab.until(lambda: len(lab.news) == 2)
        by_key = {item[1]: item for item in lab.news}
        assert lab.kinds() == ["crashed", "crashed"]
        assert [by_key[key][2] for key in ("fail-1", "inc-1")] == ["fail-1", "fail-1"]
        assert "no" in by_key["fail-1"][3]
        assert list(by_key["fail-1"][4]) == [lab.worker.address]
        del first, second

    in_lab(story)


def test_results_of_an_owner_that_is_gone_are_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "ORPHAN_LEASE_S", 0.3)

    async def story(lab: Lab) -> None:
        async with Client(lab.scheduler.address, asynchronous=True, set_as_default=False) as owner:
            dask: Any = owner
            future = dask.submit(inc, 1, key="inc-9")
            dask._send_to_scheduler({"op": "wfkit-lease", "client": owner.id, "run": "r9", "keys": ["inc-9"]})
            await future
        assert lab.scheduler.tasks["inc-9"].state == "memory"
        await lab.until(lambda: "inc-9" not in lab.scheduler.tasks)
        await lab.until(lambda: "r9" not in lab.side.runs)
        assert "r1" in lab.side.runs

    in_lab(story)


def test_a_restart_of_the_cluster_is_news_of_every_run() -> None:
    async def story(lab: Lab) -> None:
        lab.side.restart(lab.scheduler)
        await lab.until(lambda: lab.kinds() == ["restarted"])

    in_lab(story)


def test_a_transition_that_is_no_end_in_error_costs_next_to_nothing() -> None:
    side = SchedulerSide()
    start_s = time.perf_counter()
    for _ in range(10_000):
        side.transition("key", "waiting", "processing")
    assert (time.perf_counter() - start_s) / 10_000 < 20e-6
