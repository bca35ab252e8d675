"""Envelope: runs one node on a worker and returns an outcome, whatever the user's code does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from distributed import rejoin, secede

from wfkit.authoring.context import TaskBody, inside
from wfkit.authoring.freeze import Frozen
from wfkit.authoring.options import TaskOptions
from wfkit.core.events import LogLine, LogLines, NodeFinished, NodeRetrying, NodeStarted
from wfkit.core.ids import GroupId, node_name
from wfkit.core.states import FailureKind, TaskState
from wfkit.core.trigger import Verdict
from wfkit.engine.worker import spec as specs
from wfkit.engine.worker.attempt import call
from wfkit.engine.worker.capture import captured
from wfkit.engine.worker.ends import End, end_of
from wfkit.engine.worker.failure import describe, in_one_line
from wfkit.engine.worker.inputs import Deps, Inputs
from wfkit.engine.worker.logs import LogSink
from wfkit.engine.worker.outcome import Err, Ok, Outcome
from wfkit.engine.worker.result import check_result
from wfkit.engine.worker.side import WorkerSide, here
from wfkit.engine.worker.spec import Spec

# Dask's doors out of a worker's pool of threads and back into it, which are not typed.
_secede: Callable[[], None] = secede
_rejoin: Callable[[], None] = rejoin


def run_node(spec: Spec, index: int, frozen: Frozen, deps: Deps) -> Outcome:
    """Run one node: the function of every Dask task that wfkit submits.

    Parameters
    ----------
    spec : Spec
        The task and its group.
    index : int
        The element within the group.
    frozen : Frozen
        The arguments.
    deps : sequence
        The outcomes for the slots of the arguments, in order, and behind them those that are only waited for.
    """
    node = _Node(here(), spec, index, frozen, deps)
    process = os.getpid()
    try:
        return node.run()
    except BaseException as error:  # noqa: BLE001 - an error that reaches Dask may hang a client or end a worker
        reason = f"a fault in wfkit: {in_one_line(error)}"
        return node.end(End(TaskState.FAILED, reason, describe(error), FailureKind.ERROR))
    finally:
        if os.getpid() != process:
            os._exit(0)  # the task forked, and this is the child: a copy of the worker must not answer for it


class _Node:
    """One node while a worker runs it."""

    __slots__ = ("attempt", "index", "inputs", "name", "side", "spec", "started_s", "worker")

    def __init__(self, side: WorkerSide, spec: Spec, index: int, frozen: Frozen, deps: Deps) -> None:
        self.side, self.spec, self.index = side, spec, index
        self.name = node_name(spec.name, index, mapped=spec.mapped)
        self.inputs = Inputs(self.name, index, frozen, deps)
        self.worker = side.worker.address
        self.attempt = 0
        self.started_s = time.time()

    def run(self) -> Outcome:
        """Look at the inputs, and make attempts until one succeeds or none may follow."""
        try:
            function, options = specs.load(self.spec)
        except BaseException as error:  # noqa: BLE001 - user code runs when its pickle is read
            reason = f"the code of `{self.spec.name}` cannot be loaded on {self.worker}: {in_one_line(error)}"
            return self.end(End(TaskState.FAILED, reason, describe(error), FailureKind.ERROR))
        verdict, causes = self.inputs.verdict(options)
        if verdict is not Verdict.RUN:
            state = TaskState.SKIPPED if verdict is Verdict.SKIP else TaskState.UPSTREAM_FAILED
            return self.end(End(state, causes or f"trigger {options.trigger}"))
        outcome = self._next_attempt(function, options)
        while isinstance(outcome, End) and outcome.retry_in_s is not None:
            self._emit_retry(outcome)
            if self._pause(outcome.retry_in_s):
                outcome = self._next_attempt(function, options)
            else:
                outcome = End(TaskState.CANCELLED, "cancelled while it waited for its next attempt")
        return outcome if isinstance(outcome, Ok) else self.end(outcome)

    def _next_attempt(self, function: Callable[..., Any], options: TaskOptions) -> Ok | End:
        self.attempt += 1
        self.started_s = time.time()
        if self._begin():
            return self._attempt(function, options)
        self.attempt -= 1
        return End(TaskState.CANCELLED, "cancelled")

    def _begin(self) -> bool:
        started = NodeStarted(
            group=GroupId(self.spec.group),
            index=self.index,
            attempt=self.attempt,
            worker=self.worker,
            at_s=self.started_s,
        )
        return self.side.begin(self.spec.run_id, self.spec.group, self.index, started)

    def _attempt(self, function: Callable[..., Any], options: TaskOptions) -> Ok | End:
        try:
            with captured(LogSink(self._send_lines, self.side.later), prints=options.log_prints):
                args, kwargs = self.inputs.arguments()
                with inside(self._place()):
                    value = call(function, args, kwargs, options.timeout_seconds)
                del args, kwargs
            checked = check_result(value, self.name)
        except BaseException as error:  # noqa: BLE001 - the point of an envelope
            end = end_of(error, options, self.attempt)
            BaseException.with_traceback(error, None)  # it holds on to all that the attempt had in hand
            return end
        ended_s = time.time()
        self.side.emit(
            self.spec.run_id,
            NodeFinished(
                group=GroupId(self.spec.group),
                index=self.index,
                attempt=self.attempt,
                state=TaskState.COMPLETED,
                worker=self.worker,
                wall_s=ended_s - self.started_s,
                at_s=ended_s,
                result_bytes=checked.size_bytes,
                length=checked.length,
                preview=checked.preview,
                inline=checked.inline,
            ),
        )
        return Ok(value, self.name)

    def _place(self) -> TaskBody:
        return TaskBody(
            run_id=self.spec.run_id,
            flow_name=self.spec.flow_name,
            task_name=self.spec.name,
            map_index=self.index if self.spec.mapped else None,
            attempt=self.attempt,
            idempotency_key=f"{self.spec.run_id}/{self.name}",
            worker=self.worker,
        )

    def _pause(self, seconds: float) -> bool:
        """Wait for the next attempt without holding a slot of the worker; False if it was cancelled."""
        if seconds <= 0:
            return True
        _secede()
        go_on = self.side.pause(self.spec.run_id, self.spec.group, self.index, seconds)
        if go_on:
            _rejoin()
        return go_on

    def _emit_retry(self, end: End) -> None:
        self.side.emit(
            self.spec.run_id,
            NodeRetrying(
                group=GroupId(self.spec.group),
                index=self.index,
                attempt=self.attempt,
                delay_s=end.retry_in_s or 0.0,
                error=end.error,
                at_s=time.time(),
                cause=end.reason,
            ),
        )

    def end(self, end: End) -> Err:
        """Report an end without a value."""
        ended_s = time.time()
        self.side.emit(
            self.spec.run_id,
            NodeFinished(
                group=GroupId(self.spec.group),
                index=self.index,
                attempt=self.attempt,
                state=end.state,
                kind=end.kind,
                reason=end.reason,
                error=end.error,
                worker=self.worker,
                wall_s=ended_s - self.started_s,
                at_s=ended_s,
            ),
        )
        return Err(end.state, end.reason, end.error, self.name)

    def _send_lines(self, part: int, lines: tuple[LogLine, ...]) -> None:
        event = LogLines(
            group=GroupId(self.spec.group),
            index=self.index,
            attempt=self.attempt,
            part=part,
            lines=lines,
            at_s=lines[-1].at_s,
        )
        self.side.emit(self.spec.run_id, event)
