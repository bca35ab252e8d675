"""Ends: how an attempt that gave no value ends its node, or why it is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from wfkit.authoring.options import TaskOptions
from wfkit.authoring.signals import Fail, Retry, Skip
from wfkit.core.events import ErrorInfo
from wfkit.core.retry import RetryPolicy, delay_s
from wfkit.core.states import FailureKind, TaskState
from wfkit.engine.worker.failure import describe, in_one_line, safe_text
from wfkit.engine.worker.own_process import ProcessDied
from wfkit.engine.worker.stop import Stopped
from wfkit.errors import TaskTimeout, TooDeep

_REASON_CHARACTERS = 1_000


@dataclass(slots=True)
class End:
    """How a node ends without a value, or how its attempt failed before another one."""

    state: TaskState
    reason: str
    error: ErrorInfo | None = None
    kind: FailureKind | None = None
    retry_in_s: float | None = None  #: None: no other attempt


def end_of(error: BaseException, options: TaskOptions, attempt: int, crashes: int = 0) -> End:
    """Sort what an attempt raised: a skip, a failure that ends the node, or one that is tried again.

    Parameters
    ----------
    error : BaseException
    options : TaskOptions
    attempt : int
        The attempt that raised, 1-based; those that ended with their process or worker are not counted.
    crashes : int
        How many of those there were before.
    """
    if isinstance(error, Stopped):
        return End(TaskState.CANCELLED, error.reason)
    if isinstance(error, ProcessDied):
        kind = FailureKind.MEMORY if "memory" in error.reason else FailureKind.WORKER_LOST
        again = 0.0 if crashes < options.crash_retries and kind is FailureKind.WORKER_LOST else None
        return End(TaskState.CRASHED, error.reason, describe(error), kind, again)
    if isinstance(error, Skip):
        return End(TaskState.SKIPPED, _given(error) or "skipped")
    if isinstance(error, Retry) and attempt > options.retries:
        return _in_vain(error, options.retries)
    kind = FailureKind.TIMEOUT if isinstance(error, TaskTimeout) else FailureKind.ERROR
    end = End(TaskState.FAILED, _explained(error), describe(error), kind)
    if isinstance(error, Fail):
        end.reason = _given(error) or "failed"
        return end
    try:
        if attempt <= options.retries and _is_retried(error, options):
            end.retry_in_s = _delay_s(error, options, attempt)
    except BaseException as broken:  # noqa: BLE001 - the user's retry condition or delay
        end.reason += f" (no retry, because asking for it raised {in_one_line(broken)})"
    return end


def _in_vain(signal: Retry, retries: int) -> End:
    """How a task ends that asks for another attempt and has none left."""
    why = f"no attempt was left, retries={retries}"
    signal.add_note(f"It asked for another attempt, but {why}.")
    told = describe(signal)
    told = replace(told, message=f"{told.message} ({why})" if told.message else why)
    return End(TaskState.FAILED, f"{in_one_line(signal)} ({why})", told, FailureKind.ERROR)


def _given(signal: Skip | Fail) -> str:
    """The reason that user code gave, which may be anything."""
    reason: object = signal.reason
    return safe_text(reason)[:_REASON_CHARACTERS] if reason is not None else ""


def _explained(error: BaseException) -> str:
    text = in_one_line(error)
    if isinstance(error, SystemExit):
        return f"{text} (the task called sys.exit or exit)"
    if isinstance(error, RecursionError) and not isinstance(error, TooDeep):
        return f"{text} (its traceback shows the first and the last calls)"
    return text


def _is_retried(error: BaseException, options: TaskOptions) -> bool:
    if isinstance(error, Retry):
        return True
    if options.retry_on and not isinstance(error, options.retry_on):
        return False
    return options.retry_condition_fn is None or bool(options.retry_condition_fn(error))


def _delay_s(error: BaseException, options: TaskOptions, attempt: int) -> float:
    """Seconds until the next attempt; a signal's own delay is taken as it is.

    Raises
    ------
    ValueError, TypeError : user code gave what is no number of seconds
    """
    given = options.retry_delay_seconds
    if isinstance(error, Retry) and error.delay_seconds is not None:
        return delay_s(RetryPolicy(options.retries, (float(error.delay_seconds),)), 1, 0.0)
    if callable(given):
        policy = RetryPolicy(options.retries, (float(given(attempt)),), options.retry_jitter_factor)
        return delay_s(policy, 1, random.random())  # noqa: S311 - jitter, not a secret
    delays = given if isinstance(given, tuple) else (given,)
    policy = RetryPolicy(options.retries, tuple(map(float, delays)), options.retry_jitter_factor)
    return delay_s(policy, attempt, random.random())  # noqa: S311 - jitter, not a secret
