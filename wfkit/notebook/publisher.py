"""The publisher: one thread that sends the messages of all live views, never too many and never none."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

_LOG = logging.getLogger("wfkit.notebook.publisher")
_LOG.addHandler(logging.NullHandler())  # a thread must not write into whichever cell runs just then

_INTERVAL_S: Final = 0.1  #: between two messages about one run
_KERNEL_PER_S: Final = 20  #: messages of all lines together
_BYTES_PER_S: Final = 200_000  #: about one run, in all its views
_IDLE_S: Final = 10.0  #: after which the thread ends; the next wake starts another


class Line:
    """One view's place at the publisher."""

    def __init__(self, publisher: Publisher, publish: Callable[[], int], run: Callable[[], object]) -> None:
        self.publisher = publisher
        self.publish = publish  #: sends what there is to say and returns its size in bytes; 0 = nothing was said
        self.run = run  #: tells the run that it speaks of now
        self.hurries = False

    def wake(self) -> None:
        """There is something to say. Cheap; may be called from any thread, with any lock held."""
        self.publisher.wake(self)

    def wake_now(self) -> None:
        """Somebody waits for it: the budget of bytes does not count, the rate of messages does."""
        self.publisher.wake(self, hurry=True)


class _Pace:
    """When somebody may speak of a run again."""

    def __init__(self) -> None:
        self.sent_s = float("-inf")
        self.due_s = float("-inf")


class Publisher:
    """Calls `publish` of each line that was woken: at once if it was quiet, else when its turn has come.

    After the last wake there is always one more call, so the last word is always said.
    """

    def __init__(self, interval_s: float = _INTERVAL_S, idle_s: float = _IDLE_S) -> None:
        self._interval_s = interval_s
        self._idle_s = idle_s
        self._changed = threading.Condition(threading.Lock())
        self._woken: dict[Line, None] = {}
        self._paces = WeakKeyDictionary[object, _Pace]()  # by run
        self._thread: threading.Thread | None = None

    def line(self, publish: Callable[[], int], run: Callable[[], object]) -> Line:
        """Open a line for a view. All that speak of the same run share its budget, and take turns."""
        return Line(self, publish, run)

    def wake(self, line: Line, *, hurry: bool = False) -> None:
        """Note that a line has something to say."""
        with self._changed:
            if line in self._woken and line.hurries >= hurry:
                return
            line.hurries |= hurry
            self._woken[line] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wfkit-publisher", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while (line := self._next()) is not None:
            try:
                size = line.publish()
            except Exception:  # noqa: BLE001 - one broken view must not silence the others
                _LOG.exception("A view could not be sent.")
                size = 1  # counts as a message: a broken line must not spin
            now_s = time.monotonic()
            with self._changed:
                crowd = (1 + len(self._woken)) / _KERNEL_PER_S
                if size:
                    pace = self._pace(line)
                    pace.sent_s = now_s
                    pace.due_s = now_s + max(self._interval_s, crowd, size / _BYTES_PER_S)

    def _pace(self, line: Line) -> _Pace:
        return self._paces.setdefault(line.run(), _Pace())

    def _due_s(self, line: Line) -> float:
        pace = self._pace(line)
        return min(pace.due_s, pace.sent_s + self._interval_s) if line.hurries else pace.due_s

    def _next(self) -> Line | None:
        """Wait for the line whose turn it is; None after a long silence, when the thread shall end."""
        with self._changed:
            idle_until_s = time.monotonic() + self._idle_s
            while True:
                now_s = time.monotonic()
                line = min(self._woken, key=self._due_s, default=None)  # of several the one that waits longest
                due_s = idle_until_s if line is None else self._due_s(line)
                if due_s > now_s:
                    self._changed.wait(due_s - now_s)
                elif line is None:
                    self._thread = None
                    return None
                else:
                    del self._woken[line]
                    line.hurries = False
                    return line


#: Serves all views of this process.
PUBLISHER: Final = Publisher()
