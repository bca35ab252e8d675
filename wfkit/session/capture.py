"""Capture: what a body in a thread of its own prints, logs and shows goes to the log of its run, not into a cell."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, Final, TextIO

from wfkit.core.events import LogLine
from wfkit.engine.worker.logs import LogSink

_SINK: Final[ContextVar[LogSink | None]] = ContextVar("wfkit_body_sink", default=None)


@contextmanager
def captured(take: Callable[[tuple[LogLine, ...]], None]) -> Iterator[None]:
    """Hand on what the block prints, logs and displays, as lines; nothing of other threads.

    A notebook puts what a thread prints into whichever cell was executed last. Streams and log handlers are changed
    only while such blocks run, and only if nobody else (`%%capture`) has changed them meanwhile they are put back.

    Parameters
    ----------
    take : callable
        Takes lines, from this and from other threads; its size is limited as that of a task's log is.
    """
    sink = LogSink(lambda _part, lines: take(lines), _later)
    token = _SINK.set(sink)
    with ExitStack() as undo:
        _ROUTES.open()
        undo.callback(_ROUTES.close)
        undo.callback(sink.close)
        undo.callback(_SINK.reset, token)
        _hold_displays(sink, undo)
        yield


def _later(seconds: float, work: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


class _Stream:
    """Stands in for a standard stream."""

    def __init__(self, stream: TextIO, level: int) -> None:
        self._stream, self._level = stream, level

    def stands_for(self, stream: TextIO, level: int) -> bool:
        """Whether it can stand in for a stream once more."""
        return self._stream is stream and self._level == level

    def write(self, text: str) -> int:
        sink = _SINK.get()
        if sink is None:
            return self._stream.write(text)
        sink.write(self._level, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _LogHandler(logging.Handler):
    """Takes the records of captured code."""

    def emit(self, record: logging.LogRecord) -> None:
        if (sink := _SINK.get()) is not None:
            for line in self.format(record).splitlines():
                sink.add(record.levelno, record.name, line)


def _is_not_captured(_: logging.LogRecord) -> bool:
    return _SINK.get() is None


class _Routes:
    """The changes to streams and log handlers, in place while somebody is captured."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._undo = ExitStack()
        #: Stand-ins that were made. None is ever freed: `print` in another thread may be using it (CPython 3.11 does
        #: not hold on to the stream that it writes to), and that would end the process.
        self._streams: list[_Stream] = []

    def open(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                for name, level in (("stdout", logging.INFO), ("stderr", logging.WARNING)):
                    self._replace(name, level)
                if handlers := list(logging.root.handlers):  # else warnings go to `sys.stderr`, which is routed
                    self._take_records(handlers)

    def close(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._undo.close()

    def _replace(self, name: str, level: int) -> None:
        before = getattr(sys, name)
        if any(isinstance(stream, _Stream) for stream in _layers(before)):
            return  # put back by a `%%capture` that outlived us, or below that of a worker in this process
        ours = next((one for one in self._streams if one.stands_for(before, level)), None)
        if ours is None:
            ours = _Stream(before, level)
            self._streams.append(ours)
        setattr(sys, name, ours)

        def put_back() -> None:
            if getattr(sys, name) is ours:
                setattr(sys, name, before)

        self._undo.callback(put_back)

    def _take_records(self, handlers: list[logging.Handler]) -> None:
        """Handlers that exist write to streams that they were given long ago, so they leave our records out."""
        for handler in handlers:
            handler.addFilter(_is_not_captured)
            self._undo.callback(handler.removeFilter, _is_not_captured)
        ours = _LogHandler()
        logging.root.addHandler(ours)
        self._undo.callback(logging.root.removeHandler, ours)


def _layers(stream: object) -> Iterator[object]:
    """A stream, and what it hands on to, as far as our own stand-ins go."""
    while stream is not None:
        yield stream
        stream = vars(stream).get("_stream") if hasattr(stream, "__dict__") else None


_ROUTES: Final = _Routes()


def _hold_displays(sink: LogSink, undo: ExitStack) -> None:
    """Log what the block displays as text: an output of a thread, too, would appear in the cell executed last."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    publisher: Any = getattr(shell, "display_pub", None)
    if not hasattr(publisher, "register_hook"):
        return

    def hold(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if message["header"]["msg_type"] not in {"display_data", "update_display_data"}:
            return message
        for line in str(message["content"]["data"].get("text/plain", "")).splitlines():
            sink.add(logging.INFO, "display", line)
        return None

    publisher.register_hook(hold)  # of this thread alone
    undo.callback(publisher.unregister_hook, hold)
