"""Launching: executes the body of a flow as a run, in the calling thread, a thread of its own, or an event loop."""

from __future__ import annotations

import contextvars
import threading
import traceback
from typing import Any, cast

from wfkit.authoring.context import FlowBody, enter, leave
from wfkit.authoring.flow import BodyResult, Flow
from wfkit.core.states import RunState
from wfkit.engine.driver.run import Run
from wfkit.errors import HandleMisuse
from wfkit.session.session import session

AnyFlow = Flow[..., Any]


class SessionLauncher:
    """Starts flows in the session of this process (authoring.context.Launcher)."""

    def run(self, flow: AnyFlow, parameters: dict[str, object]) -> Run:
        """Execute the body here and wait for the end of the run.

        An exception of the body is raised as it is, once the tasks that were submitted are on their way.
        """
        if flow.body.asynchronous:
            return self.start(flow, parameters).wait()
        run = session().new_run(flow, parameters)
        execute(run, flow, parameters)
        return run.wait()

    def start(self, flow: AnyFlow, parameters: dict[str, object]) -> Run:
        """Execute the body in a thread of its own and return at once."""
        run = session().new_run(flow, parameters)
        context = contextvars.Context()
        thread = threading.Thread(
            target=context.run, args=(_execute_quietly, run, flow, parameters), name=f"wfkit-body-{run.id}", daemon=True
        )
        thread.start()
        return run

    async def run_async(self, flow: AnyFlow, parameters: dict[str, object]) -> Run:
        """Await an async body here and then the end of the run."""
        import asyncio

        run = session().new_run(flow, parameters)
        with BodyOf(run, asynchronous=True) as body:
            body.result = await cast("Any", flow.body.execute(parameters))
        await asyncio.to_thread(run.wait)
        return run


def execute(run: Run, flow: AnyFlow, parameters: dict[str, object]) -> None:
    """Execute a body in the calling thread; its exceptions pass through."""
    with BodyOf(run) as body:
        body.result = cast("BodyResult", flow.body.execute(parameters))


def _execute_quietly(run: Run, flow: AnyFlow, parameters: dict[str, object]) -> None:
    """Execute a body in a thread of its own; its exception is the run's reason."""
    import asyncio

    try:
        with BodyOf(run, asynchronous=flow.body.asynchronous) as body:
            if flow.body.asynchronous:
                body.result = asyncio.run(cast("Any", flow.body.execute(parameters)))
            else:
                body.result = cast("BodyResult", flow.body.execute(parameters))
    except BaseException:  # noqa: BLE001, S110 - recorded as the end of the run, and nobody is there to catch it
        pass


class BodyOf:
    """The block in which the body of a run is executed; what it raises becomes the run's end, and passes through.

    Attributes
    ----------
    result : BodyResult
        To be set in the block.
    """

    def __init__(self, run: Run, *, asynchronous: bool = False) -> None:
        self.run = run
        self.result = BodyResult(None, {})
        self._place = FlowBody(run, run.flow_name, asynchronous)

    def __enter__(self) -> BodyOf:
        enter(self._place)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            self.close()
        else:
            self.fail(error)

    def close(self) -> None:
        """The body came to its end."""
        leave(self._place)
        self.run.close_body(self.result.value, self.result.names)

    def fail(self, error: BaseException, line: int | None = None) -> None:
        """The body raised, at a line of its own where that is known."""
        leave(self._place)
        state, reason = ending_of(error, line)
        self.run.fail_body(state, reason, self.result.names)


def ending_of(error: BaseException, line: int | None = None) -> tuple[RunState, str]:
    """How a run ends whose body raised: state, and the reason with the line of the body."""
    if line is None:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/wfkit/" not in frame.filename]
        line = frames[-1].lineno if frames else None
    where = f"body, line {line}" if line else "body"
    if isinstance(error, KeyboardInterrupt):
        return RunState.INTERRUPTED, f"interrupted ({where})"
    text = error.what if isinstance(error, HandleMisuse) else str(error)
    first = text.strip().partition("\n")[0][:200]
    return RunState.FAILED, f"{type(error).__name__}: {first} ({where})"
