"""One small cluster inside the test process for runs, and a recorder that takes calls without any cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import distributed
import pytest
from distributed import Client, LocalCluster

import wfkit
from wfkit.authoring.context import FlowBody, TaskBody, inside
from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.task import Call
from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId
from wfkit.core.states import TaskState
from wfkit.session.session import close_session, session


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """Connected to one worker with two threads, in this process."""
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0") as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client
        close_session()


@pytest.fixture
def cluster(client: Client) -> Client:
    """The cluster that flows of the test run on."""
    here = session()
    if here._connection is None or here._connection.client is not client:
        wfkit.connect(client)
    return client


@dataclass
class Answering:
    """Answers for handles from plain values; names are those of the calls."""

    run: object = None
    values: dict[tuple[str, int | None], object] = field(default_factory=dict)
    lengths: dict[str, int | None] = field(default_factory=dict)
    waits: list[str] = field(default_factory=list)  #: "(" and ")" for each block in which somebody waited

    def state(self, ref: Ref) -> TaskState:
        return TaskState.COMPLETED if (ref.group, ref.index) in self.values else TaskState.RUNNING

    def name(self, ref: Ref) -> str:
        return f"{ref.group}[{ref.index}]" if ref.group in self.lengths and ref.index is not None else ref.group

    def length(self, group: GroupId) -> int | None:
        return self.lengths.get(group)

    def element(self, group: GroupId, k: int) -> Ref:
        return Ref(group, k)

    def wait(self, ref: Ref, timeout: float | None) -> bool:
        return (ref.group, ref.index) in self.values

    def result(self, ref: Ref, timeout: float | None) -> object:
        return self.values[(ref.group, ref.index)]

    def exception(self, ref: Ref, timeout: float | None) -> object:
        found = self.values[(ref.group, ref.index)]
        return found if isinstance(found, BaseException) else None

    def logs(self, ref: Ref) -> list[LogLine]:
        return []

    def cancel(self, ref: Ref) -> None:
        self.values[(ref.group, ref.index)] = None

    def future(self, ref: Ref) -> Any:
        return distributed.Future

    def preview(self, ref: Ref) -> str:
        return str(self.state(ref))

    def current(self, handle: Handle) -> Handle:
        return handle

    def rerun(self, handle: Handle) -> object:
        return ("rerun", handle)

    def when_done(self, ref: Ref, callback: Callable[[], None]) -> None:
        if (ref.group, ref.index) in self.values:
            callback()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self.waits.append("(")
        yield
        self.waits.append(")")


class Recording:
    """Takes calls as a run does, and keeps them."""

    id = "r-test"
    room = 1_000_000

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.subflows: list[str] = []
        self.given: list[dict[str, object]] = []
        self.branches: list[int | None] = []
        self.flattened: list[Handle] = []
        self.source = Answering()

    def record(self, call: Call) -> Handle:
        self.calls.append(call)
        mapped = call.mapped is not None
        group = GroupId(call.task.name)
        if call.mapped is not None:
            self.source.lengths[group] = call.mapped.length
        return Handle(
            self.source, Ref(group, None if mapped else 0), mapped=mapped, n_outputs=call.task.options.n_outputs
        )

    def flatten(self, handle: Handle) -> Handle:
        self.flattened.append(handle)
        return self.mapped_handle(f"flat {handle.name}")

    def subflow(self, name: str, given: Mapping[str, object], branch: int | None = None) -> Callable[[], None]:
        self.subflows.append(name)
        self.given.append(dict(given))
        self.branches.append(branch)
        return lambda: self.subflows.append(f"/{name}")

    def handle(self, name: str = "load", *, n_outputs: int | None = None) -> Handle:
        """A handle of a single task."""
        return Handle(self.source, Ref(GroupId(name), 0), n_outputs=n_outputs)

    def mapped_handle(self, name: str = "load", length: int | None = None) -> Handle:
        """A handle of a map."""
        self.source.lengths[GroupId(name)] = length
        return Handle(self.source, Ref(GroupId(name), None), mapped=True)


@pytest.fixture
def recording() -> Recording:
    """A recorder whose body is not open."""
    return Recording()


@pytest.fixture
def body(recording: Recording) -> Iterator[Recording]:
    """A recorder whose flow body is open in this test."""
    with inside(FlowBody(recording, "etl")):
        yield recording


def task_body(recorder: Recording | None = None, name: str = "outer") -> TaskBody:
    """A task body that spawns into a recorder, or one in a process of its own."""
    return TaskBody(
        run_id="r-1",
        flow_name="etl",
        task_name=name,
        map_index=3,
        attempt=2,
        idempotency_key="k",
        worker="w",
        recorder=recorder,
    )


@pytest.fixture
def in_task(recording: Recording) -> Iterator[Recording]:
    """A recorder into which the task body spawns that is open in this test."""
    with inside(task_body(recording)):
        yield recording
