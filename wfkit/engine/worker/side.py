"""Worker side: what one worker keeps for wfkit. It reports events and knows what was cancelled."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import Final

from distributed import Worker, WorkerPlugin, get_worker

from wfkit.core import wire
from wfkit.core.events import AnyEvent

NAME: Final = "wfkit-worker"
#: Runs whose cancellation a worker remembers.
_KEPT_RUNS: Final = 1_000


class WorkerSide(WorkerPlugin):
    """Registered on every worker of a cluster that wfkit uses."""

    name = NAME
    idempotent = True

    def setup(self, worker: Worker) -> None:
        """Called by Dask in each worker."""
        self.worker = worker
        self._events: deque[tuple[str, list[wire.Packable]]] = deque()
        self._sending = False
        self._changed = Condition()
        self._cancelled: dict[str, set[tuple[str, int]] | None] = {}
        worker.stream_handlers["wfkit-cancel"] = self._cancel

    def emit(self, run_id: str, event: AnyEvent) -> None:
        """Report an event of a run; from any thread, in order within a thread."""
        self._events.append((run_id, wire.encode(event)))
        if not self._sending:
            self._sending = True
            self.worker.loop.add_callback(self._send)

    def _send(self) -> None:
        self._sending = False
        by_run: dict[str, list[list[wire.Packable]]] = {}
        while self._events:
            run_id, event = self._events.popleft()
            by_run.setdefault(run_id, []).append(event)
        for run_id, events in by_run.items():
            self.worker.batched_send({"op": "wfkit-events", "run": run_id, "events": events})

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function in the worker's own thread after some time; from any thread."""
        self.worker.loop.add_callback(self.worker.loop.call_later, seconds, function)

    def begin(self, run_id: str, group: str, index: int, event: AnyEvent) -> bool:
        """Report the start of a node, unless it was cancelled; then return False."""
        with self._changed:
            if self._is_cancelled(run_id, group, index):
                return False
            self.emit(run_id, event)
            return True

    def pause(self, run_id: str, group: str, index: int, seconds: float) -> bool:
        """Wait before the next attempt of a node; False at once when it is cancelled."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self._is_cancelled(run_id, group, index):
                left = until - time.monotonic()
                if left <= 0:
                    return True
                self._changed.wait(left)
            return False

    def _is_cancelled(self, run_id: str, group: str, index: int) -> bool:
        if run_id not in self._cancelled:
            return False
        nodes = self._cancelled[run_id]
        return nodes is None or (group, index) in nodes

    def _cancel(self, run: str, request: str, nodes: list[list[object]] | None = None) -> None:
        """Remember a cancellation and confirm it, after everything that was reported before."""
        with self._changed:
            if nodes is None:
                self._cancelled[run] = None
            elif (known := self._cancelled.setdefault(run, set())) is not None:
                known.update((str(group), int(index)) for group, index in nodes)  # type: ignore[call-overload]
            while len(self._cancelled) > _KEPT_RUNS:
                del self._cancelled[next(iter(self._cancelled))]
            self._changed.notify_all()
        self._send()
        self.worker.batched_send({"op": "wfkit-cancelled", "run": run, "request": request})


def here() -> WorkerSide:
    """The side of the worker that executes the calling thread's task."""
    side = get_worker().plugins[NAME]
    assert isinstance(side, WorkerSide)
    return side
