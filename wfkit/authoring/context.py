"""Where a call is made: in a flow body, in a task body, or in neither. It decides what the call does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from wfkit.errors import ForeignThread, NotInFlow

if TYPE_CHECKING:
    from wfkit.authoring.flow import Flow
    from wfkit.authoring.handle import Handle
    from wfkit.authoring.task import Call


class Recorder(Protocol):
    """What an open run offers to the calls in its body."""

    @property
    def id(self) -> str:
        """The id of the run."""

    def record(self, call: Call) -> Handle:
        """Add a call to the graph and return its handle at once."""

    def subflow(self, name: str) -> Callable[[], None]:
        """Put the calls that follow into a group of their own; calling the result closes it."""


@dataclass(frozen=True)
class FlowBody:
    """A flow body that is being executed."""

    recorder: Recorder
    flow_name: str
    asynchronous: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskBody:
    """A task body that is being executed, and what `wfkit.current` says in it."""

    run_id: str
    flow_name: str
    task_name: str
    map_index: int | None
    attempt: int  #: 1-based
    idempotency_key: str  #: the same for every attempt and execution of this node
    worker: str
    is_replay: bool = False


_PLACE: Final[ContextVar[FlowBody | TaskBody | None]] = ContextVar("wfkit_place", default=None)
_OPEN: Final[list[FlowBody]] = []
_OPEN_LOCK: Final = threading.Lock()
#: What was the place before each one that is entered now, by its id.
_OUTER: Final[dict[int, FlowBody | TaskBody | None]] = {}


@contextmanager
def inside(place: FlowBody | TaskBody) -> Iterator[None]:
    """Make `place` the place of all calls in the block, in this thread or coroutine."""
    enter(place)
    try:
        yield
    finally:
        leave(place)


def enter(place: FlowBody | TaskBody) -> None:
    """Make `place` the place of the calls that follow, until `leave`."""
    if isinstance(place, FlowBody):
        with _OPEN_LOCK:
            _OPEN.append(place)
    _OUTER[id(place)] = _PLACE.get()
    _PLACE.set(place)


def leave(place: FlowBody | TaskBody) -> None:
    """Undo `enter`. Tolerates another context than the one that entered, as in a cell that awaits."""
    if isinstance(place, FlowBody):
        with _OPEN_LOCK:
            _OPEN[:] = [body for body in _OPEN if body is not place]
    _PLACE.set(_OUTER.pop(id(place), None))


@contextmanager
def awaiting(body: FlowBody) -> Iterator[None]:
    """Make the block a part of `body` that is executed by an event loop."""
    outer = _PLACE.get()
    _PLACE.set(replace(body, asynchronous=True))
    try:
        yield
    finally:
        _PLACE.set(outer)


def _here() -> FlowBody | TaskBody | None:
    """The place that was entered here, if it was not left meanwhile: a thread or coroutine can outlive its flow."""
    here = _PLACE.get()
    if isinstance(here, FlowBody) and not any(body.recorder is here.recorder for body in list(_OPEN)):
        return None
    return here


def place() -> FlowBody | TaskBody | None:
    """The place of a call made here.

    Raises
    ------
    ForeignThread : a flow body is open, and this is a thread that it or somebody else started

    The main thread is never foreign: where a flow was started in a thread of its own, the notebook goes on.
    """
    here = _here()
    thread = threading.current_thread()
    if here is None and thread is not threading.main_thread() and (bodies := list(_OPEN)):
        raise ForeignThread(
            f"A task or flow was called in the thread {thread.name!r}, but the open flow `{bodies[-1].flow_name}` "
            "runs in another one.",
            "Call wfkit.current.attach() first in this thread to add its calls to that flow.",
        )
    return here


def flow_body(what: str) -> FlowBody:
    """The flow body around a call that needs one.

    Raises
    ------
    NotInFlow : the call is made outside any flow, or inside a task
    """
    here = place()
    if isinstance(here, FlowBody):
        return here
    if isinstance(here, TaskBody):
        raise NotInFlow(
            f"{what} was used inside the task `{here.task_name}`.",
            "Call the task plainly to run it inline; make more tasks in the flow's body.",
        )
    raise NotInFlow(
        f"{what} was used outside any flow.",
        "Put it into a `%%flow` cell or a function decorated with @flow, or call the task plainly to run it here.",
    )


def in_async_body() -> bool:
    """Whether the caller is the body of an async flow, where blocking would stop its event loop."""
    here = _PLACE.get()
    return isinstance(here, FlowBody) and here.asynchronous and in_event_loop()


def in_event_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Current:
    """What the code of a task or flow can know about where it runs: `wfkit.current`."""

    @property
    def run_id(self) -> str:
        """The id of the run; known in the flow's body too."""
        here = _here()
        return here.recorder.id if isinstance(here, FlowBody) else self._task("run_id").run_id

    @property
    def flow_name(self) -> str:
        """The name of the flow; known in its body too."""
        here = _here()
        return here.flow_name if isinstance(here, FlowBody) else self._task("flow_name").flow_name

    @property
    def task_name(self) -> str:
        """The name of this call of the task, as in `run.node(name)`."""
        return self._task("task_name").task_name

    @property
    def map_index(self) -> int | None:
        """The element of a map; None in a single call."""
        return self._task("map_index").map_index

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._task("attempt").attempt

    @property
    def idempotency_key(self) -> str:
        """The same text for every attempt and execution of this node."""
        return self._task("idempotency_key").idempotency_key

    @property
    def is_replay(self) -> bool:
        """Whether the body runs again for a rerun."""
        return self._task("is_replay").is_replay

    @property
    def worker(self) -> str:
        """The address of the worker."""
        return self._task("worker").worker

    def attach(self) -> None:
        """Add the calls of this thread to the flow that is open in another thread, until that flow's body ends.

        Raises
        ------
        NotInFlow : no flow is open, or several are
        """
        if _here() is not None:
            return
        bodies = {id(body.recorder): body for body in list(_OPEN)}
        if not bodies:
            raise NotInFlow("wfkit.current.attach() found no open flow.", "Call it while a flow's body runs.")
        if len(bodies) > 1:
            names = ", ".join(f"`{body.flow_name}`" for body in bodies.values())
            raise NotInFlow(
                f"wfkit.current.attach() found several open flows: {names}.",
                "Start the thread with contextvars.copy_context().run(...) in the body instead.",
            )
        _PLACE.set(next(iter(bodies.values())))

    def _task(self, fact: str) -> TaskBody:
        here = _here()
        if isinstance(here, TaskBody):
            return here
        raise NotInFlow(f"wfkit.current.{fact} was read outside a task.", "It is known only while one runs.")

    def __repr__(self) -> str:
        here = _here()
        if isinstance(here, TaskBody):
            return f"<current: task {here.task_name}, attempt {here.attempt}>"
        return f"<current: body of {here.flow_name}>" if here else "<current: outside of flows and tasks>"


current: Final = Current()


class Launcher(Protocol):
    """What starts runs: the session, given by the package's wiring."""

    def start(self, flow: Flow[..., object], parameters: dict[str, object]) -> StartedRun:
        """Start a run whose body is executed in a thread of its own; return at once."""

    def run(self, flow: Flow[..., object], parameters: dict[str, object]) -> StartedRun:
        """Execute the body in the calling thread and return when the run ended."""

    async def run_async(self, flow: Flow[..., object], parameters: dict[str, object]) -> StartedRun:
        """Await an async body in the calling event loop and return when the run ended."""


class StartedRun(Protocol):
    """What a flow needs of the run that it started."""

    def result(self) -> object:
        """The flow's value; raises FlowFailed if the run failed."""


_LAUNCHER: Final[list[Callable[[], Launcher]]] = []


def provide_launcher(provider: Callable[[], Launcher]) -> None:
    """Tell flows what starts them; called once, by the package's wiring."""
    _LAUNCHER[:] = [provider]


def launcher() -> Launcher:
    """The launcher that the package provided."""
    return _LAUNCHER[0]()
