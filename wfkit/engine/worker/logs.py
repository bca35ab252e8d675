"""Logs: what a task logs, prints and warns, captured per attempt, streamed and capped."""

from __future__ import annotations

import logging
import re
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Final, TextIO

from wfkit.core.events import LogLine

#: Characters kept of each attempt: as many from its start as from its end.
HEAD_CHARACTERS: Final = 500_000
TAIL_CHARACTERS: Final = 500_000
LINE_CHARACTERS: Final = 4_000
#: Lines wait this long for more before they are sent.
FLUSH_S: Final = 0.2
_PART_CHARACTERS: Final = 60_000
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f\x9b]")


class LogSink:
    """Collects the lines of one attempt and hands them on in parts.

    Parameters
    ----------
    send : callable
        Takes the number of the part, from 0, and its lines.
    later : callable
        Calls a function after some seconds, from another thread.
    """

    def __init__(
        self,
        send: Callable[[int, tuple[LogLine, ...]], None],
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._send, self._later = send, later
        self._lock = Lock()
        self._waiting: list[LogLine] = []
        self._waiting_characters = self._head = self._tail_characters = 0
        self._tail: deque[LogLine] = deque()
        self._dropped = self._dropped_characters = self._part = 0
        self._flush_planned = False

    def add(self, level: int, source: str, text: str) -> None:
        """Add one line of text; control codes are taken out, and of a line that rewrote itself the last form is kept."""
        clean = _CONTROL.sub("", text.rstrip("\r\n").rpartition("\r")[2])
        if len(clean) > LINE_CHARACTERS:
            clean = f"{clean[:LINE_CHARACTERS]}… ({len(clean) - LINE_CHARACTERS} more characters)"
        line = LogLine(at_s=time.time(), level=level, source=source, text=clean)
        with self._lock:
            if self._head + len(clean) <= HEAD_CHARACTERS and not self._tail:
                self._head += len(clean) + 1
                self._waiting.append(line)
                self._waiting_characters += len(clean)
                self._plan_flush()
            else:
                self._keep_in_tail(line)

    def close(self) -> None:
        """Send what is left: the waiting lines, what was dropped, and the tail."""
        with self._lock:
            if self._dropped:
                self._waiting.append(
                    LogLine(
                        at_s=self._tail[0].at_s,
                        level=logging.WARNING,
                        source="wfkit",
                        text=f"… {self._dropped} lines ({self._dropped_characters} characters) dropped here …",
                    )
                )
            self._waiting.extend(self._tail)
            self._tail.clear()
            self._flush()

    def _keep_in_tail(self, line: LogLine) -> None:
        self._tail.append(line)
        self._tail_characters += len(line.text) + 1
        while self._tail_characters > TAIL_CHARACTERS:
            gone = self._tail.popleft()
            self._tail_characters -= len(gone.text) + 1
            self._dropped += 1
            self._dropped_characters += len(gone.text) + 1

    def _plan_flush(self) -> None:
        if self._waiting_characters >= _PART_CHARACTERS:
            self._flush()
        elif not self._flush_planned:
            self._flush_planned = True
            self._later(FLUSH_S, self._flush_later)

    def _flush_later(self) -> None:
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        self._flush_planned = False
        lines, self._waiting, self._waiting_characters = self._waiting, [], 0
        while lines:
            size = count = 0
            while count < len(lines) and size <= _PART_CHARACTERS:
                size += len(lines[count].text)
                count += 1
            self._send(self._part, tuple(lines[:count]))
            self._part += 1
            lines = lines[count:]


_SINK: Final[ContextVar[LogSink | None]] = ContextVar("wfkit_log_sink", default=None)
_PRINTS: Final[ContextVar[bool]] = ContextVar("wfkit_log_prints", default=False)


@contextmanager
def captured(sink: LogSink, *, prints: bool) -> Iterator[None]:
    """Send what the block logs, warns and (with `prints`) prints to `sink`; other threads are not touched."""
    _install()
    sink_token, prints_token = _SINK.set(sink), _PRINTS.set(prints)
    try:
        yield
    finally:
        _flush_prints(sink)
        _SINK.reset(sink_token)
        _PRINTS.reset(prints_token)
        sink.close()


class _Handler(logging.Handler):
    """Routes log records to the attempt whose code logged them."""

    def emit(self, record: logging.LogRecord) -> None:
        sink = _SINK.get()
        if sink is None:
            if self.alone and record.levelno >= logging.WARNING and logging.lastResort is not None:
                logging.lastResort.handle(record)
            return
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - arguments of the user's that do not fit the message
            text = f"{record.msg!r} (its arguments do not fit: {error})"
        for line in text.splitlines() or [""]:
            sink.add(record.levelno, record.name, line)

    #: Without us the root logger had no handler, so warnings outside tasks go where Python sends them by default.
    alone = False


class _Prints:
    """Stands in for a standard stream: lines printed by a task that asked for it go to its log."""

    def __init__(self, stream: TextIO, level: int) -> None:
        self._stream, self._level = stream, level
        self._partial: ContextVar[str] = ContextVar("wfkit_partial_line", default="")

    def write(self, text: str) -> int:
        sink = _SINK.get()
        if sink is None or not _PRINTS.get():
            return self._stream.write(text)
        *lines, partial = (self._partial.get() + text).split("\n")
        for line in lines:
            sink.add(self._level, "print", line)
        self._partial.set(partial[-LINE_CHARACTERS:])
        return len(text)

    def finish(self, sink: LogSink) -> None:
        """Send a last line that had no line end."""
        if partial := self._partial.get():
            sink.add(self._level, "print", partial)
            self._partial.set("")

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _flush_prints(sink: LogSink) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Prints):
            stream.finish(sink)


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
            sys.stdout = _Prints(sys.stdout, logging.INFO)  # type: ignore[assignment]  # a stream by duck type
        if not isinstance(sys.stderr, _Prints):
            sys.stderr = _Prints(sys.stderr, logging.WARNING)  # type: ignore[assignment]  # a stream by duck type
        if warnings.showwarning is not _show_warning:
            _PREVIOUS_HOOK[:] = [warnings.showwarning]
            warnings.showwarning = _show_warning


_HANDLER: Final = _Handler(logging.NOTSET)
_PREVIOUS_HOOK: Final[list[Callable[..., None]]] = []


def _show_warning(  # noqa: PLR0913 - the signature of warnings.showwarning
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    sink = _SINK.get()
    if sink is None or file is not None:
        _PREVIOUS_HOOK[0](message, category, filename, lineno, file, line)
        return
    sink.add(logging.WARNING, "warnings", f"{category.__name__}: {message} ({filename}:{lineno})")
