"""Where a call is made: in a flow body, in a task body, or in neither. It decides what the call does."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol

from wfkit.authoring.bodies import FlowBody as FlowBody  # noqa: PLC0414 - others look for it here
from wfkit.authoring.bodies import Recorder as Recorder  # noqa: PLC0414 - others look for it here
from wfkit.authoring.bodies import TaskBody as TaskBody  # noqa: PLC0414 - others look for it here
from wfkit.errors import ForeignThread, NotInFlow

if TYPE_CHECKING:
    from wfkit.authoring.flow import Flow


_PLACE: Final[ContextVar[FlowBody | TaskBody | None]] = ContextVar("wfkit_place", default=None)
#: The flow bodies that are open in this process; their parts and those in tasks are none of them.
_OPEN: Final[list[FlowBody]] = []
_OPEN_LOCK: Final = threading.Lock()
#: The task bodies that are executed now, by their id.
_TASKS: Final[dict[int, TaskBody]] = {}
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


@contextmanager
def _at(place: FlowBody | None) -> Iterator[None]:
    before = _PLACE.get()
    _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.set(before)


def within(part: FlowBody) -> AbstractContextManager[None]:
    """Make the block a part of a body that is open: a flow inside a flow or task, or one of its branches."""
    return _at(part)


def outside() -> AbstractContextManager[None]:
    """Make the block belong to no body, and the threads that it starts, which others may use."""
    return _at(None)


def enter(place: FlowBody | TaskBody) -> None:
    """Make `place` the place of the calls that follow, until `leave`."""
    if isinstance(place, TaskBody):
        _TASKS[id(place)] = place
    else:
        with _OPEN_LOCK:
            _OPEN.append(place)
    _OUTER[id(place)] = _PLACE.get()
    _PLACE.set(place)


def leave(place: FlowBody | TaskBody) -> None:
    """Undo `enter`. Tolerates another context than the one that entered, as in a cell that awaits."""
    if isinstance(place, TaskBody):
        _TASKS.pop(id(place), None)
    else:
        with _OPEN_LOCK:
            _OPEN[:] = [body for body in _OPEN if body is not place]
    _PLACE.set(_OUTER.pop(id(place), None))


def _here() -> FlowBody | TaskBody | None:
    """The place that was entered here, if it was not left meanwhile: a thread or coroutine can outlive its body."""
    here = _PLACE.get()
    return here if here is not None and _is_open(here) else None


def _is_open(place: FlowBody | TaskBody) -> bool:
    if (task := _task_of(place)) is not None:
        return _TASKS.get(id(task)) is task
    return isinstance(place, FlowBody) and any(body.recorder is place.recorder for body in list(_OPEN))


def _task_of(place: FlowBody | TaskBody | None) -> TaskBody | None:
    """The task that a place is in."""
    return place.task if isinstance(place, FlowBody) else place


def task_here() -> TaskBody | None:
    """The task around this code; it may have ended meanwhile."""
    return _task_of(_PLACE.get())


def flow_here() -> FlowBody | None:
    """The open flow body around this code."""
    here = _here()
    return here if isinstance(here, FlowBody) else None


def place() -> FlowBody | TaskBody | None:
    """The place of a call made here.

    Raises
    ------
    ForeignThread : a flow body is open, and this is a thread that it or somebody else started

    The main thread is never foreign: where a flow was started in a thread of its own, the notebook goes on. Nor are the
    threads of a task that has ended.
    """
    here = _here()
    if here is not None or task_here() is not None:
        return here
    thread = threading.current_thread()
    if thread is not threading.main_thread() and (bodies := list(_OPEN)):
        raise ForeignThread(
            f"A task or flow was called in the thread {thread.name!r}, but the open flow `{bodies[-1].flow_name}` "
            "runs in another one.",
            "Call wfkit.current.attach() first in this thread to add its calls to that flow.",
        )
    return None


def recorder_here(what: str, instead: str = "call the task plainly to run it here") -> Recorder:
    """What takes a call that becomes a node: the open run, or that of the task whose body this is.

    Parameters
    ----------
    what : str
        The call, for the error.
    instead : str
        What works everywhere, for the error.

    Raises
    ------
    NotInFlow : the call is made outside any flow, after the end of its task, or in a process of its own
    """
    here = place()
    if here is not None and here.recorder is not None:
        return here.recorder
    task = task_here()
    if task is None:
        raise NotInFlow(
            f"{what} was used outside any flow.",
            f"Put it into a `%%flow` cell or a function decorated with @flow, or {instead}.",
        )
    if here is None:
        raise NotInFlow(
            f"{what} was used in a thread of a task, but the task `{task.task_name}` has ended.",
            "Join the thread before the task returns.",
        )
    raise NotInFlow(
        f'{what} was used inside `{task.task_name}`, which runs with isolate="process".',
        f"Take isolate off, or {instead}.",
    )


def attach() -> None:
    """Make this thread belong to the flow that is open in another thread, or else to the one task that runs.

    Raises
    ------
    NotInFlow : nothing is open, or it is not clear which
    """
    if _here() is not None:
        return
    found: list[FlowBody] | list[TaskBody] = list({id(body.recorder): body for body in list(_OPEN)}.values())
    kind = "flows" if found else "tasks"
    found = found or list(_TASKS.values())
    if not found:
        raise NotInFlow("wfkit.current.attach() found no open flow.", "Call it while a flow's body runs.")
    if len(found) > 1:
        names = ", ".join(f"`{body.flow_name if isinstance(body, FlowBody) else body.task_name}`" for body in found)
        raise NotInFlow(
            f"wfkit.current.attach() found several open {kind}: {names}.",
            "Start the thread with contextvars.copy_context().run(...) in the body instead.",
        )
    _PLACE.set(found[0])


@functools.cache
def inherit_in_threads() -> None:
    """Let threads that are started in a task body belong to it, those of pools too, as Python 3.14 can.

    For processes that execute tasks; called again it does nothing.
    """
    start = threading.Thread.start

    @functools.wraps(start)
    def start_inside(thread: threading.Thread) -> None:
        here = _PLACE.get()
        if _task_of(here) is not None:
            run = thread.run

            def run_inside() -> None:
                del thread.run  # it has done its part, and refers to its own thread
                _PLACE.set(here)
                run()

            thread.run = run_inside  # type: ignore[method-assign]  # of this thread alone; a subclass has its own
        start(thread)

    threading.Thread.start = start_inside  # type: ignore[method-assign, assignment]  # there is no other door before Python 3.14


def in_async_body() -> bool:
    """Whether the caller is the body of an async flow, where blocking would stop its event loop."""
    here = _PLACE.get()
    return isinstance(here, FlowBody) and here.asynchronous and in_event_loop()


def in_branch() -> bool:
    """Whether the caller is the body of one branch of a `Flow.map`, where blocking would hold up the others."""
    here = _PLACE.get()
    return isinstance(here, FlowBody) and here.branch


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
        body = flow_here()
        return body.recorder.id if body else self._task("run_id").run_id

    @property
    def flow_name(self) -> str:
        """The name of the flow; known in its body too."""
        body = flow_here()
        return body.flow_name if body else self._task("flow_name").flow_name

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
        """The number of this attempt, from 1. Each that began counts, those that were lost with their worker, too."""
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

        In a process that executes tasks: to the one task that runs there.

        Raises
        ------
        NotInFlow : nothing is open, or several flows or tasks are
        """
        attach()

    def _task(self, fact: str) -> TaskBody:
        if (task := task_here()) is not None:
            return task
        raise NotInFlow(f"wfkit.current.{fact} was read outside a task.", "It is known only while one runs.")

    def __repr__(self) -> str:
        if (task := task_here()) is not None:
            return f"<current: task {task.task_name}, attempt {task.attempt}>"
        body = flow_here()
        return f"<current: body of {body.flow_name}>" if body else "<current: outside of flows and tasks>"


current: Final = Current()


class Launcher(Protocol):
    """What starts runs: the session, given by the package's wiring."""

    def start(self, flow: Flow[..., object], parameters: dict[str, object]) -> StartedRun:
        """Start a run whose body is executed in a thread of its own; return at once."""

    def run(self, flow: Flow[..., object], parameters: dict[str, object]) -> StartedRun:
        """Execute the body in the calling thread and return when the run ended."""

    async def run_async(self, flow: Flow[..., object], parameters: dict[str, object]) -> StartedRun:
        """Await an async body in the calling event loop and return when the run ended."""

    def newest(self, flow_name: str) -> StartedRun | None:
        """The newest run of the flows of a name; None where none has run."""


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


def newest_run(flow_name: str) -> StartedRun | None:
    """The newest run of the flows of a name in this process; None where there is none, and in a task."""
    return launcher().newest(flow_name) if _LAUNCHER and task_here() is None else None
