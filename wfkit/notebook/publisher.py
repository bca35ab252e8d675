"""The publisher: one thread that sends the messages of all live views, never too many and never none."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

_LOG = logging.getLogger("wfkit.notebook.publisher")
_LOG.addHandler(logging.NullHandler())  # a thread must not write into whichever cell runs just then

_INTERVAL_S: Final = 0.1  #: between two messages of one line
_KERNEL_PER_S: Final = 20  #: messages of all lines together
_BYTES_PER_S: Final = 200_000  #: of one line
_IDLE_S: Final = 10.0  #: after which the thread ends; the next wake starts another


class Line:
    """One view's place at the publisher."""

    def __init__(self, publisher: Publisher, publish: Callable[[], int]) -> None:
        self.publisher = publisher
        self.publish = publish  #: sends what there is to say and returns its size in bytes; 0 = nothing was said
        self.sent_s = float("-inf")
        self.due_s = float("-inf")  #: not before this

    def wake(self) -> None:
        """There is something to say. Cheap; may be called from any thread, with any lock held."""
        self.publisher.wake(self)

    def wake_now(self) -> None:
        """Somebody waits for it: the budget of bytes does not count, the rate of messages does."""
        self.publisher.wake(self, hurry=True)


class Publisher:
    """Calls `publish` of each line that was woken: at once if it was quiet, else when its turn has come.

    After the last wake there is always one more call, so the last word is always said.
    """

    def __init__(self, interval_s: float = _INTERVAL_S, idle_s: float = _IDLE_S) -> None:
        self._interval_s = interval_s
        self._idle_s = idle_s
        self._changed = threading.Condition(threading.Lock())
        self._woken: dict[Line, None] = {}
        self._thread: threading.Thread | None = None

    def line(self, publish: Callable[[], int]) -> Line:
        """Open a line for a view."""
        return Line(self, publish)

    def wake(self, line: Line, *, hurry: bool = False) -> None:
        """Note that a line has something to say."""
        with self._changed:
            if hurry:
                line.due_s = min(line.due_s, line.sent_s + self._interval_s)
            elif line in self._woken:
                return
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
                    line.sent_s = now_s
                    line.due_s = now_s + max(self._interval_s, crowd, size / _BYTES_PER_S)

    def _next(self) -> Line | None:
        """Wait for the line whose turn it is; None after a long silence, when the thread shall end."""
        with self._changed:
            idle_until_s = time.monotonic() + self._idle_s
            while True:
                now_s = time.monotonic()
                line = min(self._woken, key=lambda each: each.due_s, default=None)
                if line is not None and line.due_s <= now_s:
                    del self._woken[line]
                    return line
                if line is None and now_s >= idle_until_s:
                    self._thread = None
                    return None
                self._changed.wait((idle_until_s if line is None else line.due_s) - now_s)


#: Serves all views of this process.
PUBLISHER: Final = Publisher()
