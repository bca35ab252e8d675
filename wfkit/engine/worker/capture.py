"""Capture: brings what a task's code logs, prints and warns to the log of its attempt."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from threading import Lock
from typing import Final, TextIO

from wfkit.engine.worker.failure import safe_text
from wfkit.engine.worker.logs import LogSink

_SINK: Final[ContextVar[LogSink | None]] = ContextVar("wfkit_log_sink", default=None)
_PRINTS: Final[ContextVar[bool]] = ContextVar("wfkit_log_prints", default=False)


class _Captured:
    """The block of `captured`; a generator would cost three times as much, for each task."""

    __slots__ = ("_prints", "_sink", "_tokens")

    def __init__(self, sink: LogSink, *, prints: bool) -> None:
        self._sink, self._prints = sink, prints

    def __enter__(self) -> None:
        _install()
        self._tokens = _SINK.set(self._sink), _PRINTS.set(self._prints)

    def __exit__(self, *_: object) -> None:
        sink, prints = self._tokens
        _SINK.reset(sink)
        _PRINTS.reset(prints)
        self._sink.close()


def captured(sink: LogSink, *, prints: bool) -> AbstractContextManager[None]:
    """Send what the block logs, warns and (with `prints`) prints to `sink`; other threads are not touched."""
    return _Captured(sink, prints=prints)


class _Handler(logging.Handler):
    """Routes log records to the attempt whose code logged them."""

    #: Without us the root logger had no handler, so warnings outside tasks go where Python sends them by default.
    alone = False

    def emit(self, record: logging.LogRecord) -> None:
        sink = _SINK.get()
        if sink is None:
            if self.alone and record.levelno >= logging.WARNING and logging.lastResort is not None:
                logging.lastResort.handle(record)
            return
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - arguments of the user's that do not fit the message
            text = f"{safe_text(record.msg)} (its arguments do not fit: {safe_text(error)})"
        for line in text.splitlines() or [""]:
            sink.add(record.levelno, record.name, line)


class _Prints:
    """Stands in for a standard stream: lines printed by a task that asked for it go to its log."""

    def __init__(self, stream: TextIO, level: int) -> None:
        self._stream, self._level = stream, level

    def write(self, text: str) -> int:
        sink = _SINK.get()
        if sink is None or not _PRINTS.get():
            return self._stream.write(text)
        sink.write(self._level, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


_INSTALL_LOCK: Final = Lock()


def _install() -> None:
    """Put our routers in place, once, and again if user code replaced a stream or the warnings hook."""
    if isinstance(sys.stdout, _Prints) and warnings.showwarning is _show_warning and _HANDLER in logging.root.handlers:
        return
    with _INSTALL_LOCK:
        root = logging.getLogger()
        if _HANDLER not in root.handlers:
            _HANDLER.alone = not root.handlers
            root.addHandler(_HANDLER)
            if root.level > logging.INFO:
                root.setLevel(logging.INFO)
        if not isinstance(sys.stdout, _Prints):
            sys.stdout = _Prints(sys.stdout, logging.INFO)
        if not isinstance(sys.stderr, _Prints):
            sys.stderr = _Prints(sys.stderr, logging.WARNING)
        if warnings.showwarning is not _show_warning:
            if not _PREVIOUS_HOOK:
                # Behind all other rules, for what none of them names: every time, and we show each place once.
                warnings.simplefilter("always", append=True)
            _PREVIOUS_HOOK[:] = [warnings.showwarning]
            warnings.showwarning = _show_warning


_HANDLER: Final = _Handler(logging.NOTSET)
_PREVIOUS_HOOK: Final[list[Callable[..., None]]] = []
_WARNED_OUTSIDE: Final[set[tuple[str, str, int]]] = set()


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    sink = _SINK.get()
    text = f"{category.__name__}: {safe_text(message)} ({filename}:{lineno})"
    warned = _WARNED_OUTSIDE if sink is None else sink.warned
    place = (text, filename, lineno)
    if place in warned:
        return
    warned.add(place)
    if sink is None or file is not None:
        _PREVIOUS_HOOK[0](message, category, filename, lineno, file, line)
    else:
        sink.add(logging.WARNING, "warnings", text)
