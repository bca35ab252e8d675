"""Isolated: one attempt in a process of its own, which may crash, and can be ended at any moment."""

from __future__ import annotations

import os
import pickle
import time
from dataclasses import replace
from typing import Final

from wfkit.authoring.context import TaskBody
from wfkit.authoring.whereabouts import import_path, working_folder
from wfkit.core.events import ErrorInfo
from wfkit.engine.worker import frames
from wfkit.engine.worker.failure import note_remote, revive
from wfkit.engine.worker.isolated_child import Work
from wfkit.engine.worker.logs import LogSink
from wfkit.engine.worker.outcome import dump_value, load_value
from wfkit.engine.worker.own_process import Gone, OwnProcess, ProcessDied, TooLate
from wfkit.engine.worker.stop import Stop, Stopped
from wfkit.errors import TaskFailed, TaskTimeout

__all__ = ["ProcessDied", "call_isolated"]

#: Until a process says that it has begun; its nursery may have to start first.
_START_S: Final = 60.0


def call_isolated(
    code: bytes,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    *,
    timeout_s: float | None,
    stop: Stop,
    place: TaskBody,
    sink: LogSink,
    prints: bool,
) -> object:
    """Call the function of a task in a process of its own.

    Parameters
    ----------
    code : bytes
        `Spec.code`.
    args, kwargs
    timeout_s : float, optional
        Seconds from when the process has loaded the task. Then it is killed, as it is on a request to stop, with all
        that it has started. Nothing of it is left either when the function returns.
    stop : Stop
    place : TaskBody
        What `wfkit.current` says there.
    sink : LogSink
        Takes what it logs, while it runs.
    prints : bool
        Whether what it prints is a part of that.

    Raises
    ------
    TaskTimeout, Stopped : it was killed
    ProcessDied : it ended by itself, without a result
    BaseException : what the function raised, with a note of where
    """
    payload, buffers = dump_value((args, kwargs))
    here = (import_path(), working_folder(), dict(os.environ))
    told = Work(code, payload, replace(place, recorder=None), prints, *here)
    work = frames.parts_of(frames.WORK, pickle.dumps(told), buffers)
    process = OwnProcess(time.monotonic() + _START_S)
    try:
        with stop.by(process.kill):
            return _ended(process, work, timeout_s, sink, place.task_name)
    except Stopped:
        raise
    except BaseException as error:
        if stop.requested:
            raise Stopped(stop.requested) from error
        raise
    finally:
        process.close()


def _ended(process: OwnProcess, work: list[memoryview], timeout_s: float | None, sink: LogSink, maker: str) -> object:
    """What the process ends with."""
    try:
        try:
            return _talked(process, work, timeout_s, sink, maker)
        except Gone:
            died = process.died()
    except TooLate:
        if not process.begun:
            raise ProcessDied(f"its process did not begin within {_START_S:g} s") from None
        raise TaskTimeout(
            f"It ran longer than its timeout_seconds={timeout_s:g}, and its process was killed.",
            "Raise the limit or make it faster.",
        ) from None
    raise died


def _talked(process: OwnProcess, work: list[memoryview], timeout_s: float | None, sink: LogSink, maker: str) -> object:
    process.send(work)
    while True:
        kind, payload, buffers = frames.read(process.read_into)
        if kind == frames.BEGUN:
            process.begun = True
            process.until_s = None if timeout_s is None else time.monotonic() + timeout_s
        elif kind == frames.LINES:
            for level, source, text in pickle.loads(payload):  # noqa: S301 - from our own process
                sink.add(level, source, text)
        elif kind == frames.VALUE:
            return load_value(bytes(payload), buffers, maker)
        else:
            raise _raised(pickle.loads(payload))  # noqa: S301 - from our own process


def _raised(info: ErrorInfo) -> BaseException:
    """The exception of the process, with its traceback as a note, or one that stands for it."""
    error = revive(info)
    if error is None:
        error = TaskFailed(f"{info.type_name}: {info.message}")
        note_remote(error, info)
    return error
