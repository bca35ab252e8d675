"""Launching: executes the body of a flow as a run, in the calling thread, a thread of its own, or an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
import time
from contextlib import nullcontext, suppress
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from wfkit.authoring.context import FlowBody, enter, leave
from wfkit.authoring.flow import Body, BodyResult, Flow, FunctionBody
from wfkit.authoring.secrets import redacted
from wfkit.authoring.surroundings import differences, surroundings
from wfkit.core.events import SURROUNDINGS, CodesAdded, CodeSpec, LogLine
from wfkit.core.states import RunState
from wfkit.errors import WfkitError
from wfkit.session.capture import captured
from wfkit.session.session import session

if TYPE_CHECKING:
    from wfkit.engine.driver.run import Run

AnyFlow = Flow[..., Any]
_REASON_CHARACTERS: Final = 200


class SessionLauncher:
    """Starts flows in the session of this process (authoring.context.Launcher)."""

    def run(self, flow: AnyFlow, parameters: dict[str, object]) -> Run:
        """Execute the body here and wait for the end of the run.

        An exception of the body is raised as it is, once the tasks that were submitted are on their way. A body that
        awaits is executed in a thread of its own, since an event loop may run in this one; its exception ends the run.
        """
        run = session().new_run(flow, parameters)
        if _awaits(flow.body):
            start_thread(run, flow, parameters, keep_output=False)
        else:
            execute(run, flow, parameters)
        session().wait(run)
        return run

    def start(self, flow: AnyFlow, parameters: dict[str, object]) -> Run:
        """Execute the body in a thread of its own, its output captured into the run's log, and return at once."""
        run = session().new_run(flow, parameters)
        start_thread(run, flow, parameters, keep_output=True)
        return run

    async def run_async(self, flow: AnyFlow, parameters: dict[str, object]) -> Run:
        """Await an async body here and then the end of the run."""
        run = session().new_run(flow, parameters)
        with BodyOf(run, flow.body) as body:
            body.result = await cast("Any", flow.body.execute(parameters))
        await _end_of(run)
        return run

    def newest(self, flow_name: str) -> Run | None:
        """The newest run of the flows of a name in the session of this process; None where none has run."""
        return next((run for run in reversed(session().runs) if run.flow_name == flow_name), None)


async def _end_of(run: Run) -> None:
    """Wait for the end of a run without blocking the event loop."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    run.when_ended(tell)
    await ended.wait()


def execute(run: Run, flow: AnyFlow, parameters: dict[str, object]) -> None:
    """Execute a body in the calling thread; its exceptions pass through."""
    with BodyOf(run, flow.body) as body:
        body.result = cast("BodyResult", flow.body.execute(parameters))


def start_thread(run: Run, flow: AnyFlow, parameters: dict[str, object], *, keep_output: bool) -> None:
    """Execute a body in a thread of its own; its exception is the run's reason."""

    def work() -> None:
        with captured(run.log_body) if keep_output else nullcontext(), suppress(BaseException):
            if flow.body.asynchronous:
                asyncio.run(_execute_async(run, flow, parameters))
            else:
                execute(run, flow, parameters)

    context = contextvars.Context()  # the thread is not part of the body, if any, that starts it
    threading.Thread(target=context.run, args=(work,), name=f"wfkit-body-{run.id}", daemon=True).start()


async def _execute_async(run: Run, flow: AnyFlow, parameters: dict[str, object]) -> None:
    with BodyOf(run, flow.body) as body:
        body.result = await cast("Any", flow.body.execute(parameters))


class BodyOf:
    """The block in which the body of a run is executed; what it raises becomes the run's end, and passes through.

    Attributes
    ----------
    result : BodyResult
        To be set in the block.
    """

    def __init__(self, run: Run, body: Body) -> None:
        self.run = run
        self.result = BodyResult(None, {})
        self._body, self._code = body, _code_of(body)
        self._place = FlowBody(run, run.flow_name, body.asynchronous)

    def __enter__(self) -> Self:
        with suppress(Exception):  # the user's objects answer in ways of their own
            _note_surroundings(self.run, self._body)
        self.run.body_thread = threading.get_ident()
        enter(self._place)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            self.close()
        else:
            self.fail(error, line_of(error, self._code))

    def close(self) -> None:
        """The body came to its end."""
        leave(self._place)
        self.run.close_body(self.result.value, self.result.names)

    def fail(self, error: BaseException, line: int | None) -> None:
        """The body raised, at a line of its own where that is known."""
        leave(self._place)
        state, reason = ending_of(error, line)
        self.run.fail_body(state, reason, self.result.names)


def _note_surroundings(run: Run, body: Body) -> None:
    """Put into the record what a body reads from around it, and log what is another one than in the run before."""
    parts = surroundings(body.reads())
    if parts:
        run.record_events([CodesAdded(codes=(CodeSpec(id=SURROUNDINGS, task="", fingerprint="", parts=parts),))])
    told = differences(run.read_before, parts)
    if told:
        at_s = time.time()
        lines = [f"{difference} since {run.parent_id}" for difference in told]
        run.log_body([LogLine(at_s=at_s, level=logging.INFO, source="wfkit", text=line) for line in lines])


def _code_of(body: Body) -> CodeType | None:
    if isinstance(body, FunctionBody):
        return getattr(body.fn, "__code__", None)
    code = getattr(body, "code", None)  # of a cell
    return code if isinstance(code, CodeType) else None


def _awaits(body: Body) -> bool:
    code = _code_of(body)
    return body.asynchronous or bool(code and code.co_flags & inspect.CO_COROUTINE)


def line_of(error: BaseException, code: CodeType | None) -> int | None:
    """The line of a body at which an exception came out of it."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            return trace.tb_lineno
        trace = trace.tb_next
    return None


def ending_of(error: BaseException, line: int | None) -> tuple[RunState, str]:
    """How a run ends whose body raised: state, and the reason with the line of the body."""
    where = f"body, line {line}" if line else "body"
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        return RunState.INTERRUPTED, f"interrupted ({where})"
    text = redacted(error.what if isinstance(error, WfkitError) else str(error))
    first = text.strip().partition("\n")[0]
    what = f"{type(error).__name__}: {first[:_REASON_CHARACTERS]}".removesuffix(": ")
    return RunState.FAILED, f"{what} ({where})"
