"""Isolated child: what the process of an isolated task does."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import inspect
import linecache
import os
import pickle
import socket
import sys
import threading
from typing import Any, Final, NamedTuple

from wfkit.authoring.context import TaskBody, inside
from wfkit.core.events import LogLine
from wfkit.engine.worker import frames
from wfkit.engine.worker.capture import captured
from wfkit.engine.worker.failure import describe
from wfkit.engine.worker.logs import LogSink
from wfkit.engine.worker.look import child as look_child
from wfkit.engine.worker.outcome import dump_value
from wfkit.engine.worker.result import check_result


class Work(NamedTuple):
    """What the process is told first, but for the arguments, which come in the same frame."""

    code: bytes
    arguments: bytes
    place: TaskBody
    prints: bool
    path: list[str]  #: these three as they are in the worker
    folder: str
    environment: dict[str, str]


def work(talk: int, words: int) -> None:
    """Execute one task, tell how it ended, and end this process.

    Parameters
    ----------
    talk : int
        Descriptor of a socket to the worker.
    words : int
        Descriptor of the file that takes the last words of a process that crashes.
    """
    faulthandler.enable(words)
    connection = _Connection(socket.socket(fileno=talk))
    kind, payload, buffers = frames.read(connection.read_into)
    if kind == frames.LOOK:
        look_child.show(connection.send, payload, buffers)
        os._exit(0)
    assert kind == frames.WORK
    try:
        parts = _parts(connection, payload, buffers)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the worker shall know
        parts = frames.parts_of(frames.ERROR, pickle.dumps(describe(error, leaves_machine=False)))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):  # which may be the user's own
            stream.flush()
    connection.send(parts)
    os._exit(0)


def _parts(connection: _Connection, payload: bytearray, buffers: list[bytearray]) -> list[memoryview]:
    """Execute the task; its value as a frame."""
    told: Work = pickle.loads(payload)  # noqa: S301 - from our own worker
    sys.path[:] = told.path
    os.environ.clear()
    os.environ.update(told.environment)
    if told.folder:
        os.chdir(told.folder)
    function, _, cells = pickle.loads(told.code)  # noqa: S301 - from our own driver
    for name, text in cells.items():
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    args, kwargs = pickle.loads(told.arguments, buffers=buffers)  # noqa: S301 - from our own worker
    connection.send(frames.parts_of(frames.BEGUN, b""))
    sink = LogSink(connection.send_lines, lambda _, flush: flush())  # at once: a crash would take waiting lines along
    with captured(sink, prints=told.prints), inside(told.place):
        value = function(*args, **kwargs)
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
    try:
        return frames.parts_of(frames.VALUE, *dump_value(value))
    except BaseException:
        check_result(value, told.place.task_name)  # says what cannot be pickled
        raise


_NO_MORE: Final = "the worker is gone"


class _Connection:
    """The socket to the worker; any thread may log."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self._owner = os.getpid()

    def read_into(self, room: memoryview) -> None:
        while room:
            size = self._connection.recv_into(room)
            if not size:
                raise EOFError(_NO_MORE)
            room = room[size:]

    def send(self, parts: list[memoryview]) -> None:
        if os.getpid() != self._owner:
            return  # the task forked, and this is a copy that has no say
        with self._lock:
            for part in parts:
                self._connection.sendall(part)

    def send_lines(self, _: int, lines: tuple[LogLine, ...]) -> None:
        told: list[tuple[Any, ...]] = [(line.level, line.source, line.text) for line in lines]
        self.send(frames.parts_of(frames.LINES, pickle.dumps(told)))
