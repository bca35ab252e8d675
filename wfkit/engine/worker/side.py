"""Worker side: what one worker keeps for wfkit: its line to the driver, and what was cancelled, held or noted."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from queue import Empty, SimpleQueue
from threading import Condition, Lock
from typing import Any, Final, Literal, NamedTuple

from distributed import Worker, WorkerPlugin, get_worker

from wfkit.authoring.context import inherit_in_threads
from wfkit.core import wire
from wfkit.core.events import AnyEvent, NodeStarted, NodeStopping
from wfkit.core.ids import GroupId
from wfkit.engine.blackbox import BlackBox
from wfkit.engine.worker.calls import Codes
from wfkit.engine.worker.places import Places
from wfkit.engine.worker.stop import Shield, Stop
from wfkit.engine.worker.stored import Writers

NAME: Final = "wfkit-worker"
_logger: Final = logging.getLogger(__name__)
#: Runs whose code is kept.
_KEPT_CODES: Final = 20
#: Runs whose cancellation a worker remembers.
_KEPT_RUNS: Final = 1_000
#: A thread that waits for an answer looks up so often, to be stopped.
_LOOK_S: Final = 0.5
#: A worker that closes waits so long for results that are being written.
LAST_WRITES_S: Final = 10.0

#: A node: run, group, element.
NodeId = tuple[str, str, int]


class Begin(Enum):
    """Whether a node may begin."""

    GO = "go"
    CANCELLED = "cancelled"
    HELD = "held"  #: its run is paused


class Note(NamedTuple):
    """What the scheduler says of a key whose task was on a worker that died."""

    crashes: int = 0  #: workers that died while it ran
    alone: bool = False  #: no other suspect may run beside it
    condemned: str = ""  #: why it is not executed again
    lost: bool = False  #: it was done, and its result is gone


class WorkerSide(WorkerPlugin):
    """Registered on every worker of a cluster that wfkit uses."""

    name = NAME
    idempotent = True

    def setup(self, worker: Worker) -> None:
        """Called by Dask in each worker."""
        self.worker = worker
        if (stream := worker.batched_stream.comm) is not None:
            # Dask measured each message (7 % of a worker), to write and read large ones in a thread. Ours are small,
            # and what comes from the scheduler is bytes for the most part.
            stream.allow_offload = False
        self.places = Places.of(worker)
        #: Outlives this process; None where there is no place for it.
        self._box = BlackBox.in_folder(worker.local_directory)
        self._box_is_told = self._box is None
        #: Runs and code ids that the driver has been sent.
        self.told_codes: set[tuple[str, str]] = set()
        #: By run: the code of tasks that tasks call, frozen at the first call.
        self._codes: dict[str, Codes] = {}
        #: By run: how many more nodes the driver allowed when it was last asked.
        self.allowances: dict[str, int] = {}
        #: Held by the suspect that runs here: a task that was running when a worker died.
        self.suspect = Lock()
        #: Write results that last.
        self.writers = Writers()
        self._news: deque[tuple[str, list[wire.Packable]]] = deque()
        #: By run and Dask key: whether it executes user code now, or rests.
        self._moves: dict[tuple[str, str], Literal["began", "rested"]] = {}
        self._sending = False
        self._changed = Condition()
        self._cancelled: dict[str, set[tuple[str, int]] | None] = {}
        self._held: set[str] = set()
        self._running: dict[NodeId, tuple[Stop, int]] = {}  #: and the attempt
        self._notes: dict[str, Note] = {}
        self._numbers = itertools.count(1)
        self._questions: dict[str, Callable[[list[Any]], None]] = {}
        handlers = worker.stream_handlers
        handlers["wfkit-cancel"] = self._cancel
        handlers["wfkit-hold"] = self._hold
        handlers["wfkit-answer"] = self._answer
        handlers["wfkit-notes"] = self._take_notes
        inherit_in_threads()

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's
        """Called by Dask when the worker closes: the ends of nodes whose values are being written are told first."""
        await asyncio.to_thread(self.writers.finish, LAST_WRITES_S)
        self._send()

    def codes(self, run_id: str) -> Codes:
        """The code of the tasks that are called in the tasks of a run, as it was at the first call here."""
        known = self._codes.get(run_id)
        if known is None:
            known = self._codes[run_id] = Codes()
            while len(self._codes) > _KEPT_CODES:
                del self._codes[next(iter(self._codes))]
        return known

    # To the driver

    def emit(self, run_id: str, event: AnyEvent) -> None:
        """Report an event of a run; from any thread, in order within a thread."""
        self.tell(run_id, ["event", wire.encode(event)])

    def tell(self, run_id: str, news: list[wire.Packable]) -> None:
        """Tell the driver of a run something; from any thread, in order with the events."""
        self._news.append((run_id, news))
        self._send_soon()

    def began(self, run_id: str, key: str) -> None:
        """Note that a Dask task executes user code from now on."""
        self._moves[run_id, key] = "began"
        if self._box is not None:
            self._box.note(key)

    def rested(self, run_id: str, key: str) -> None:
        """Note that a Dask task waits, and cannot be what a worker dies of."""
        self._moves[run_id, key] = "rested"
        self.ended(key)
        self._send_soon()

    def ended(self, key: str) -> None:
        """Note that a Dask task does not execute user code any more."""
        if self._box is not None:
            self._box.forget(key)

    def _send_soon(self) -> None:
        if not self._sending:
            self._sending = True
            self.worker.loop.add_callback(self._send)

    def _send(self) -> None:
        self._sending = False
        by_run: dict[str, dict[str, list[Any]]] = {}
        moves, self._moves = self._moves, {}
        for (run_id, key), move in list(moves.items()):
            by_run.setdefault(run_id, {"news": []}).setdefault(move, []).append(key)
        while self._news:
            run_id, news = self._news.popleft()
            by_run.setdefault(run_id, {"news": []})["news"].append(news)
        for run_id, found in by_run.items():
            if not self._box_is_told and self._box is not None:
                self._box_is_told = True
                found["box"] = [*self._box.where]
            self.worker.batched_send({"op": "wfkit-news", "run": run_id, **found})

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function in the worker's own thread after some time; from any thread."""
        self.worker.loop.add_callback(self.worker.loop.call_later, seconds, function)

    # Questions and their answers

    def ask(self, run_id: str, question: list[wire.Packable], take: Callable[[list[Any]], None]) -> None:
        """Ask the driver something; the answer is handed to `take` in the worker's own thread."""
        number = f"{next(self._numbers)}"
        self._questions[number] = take
        self.tell(run_id, ["ask", number, self.worker.address, *question])

    def ask_and_wait(self, run_id: str, question: list[wire.Packable], timeout_s: float = math.inf) -> list[Any]:
        """Ask the driver something that it knows, and wait for the answer.

        Raises
        ------
        TimeoutError : the time passed first, or nobody answers for the run any more
        """
        answers: SimpleQueue[list[Any]] = SimpleQueue()
        self.ask(run_id, question, answers.put)
        until = time.monotonic() + timeout_s
        with Shield() as shield:
            while (left := until - time.monotonic()) > 0:
                shield.raise_if_wanted()
                with suppress(Empty):
                    if answer := answers.get(timeout=min(left, _LOOK_S)):
                        return answer
                    break
        raise TimeoutError

    def ask_for_slots(
        self, run_id: str, node: tuple[str, int], names: Mapping[str, int], take: Callable[[], None]
    ) -> None:
        """Ask the scheduler for named slots; `take` is called when they are granted."""
        self._questions[_granted(run_id, [*node])] = lambda _: take()
        self.request("slots", run_id, node=[*node], names=dict(names))

    def request(self, operation: str, run_id: str, **fields: object) -> None:
        """Send an operation to the scheduler's plugin, after everything that was reported before; from any thread."""

        def send() -> None:
            self._send()
            self.worker.batched_send({"op": f"wfkit-{operation}", "run": run_id, **fields})

        self.worker.loop.add_callback(send)

    def _answer(self, run: str, answer: Sequence[Any]) -> None:
        first, *rest = answer
        if not rest:  # the run was released: nothing of it is to begin or go on
            self._cancel(run, "")
        take = self._questions.pop(_granted(run, rest[0]) if first == "granted" else first, None)
        if take is not None:
            try:
                take(rest)
            except Exception:  # an error here would end the worker's connection to its scheduler
                _logger.exception("an answer of the driver could not be taken in")

    # What stops nodes

    def begin(self, node: NodeId, event: NodeStarted, stop: Stop) -> Begin:
        """Report the start of a node and make it stoppable, unless it was cancelled or its run is paused."""
        with self._changed:
            if self._is_cancelled(node):
                return Begin.CANCELLED
            if node[0] in self._held:
                return Begin.HELD
            self._running[node] = stop, event.attempt
            self.emit(node[0], event)
            return Begin.GO

    def hand_back(self, node: NodeId, *news: list[wire.Packable]) -> bool:
        """Tell what makes the driver take a node back, unless it was cancelled: then it is for the worker to end it.

        The driver ends by itself what it has when the cancellation is confirmed. So these come before, or never.
        """
        with self._changed:
            if self._is_cancelled(node):
                return False
            for item in news:
                self.tell(node[0], item)
            return True

    def end(self, node: NodeId) -> None:
        """The attempt is over: it cannot be stopped any more."""
        self._running.pop(node, None)

    def pause(self, node: NodeId, seconds: float) -> bool:
        """Wait before the next attempt of a node; False at once when it is cancelled."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self._is_cancelled(node):
                left = until - time.monotonic()
                if left <= 0:
                    return True
                self._changed.wait(left)
            return False

    def _is_cancelled(self, node: NodeId) -> bool:
        if node[0] not in self._cancelled:
            return False
        nodes = self._cancelled[node[0]]
        return nodes is None or node[1:] in nodes

    def _cancel(self, run: str, request: str, nodes: list[list[object]] | None = None) -> None:
        """Remember a cancellation, stop what runs, and confirm it after everything that was reported before."""
        with self._changed:
            if nodes is None:
                self._cancelled[run] = None
            elif (known := self._cancelled.setdefault(run, set())) is not None:
                known.update((str(group), int(index)) for group, index in nodes)  # type: ignore[call-overload]
            while len(self._cancelled) > _KEPT_RUNS:
                del self._cancelled[next(iter(self._cancelled))]
            self._changed.notify_all()
            running = [node for node in list(self._running) if node[0] == run and self._is_cancelled(node)]
        for node in running:
            self._stop(node)
        self._send()
        self.worker.batched_send({"op": "wfkit-cancelled", "run": run, "request": request})

    def _stop(self, node: NodeId) -> None:
        stop, attempt = self._running.get(node, (None, 0))
        if stop is None:
            return
        run_id, group, index = node
        event = NodeStopping(
            group=GroupId(group), index=index, attempt=attempt, worker=self.worker.address, at_s=time.time()
        )
        self.emit(run_id, event)
        stop.request("cancelled while it ran")

    def _hold(self, run: str, request: str, paused: bool) -> None:  # noqa: FBT001 - Dask passes keywords
        with self._changed:
            (self._held.add if paused else self._held.discard)(run)
        self._send()
        self.worker.batched_send({"op": "wfkit-held", "run": run, "request": request})

    # What the scheduler notes about keys

    def note_of(self, key: str) -> Note | None:
        """What is noted about a Dask task that executes now."""
        return self._notes.get(key) if self._notes else None

    def _take_notes(self, notes: Mapping[str, Mapping[str, object]]) -> None:
        for key, note in notes.items():
            self._notes[key] = Note(**note)  # type: ignore[arg-type]  # the scheduler's plugin sends its fields


def _granted(run_id: str, node: Sequence[object]) -> str:
    return f"granted {run_id} {node[0]}.{node[1]}"


def here() -> WorkerSide:
    """The side of the worker that executes the calling thread's task."""
    side = get_worker().plugins[NAME]
    assert isinstance(side, WorkerSide)
    return side
