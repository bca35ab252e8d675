"""A scheduler with the plugin, workers that write down what they hear, a client, and the news of a run."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

import dask
from distributed import Client, Scheduler, Worker, WorkerPlugin

from wfkit.engine.scheduler import plugin
from wfkit.engine.scheduler.plugin import SchedulerSide, topic

#: Operations that a worker confirms.
CONFIRMED = {"cancel": "cancelled", "hold": "held"}


class Ear(WorkerPlugin):
    """The part of wfkit's worker side that matters here: it hears, and confirms."""

    name = "ear"

    def setup(self, worker: Any) -> None:
        self.worker = worker
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.knew: set[str] = set()  #: keys that were here before their notes
        self.confirms = True
        for operation in ("cancel", "hold", "answer", "notes"):
            worker.stream_handlers[f"wfkit-{operation}"] = self.listener(operation)

    def listener(self, operation: str) -> Callable[..., None]:
        def hear(**message: Any) -> None:
            self.heard.append((operation, message))
            self.knew |= self.worker.state.tasks.keys() & message.get("notes", {}).keys()
            if self.confirms and operation in CONFIRMED:
                self.tell(CONFIRMED[operation], request=message["request"])

        return hear

    def tell(self, operation: str, **fields: object) -> None:
        self.worker.batched_send({"op": f"wfkit-{operation}", "run": "r1", **fields})

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [message for name, message in self.heard if name == operation]

    @property
    def notes(self) -> dict[str, dict[str, Any]]:
        """The last note of each key."""
        return {key: dict(note) for message in self.of("notes") for key, note in message["notes"].items()}


class Lab:
    """A scheduler with the plugin, one worker, one client, and the news of a run."""

    scheduler: Any
    worker: Any
    client: Any
    side: SchedulerSide

    def __init__(self) -> None:
        self.news: list[list[Any]] = []
        self.gone: list[list[Any]] = []  #: of them those that a worker is gone, which every story of a loss has
        self.workers: list[Any] = []

    def tell(self, operation: str, run: str = "r1", **fields: object) -> None:
        self.client._send_to_scheduler({"op": f"wfkit-{operation}", "client": self.client.id, "run": run, **fields})

    async def until(self, reached: Callable[[], object]) -> None:
        deadline = time.monotonic() + 5
        while not reached():
            assert time.monotonic() < deadline, f"it did not come to that; news: {self.news}"
            await asyncio.sleep(0.005)

    def hear(self, event: tuple[float, list[list[Any]]]) -> None:
        for item in map(plain, event[1]):
            (self.gone if item[0] == "gone" else self.news).append(item)

    def kinds(self) -> list[str]:
        return [item[0] for item in self.news]

    def of(self, kind: str) -> list[list[Any]]:
        return [item for item in self.news if item[0] == kind]

    def wanted(self) -> set[str]:
        lease = self.scheduler.clients.get("wfkit-lease-r1")
        return {ts.key for ts in lease.wants_what} if lease else set()

    @property
    def ear(self) -> Ear:
        return ear_of(self.worker)

    async def submit(self, *keys: str, run: str = "r1", began: Collection[str] = (), **lease: Any) -> list[Any]:
        """Tasks that go on until the gate is opened; the first ones first."""
        submit = self.client.submit
        futures = [submit(wait, key, key=key, priority=-place) for place, key in enumerate(keys)]
        self.tell("lease", run=run, keys=list(keys), **lease)
        tasks = self.scheduler.tasks
        await self.until(lambda: all(key in tasks and tasks[key].processing_on for key in keys))
        await self.begin(*began)
        await self.until(lambda: self.wanted() >= set(keys) or run != "r1")
        return futures

    async def begin(self, *keys: str) -> None:
        """The worker tells that tasks have begun."""
        self.ear.tell("news", news=[], began=keys, rested=[])
        await self.until(lambda: all(self.side.executing.runs(key) for key in keys))

    async def lose(self, **options: Any) -> str:
        """The worker is gone, as Dask sees it; another one takes its place."""
        lost = self.worker
        address: str = lost.address
        self.worker = await new_worker(self.scheduler, lost.state.nthreads)
        self.workers.append(self.worker)
        await self.scheduler.remove_worker(address, stimulus_id="test", **options)
        return address


def plain(value: Any) -> Any:
    """Lists that travelled arrive as tuples."""
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def ear_of(worker: Any) -> Ear:
    ear = worker.plugins["ear"]
    assert isinstance(ear, Ear)
    return ear


def new_worker(scheduler: Any, nthreads: int = 1, **options: Any) -> Any:
    made: Any = Worker
    return made(
        scheduler.address,
        nthreads=nthreads,
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        **options,
    )


@asynccontextmanager
async def dask_config(settings: dict[str, Any]) -> AsyncIterator[None]:
    with dask.config.set(settings):
        yield


@asynccontextmanager
async def lab(nthreads: int = 1) -> AsyncIterator[Lab]:
    made = Lab()
    # As on our own clusters tasks go to workers at once; and they stay there.
    settings = {"distributed.scheduler.worker-saturation": float("inf"), "distributed.scheduler.work-stealing": False}
    async with (
        dask_config(settings),
        Scheduler(port=0, dashboard=False, dashboard_address="127.0.0.1:0", host="127.0.0.1") as made.scheduler,
        new_worker(made.scheduler, nthreads) as made.worker,
        Client(made.scheduler.address, asynchronous=True, set_as_default=False) as made.client,
    ):
        await made.client.register_plugin(SchedulerSide())
        await made.client.register_plugin(Ear())
        made.side = made.scheduler.plugins[plugin.NAME]
        made.client.subscribe_topic(topic("r1"), made.hear)
        made.tell("lease", keys=[])
        await made.until(lambda: "r1" in made.side.runs)
        GATE.clear()
        try:
            yield made
        finally:
            GATE.set()
            for worker in made.workers:
                await worker.close()


def in_lab(story: Callable[[Lab], Awaitable[None]], nthreads: int = 1) -> None:
    async def tell() -> None:
        async with lab(nthreads) as made:
            await story(made)

    asyncio.run(tell())


GATE = threading.Event()


def wait(key: str) -> str:
    assert GATE.wait(30)
    return key


def inc(x: int) -> int:
    return x + 1
