"""Logs: the lines of one attempt, without secrets, cleaned, capped, and sent on while it runs."""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable
from threading import RLock
from typing import Final

from wfkit.authoring.secrets import redacted, redacted_start
from wfkit.core.events import LogLine

#: Characters kept of each attempt: as many from its start as from its end.
HEAD_CHARACTERS: Final = 500_000
TAIL_CHARACTERS: Final = 500_000
LINE_CHARACTERS: Final = 4_000
#: Lines wait this long for more before they are sent.
FLUSH_S: Final = 0.2
_PART_CHARACTERS: Final = 60_000
#: Of a longer line only so much is looked at.
_LOOKED_AT: Final = 4 * LINE_CHARACTERS
_MOST_LEVEL: Final = 1_000
#: Sequences that colour a terminal, move its cursor or set its title; and control characters, in 7 and in 8 bits.
_CONTROL: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-9;?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


class _Unfinished:
    """A line that is still being written, kept short."""

    __slots__ = ("_anew", "_characters", "_left_out", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._characters = self._left_out = 0
        self._anew = False  # it was begun anew after something was left out

    def extend(self, text: str) -> None:
        if self._left_out and not self._anew:  # what does not follow on what was kept could be the end of a secret
            kept = text.find("\r") if "\r" in text else len(text)
            self._left_out += kept
            self._anew = kept < len(text)
            text = text[kept:]
        self._pieces.append(text)
        self._characters += len(text)
        if self._characters > 2 * _LOOKED_AT:
            short, self._left_out = _shortened("".join(self._pieces), self._left_out)
            self._pieces, self._characters, self._anew = [short], len(short), False

    def take(self) -> tuple[str, int]:
        """The line, and how many characters of it were left out; a new one begins."""
        line = "".join(self._pieces), self._left_out
        self._pieces = []
        self._characters = self._left_out = 0
        self._anew = False
        return line


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
        self._lock = RLock()  # a signal or a destructor may log in the middle of a line
        self._waiting: list[LogLine] = []
        self._waiting_characters = self._head = self._tail_characters = 0
        self._tail: deque[LogLine] = deque()
        self._dropped = self._dropped_characters = self._part = 0
        self._flush_planned = self._used = False
        #: What was written without a line end, by level.
        self._unfinished: dict[int, _Unfinished] = {}
        #: Warnings that were shown; Python shows each place once, but once for all attempts in a process.
        self.warned: set[tuple[str, str, int]] = set()

    def write(self, level: int, text: str) -> None:
        """Add printed text, which may hold several lines and end within one."""
        self._used = True
        with self._lock:
            unfinished = self._unfinished.get(level)
            if unfinished is None:
                unfinished = self._unfinished[level] = _Unfinished()
            if "\n" not in text:  # print() writes each of its arguments by itself
                unfinished.extend(text)
                return
            first, *others, last = text.split("\n")
            unfinished.extend(first)
            self.add(level, "print", *unfinished.take())
            for line in others:
                self.add(level, "print", line)
            if last:
                unfinished.extend(last)

    def add(self, level: int, source: str, text: str, left_out: int = 0) -> None:
        """Add one line, without secrets and control codes; of a line that rewrote itself the last form is kept.

        Parameters
        ----------
        level, source, text
        left_out : int
            Characters at its end that are not in `text`.
        """
        self._used = True
        clean = _cleaned(*_shortened(text, left_out))
        line = LogLine(at_s=time.time(), level=min(level, _MOST_LEVEL), source=source, text=clean)
        size = len(line.text) + 1
        with self._lock:
            if self._tail or self._head + size > HEAD_CHARACTERS:
                self._keep_in_tail(line, size)
            else:
                self._head += size
                self._waiting.append(line)
                self._waiting_characters += size
                self._plan_flush()

    def close(self) -> None:
        """Send what is left: a last line without its end, the waiting lines, what was dropped, and the tail."""
        if not self._used:
            return
        with self._lock:
            for level, unfinished in self._unfinished.items():
                text, left_out = unfinished.take()
                if text:
                    self.add(level, "print", text, left_out)
            if self._dropped:
                text = f"… {self._dropped} lines ({self._dropped_characters} characters) dropped here …"
                at_s = self._tail[0].at_s
                self._waiting.append(LogLine(at_s=at_s, level=logging.WARNING, source="wfkit", text=text))
            self._waiting.extend(self._tail)
            self._tail.clear()
            self._flush()

    def _keep_in_tail(self, line: LogLine, size: int) -> None:
        self._tail.append(line)
        self._tail_characters += size
        while self._tail_characters > TAIL_CHARACTERS:
            gone = len(self._tail.popleft().text) + 1
            self._tail_characters -= gone
            self._dropped += 1
            self._dropped_characters += gone

    def _plan_flush(self) -> None:
        if self._waiting_characters >= _PART_CHARACTERS:
            self._flush()
        elif not self._flush_planned:
            self._flush_planned = True
            self._later(FLUSH_S, self._flush_later)

    def _flush_later(self) -> None:
        with self._lock:
            self._flush_planned = False
            self._flush()

    def _flush(self) -> None:
        lines, self._waiting, self._waiting_characters = self._waiting, [], 0
        while lines:
            size = count = 0
            while count < len(lines) and size <= _PART_CHARACTERS:
                size += len(lines[count].text)
                count += 1
            self._send(self._part, tuple(lines[:count]))
            self._part += 1
            lines = lines[count:]


def _shortened(text: str, left_out: int) -> tuple[str, int]:
    """A line without its former selves, and without what nobody will see of it; and how many characters that is."""
    if not left_out and len(text) <= _LOOKED_AT:
        return text, 0
    start = text.rfind("\r", 0, len(text.rstrip("\r"))) + 1
    own = text[start:] if start else text
    left_out = (0 if start else left_out) + max(0, len(own) - _LOOKED_AT)
    return redacted_start(own, _LOOKED_AT), left_out


def _cleaned(text: str, left_out: int) -> str:
    clean = redacted(text)
    if not clean.isprintable():  # once more: control codes may stand within a secret
        clean = redacted(_CONTROL.sub("", clean.rstrip("\r\n").rpartition("\r")[2]))
    left_out += max(0, len(clean) - LINE_CHARACTERS)
    return f"{clean[:LINE_CHARACTERS]}… ({left_out} more characters)" if left_out else clean
