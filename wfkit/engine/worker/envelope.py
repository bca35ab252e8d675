"""Envelope: runs one node on a worker and returns an outcome, whatever the user's code does."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from distributed import rejoin, secede

from wfkit.authoring.context import TaskBody, inside
from wfkit.authoring.freeze import OWN_INDEX, Frozen, Use, thaw
from wfkit.authoring.inputs import Missing
from wfkit.authoring.options import TaskOptions
from wfkit.authoring.signals import Fail, Retry, Skip
from wfkit.core.events import ErrorInfo, LogLine, LogLines, NodeFinished, NodeRetrying, NodeStarted
from wfkit.core.ids import GroupId, node_name
from wfkit.core.retry import RetryPolicy, delay_s, delays_of
from wfkit.core.states import FailureKind, TaskState
from wfkit.core.trigger import Verdict, decide
from wfkit.engine.worker import spec as specs
from wfkit.engine.worker.attempt import call
from wfkit.engine.worker.failure import describe, revive
from wfkit.engine.worker.logs import LogSink, captured
from wfkit.engine.worker.outcome import Err, Ok, Outcome
from wfkit.engine.worker.result import check_result
from wfkit.engine.worker.side import WorkerSide, here
from wfkit.engine.worker.spec import Spec
from wfkit.errors import TaskFailed, TaskTimeout

Deps = Sequence[Outcome | Sequence[Outcome]]


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
    return _Node(here(), spec, index, frozen, deps).run()


def hold_constant(frozen: Frozen) -> Outcome:
    """Hold a value that a map passes whole; the function of the Dask task that stands for it."""
    try:
        (value,), _ = thaw(frozen, _no_slots)
    except BaseException as error:  # noqa: BLE001 - user code runs when a pickle is read
        return Err(TaskState.FAILED, "an argument cannot be loaded on the worker", describe(error), "an argument")
    return Ok(value, "an argument")


def _no_slots(slot: int) -> object:
    raise LookupError(slot)


@dataclass(slots=True)
class _Failed:
    """How an attempt ended that gave no value."""

    state: TaskState
    reason: str
    error: ErrorInfo | None = None
    kind: FailureKind | None = None
    retry_in_s: float | None = None  #: None: no other attempt


class _Node:
    """One node while a worker runs it."""

    __slots__ = ("attempt", "deps", "frozen", "index", "name", "side", "spec", "started_s", "worker")

    def __init__(self, side: WorkerSide, spec: Spec, index: int, frozen: Frozen, deps: Deps) -> None:
        self.side, self.spec, self.index, self.frozen, self.deps = side, spec, index, frozen, deps
        self.name = node_name(spec.name, index, mapped=spec.mapped)
        self.worker = side.worker.address
        self.attempt = 0
        self.started_s = time.time()

    def run(self) -> Outcome:
        try:
            function, options = specs.load(self.spec)
        except BaseException as error:  # noqa: BLE001 - user code runs when its pickle is read
            reason = f"the code of `{self.spec.name}` cannot be loaded on {self.worker}"
            return self._end(_Failed(TaskState.FAILED, reason, describe(error), FailureKind.ERROR))
        verdict, causes = self._verdict(options)
        if verdict is Verdict.SKIP:
            return self._end(_Failed(TaskState.SKIPPED, causes or f"trigger {options.trigger}"))
        if verdict is Verdict.FAIL:
            return self._end(_Failed(TaskState.UPSTREAM_FAILED, causes))
        while True:
            self.attempt += 1
            self.started_s = time.time()
            if not self._begin():
                self.attempt -= 1
                return self._end(_Failed(TaskState.CANCELLED, "cancelled"))
            outcome = self._attempt(function, options)
            if isinstance(outcome, Ok):
                return outcome
            if outcome.retry_in_s is None:
                return self._end(outcome)
            self._emit_retry(outcome)
            if not self._pause(outcome.retry_in_s):
                return self._end(_Failed(TaskState.CANCELLED, "cancelled while it waited for its next attempt"))

    def _verdict(self, options: TaskOptions) -> tuple[Verdict, str]:
        states, troubles = [], []
        for position, dep in enumerate(self.deps):
            several = [dep] if isinstance(dep, Ok | Err) else dep
            allowed = position < len(self.frozen.uses) and self.frozen.uses[position].failure_allowed
            states.append([TaskState.COMPLETED if allowed else outcome.state for outcome in several])
            if not allowed:
                troubles += [outcome for outcome in several if isinstance(outcome, Err)]
        verdict = decide(options.trigger, states, skip_on_upstream_skip=options.skip_on_upstream_skip)
        listed = ", ".join(f"`{trouble.maker}` {trouble.state}" for trouble in troubles[:3])
        more = f" and {len(troubles) - 3} more" if len(troubles) > 3 else ""
        return verdict, listed + more

    def _begin(self) -> bool:
        started = NodeStarted(
            group=GroupId(self.spec.group),
            index=self.index,
            attempt=self.attempt,
            worker=self.worker,
            at_s=self.started_s,
        )
        return self.side.begin(self.spec.run_id, self.spec.group, self.index, started)

    def _attempt(self, function: object, options: TaskOptions) -> Ok | _Failed:
        try:
            with captured(LogSink(self._send_lines, self.side.worker.loop.call_later), prints=options.log_prints):
                with inside(self._place()):
                    args, kwargs = thaw(self.frozen, self._fill)
                    value = call(function, args, kwargs, options.timeout_seconds)  # type: ignore[arg-type]
                del args, kwargs
                checked = check_result(value, self.name)
        except BaseException as error:  # noqa: BLE001 - the point of an envelope
            failed = _failed(error, options, self.attempt)
            error.__traceback__ = None
            return failed
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

    def _fill(self, slot: int) -> object:
        dep, use = self.deps[slot], self.frozen.uses[slot]
        if isinstance(dep, Ok | Err):
            return self._single(dep, use)
        present = (outcome for outcome in dep if outcome.state is not TaskState.SKIPPED)
        return [self._single(outcome, use) for outcome in present]

    def _single(self, outcome: Outcome, use: Use) -> object:
        if isinstance(outcome, Err):
            return Missing(outcome.state, outcome.reason, _exception_of(outcome))
        value = outcome.value()
        if use.item is None:
            return value
        item = self.index if use.item == OWN_INDEX else use.item
        try:
            return value[item]  # type: ignore[index]  # what cannot be indexed raises here
        except (TypeError, LookupError) as error:
            raise TaskFailed(
                f"`{outcome.maker}` returned a {type(value).__name__} without item {item}: {error}.",
                "Return a list or tuple with that many items.",
            ) from None

    def _pause(self, seconds: float) -> bool:
        """Wait for the next attempt without holding a slot of the worker."""
        if seconds <= 0:
            return True
        secede()
        go_on = self.side.pause(self.spec.run_id, self.spec.group, self.index, seconds)
        if go_on:
            rejoin()
        return go_on

    def _emit_retry(self, failed: _Failed) -> None:
        self.side.emit(
            self.spec.run_id,
            NodeRetrying(
                group=GroupId(self.spec.group),
                index=self.index,
                attempt=self.attempt,
                delay_s=failed.retry_in_s or 0.0,
                error=failed.error,
                at_s=time.time(),
                cause=failed.reason,
            ),
        )

    def _end(self, failed: _Failed) -> Err:
        ended_s = time.time()
        self.side.emit(
            self.spec.run_id,
            NodeFinished(
                group=GroupId(self.spec.group),
                index=self.index,
                attempt=self.attempt,
                state=failed.state,
                kind=failed.kind,
                reason=failed.reason,
                error=failed.error,
                worker=self.worker,
                wall_s=ended_s - self.started_s,
                at_s=ended_s,
            ),
        )
        return Err(failed.state, failed.reason, failed.error, self.name)

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


def _failed(error: BaseException, options: TaskOptions, attempt: int) -> _Failed:
    """Sort an exception: a skip, a failure that ends the node, or one that is tried again."""
    if isinstance(error, Skip):
        return _Failed(TaskState.SKIPPED, error.reason or "skipped")
    info = describe(error)
    kind = FailureKind.TIMEOUT if isinstance(error, TaskTimeout) else FailureKind.ERROR
    failed = _Failed(TaskState.FAILED, f"{info.type_name}: {_first_line(info.message)}", info, kind)
    if isinstance(error, Fail):
        failed.reason = error.reason or "failed"
        return failed
    try:
        if attempt <= options.retries and _is_retried(error, options):
            failed.retry_in_s = _delay_s(error, options, attempt)
    except BaseException as broken:  # noqa: BLE001 - the user's retry condition or delay
        failed.reason += f" (and its retry option raised {type(broken).__name__}: {broken})"
    return failed


def _is_retried(error: BaseException, options: TaskOptions) -> bool:
    if isinstance(error, Retry):
        return True
    if options.retry_on and not isinstance(error, options.retry_on):
        return False
    return options.retry_condition_fn is None or bool(options.retry_condition_fn(error))


def _delay_s(error: BaseException, options: TaskOptions, attempt: int) -> float:
    if isinstance(error, Retry) and error.delay_seconds is not None:
        return error.delay_seconds
    delays = delays_of(options.retry_delay_seconds, options.retries)
    policy = RetryPolicy(options.retries, delays, options.retry_jitter_factor)
    return delay_s(policy, attempt, random.random())  # noqa: S311 - jitter, not a secret


def _first_line(message: str) -> str:
    first = message.strip().partition("\n")[0]
    return first if len(first) <= 200 else first[:199] + "…"


def _exception_of(outcome: Err) -> BaseException | None:
    if outcome.error is None:
        return None
    return revive(outcome.error) or TaskFailed(f"{outcome.error.type_name}: {outcome.error.message}")
