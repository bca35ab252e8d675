"""Watcher: consumes a run's feed as the live view does, without a browser."""

from __future__ import annotations

import json
import time

from wfkit.core.states import RUN_ENDS
from wfkit.engine.driver.run import Run
from wfkit.notebook.feed import Message, Sent, delta, snapshot
from wfkit.notebook.publisher import PUBLISHER


class Watcher:
    """Takes a snapshot and then at most ten deltas a second, from the publisher that serves live views.

    Parameters
    ----------
    run : Run

    Attributes
    ----------
    messages, sent_bytes : int
        What a browser would have got.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sent: Sent | None = None
        self.messages = self.sent_bytes = 0
        self._line = PUBLISHER.line(self._publish, lambda: self._run)
        self._unsubscribe = run.subscribe(self._line.wake)
        self._line.wake()

    def _publish(self) -> int:
        with self._run.lock:
            view = self._run.view_model
            if self._sent is None:
                message, self._sent = snapshot(view, time.time())
            elif view.version == self._sent.version:
                return 0
            else:
                message = delta(view, self._sent, time.time())
            if view.state in RUN_ENDS:
                self._unsubscribe()
        size = size_of(message)
        self.messages += 1
        self.sent_bytes += size
        return size


def size_of(message: Message) -> int:
    """Bytes of a message as it goes to a browser."""
    content, buffers = message
    return len(json.dumps(content)) + sum(map(len, buffers))
