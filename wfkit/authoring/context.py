"""Where a call is made: in a flow body, in a task body, or in neither. It decides what the call does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from wfkit.errors import ForeignThread, NotInFlow

if TYPE_CHECKING:
    from wfkit.authoring.flow import Flow
    from wfkit.authoring.handle import Handle
    from wfkit.authoring.task import Call


class Recorder(Protocol):
    """What an open run offers to the calls in its body."""

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


def place() -> FlowBody | TaskBody | None:
    """The place of a call made here.

    Raises
    ------
    ForeignThread : a flow body is open, but in another thread
    """
    here = _PLACE.get()
    if here is None and _OPEN:
        raise ForeignThread(
            f"A task was called in thread {threading.current_thread().name!r}, but the open flow "
            f"`{_OPEN[-1].flow_name}` runs in another one.",
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
    return isinstance(here, FlowBody) and here.asynchronous


class Current:
    """What the code of a task or flow can know about where it runs: `wfkit.current`."""

    def __getattr__(self, name: str) -> object:
        if name not in _FACTS:
            raise AttributeError(f"wfkit.current has no {name!r}; it has {', '.join(_FACTS)}, attach()")
        here = _PLACE.get()
        if isinstance(here, TaskBody):
            return getattr(here, name)
        raise NotInFlow(f"wfkit.current.{name} was read outside a task.", "It is known only while a task runs.")

    def __dir__(self) -> list[str]:
        return [*_FACTS, "attach"]

    def attach(self) -> None:
        """Add the calls of this thread to the flow that is open in another thread.

        Raises
        ------
        NotInFlow : no flow is open
        """
        if _PLACE.get() is not None:
            return
        with _OPEN_LOCK:
            if not _OPEN:
                raise NotInFlow("wfkit.current.attach() found no open flow.", "Call it while a flow's body runs.")
            _PLACE.set(_OPEN[-1])


_FACTS: Final = (
    "run_id",
    "flow_name",
    "task_name",
    "map_index",
    "attempt",
    "idempotency_key",
    "is_replay",
    "worker",
)

current: Final = Current()


class Launcher(Protocol):
    """What starts runs: the session, given by the package's wiring."""

    def start(self, flow: Flow, parameters: dict[str, object]) -> StartedRun:
        """Start a run whose body is executed in a thread of its own; return at once."""

    def run(self, flow: Flow, parameters: dict[str, object]) -> StartedRun:
        """Execute the body in the calling thread and return when the run ended."""

    async def run_async(self, flow: Flow, parameters: dict[str, object]) -> StartedRun:
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
