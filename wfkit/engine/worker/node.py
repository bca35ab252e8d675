"""Node: one element of a group while a worker runs it, from its inputs to its outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import psutil  # type: ignore[import-untyped]  # no types shipped

from wfkit.authoring.context import TaskBody, enter, inside, leave
from wfkit.authoring.freeze import Frozen
from wfkit.authoring.options import TaskOptions
from wfkit.authoring.resolving import holds_handle
from wfkit.core import wire
from wfkit.core.events import LogLine, LogLines, NodeCrashed, NodeFinished, NodeRetrying, NodeStarted
from wfkit.core.ids import GroupId, node_name
from wfkit.core.states import FailureKind, TaskState
from wfkit.core.trigger import Verdict
from wfkit.engine.worker import spec as specs
from wfkit.engine.worker.assembly import Assembly, assembled
from wfkit.engine.worker.attempt import call
from wfkit.engine.worker.cached import Entry, entry_of
from wfkit.engine.worker.capture import captured
from wfkit.engine.worker.ends import End, end_of
from wfkit.engine.worker.failure import describe, in_one_line
from wfkit.engine.worker.inputs import Inputs
from wfkit.engine.worker.kept import kept_outcomes
from wfkit.engine.worker.layout import Given, Layout, laid_out
from wfkit.engine.worker.logs import LogSink
from wfkit.engine.worker.outcome import Bounced, Err, Ok, Outcome, dump_value
from wfkit.engine.worker.past import Past
from wfkit.engine.worker.promise import promised
from wfkit.engine.worker.result import Checked, check_result
from wfkit.engine.worker.seat import Seat
from wfkit.engine.worker.side import Begin, NodeId, WorkerSide
from wfkit.engine.worker.spawn import Spawner
from wfkit.engine.worker.spec import Spec
from wfkit.engine.worker.stop import Stop
from wfkit.engine.worker.stored import Store

#: A shorter delay before another attempt is spent in a thread that holds no slot; a longer one holds no thread.
PARK_S: Final = 0.25
#: What has to let others pass comes back after so long.
PUT_OFF_S: Final = 1.0
#: To ask for the memory of the process takes 0.05 ms, which shorter attempts are not worth.
ASKED_S: Final = 0.01


class Node:
    """One node while a worker runs it.

    Attributes
    ----------
    attempt : int
        The attempt that runs, 1-based; those before another sending count, and those that were lost.
    failures, crashes : int
        How many of those before it failed, and how many took their process or worker along.
    result_bytes : int
        Of the value, once there is one.
    forced : bool
        It is executed, whatever the cache has.
    """

    __slots__ = (
        "attempt",
        "crashes",
        "failures",
        "forced",
        "index",
        "name",
        "result_bytes",
        "seat",
        "side",
        "spec",
        "started_s",
        "worker",
    )

    def __init__(
        self,
        side: WorkerSide,
        seat: Seat,
        spec: Spec,
        index: int,
        past: Past = Past(),  # noqa: B008 - a tuple
        forced: bool = False,  # noqa: FBT001, FBT002 - as in `More`
    ) -> None:
        self.side, self.seat, self.spec, self.index, self.forced = side, seat, spec, index, forced
        self.name = node_name(spec.name, index, mapped=spec.mapped)
        self.worker = side.worker.address
        crashes = seat.note.crashes if seat.note is not None else 0
        self.attempt, self.failures, self.crashes = past.attempts + crashes, past.failures, past.crashes + crashes
        self.started_s = time.time()
        self.result_bytes = 0

    @property
    def id(self) -> NodeId:
        """The node's run, group and element."""
        return self.spec.run_id, self.spec.group, self.index

    @property
    def past(self) -> Past:
        """What it has behind it for another sending."""
        return Past(self.attempt, self.failures, self.crashes)

    def run_safely(
        self, frozen: Frozen | Assembly, deps: Sequence[Given], layout: Layout | None, element: int = 0
    ) -> Outcome:
        """Run the node; whatever happens, an outcome comes back.

        An error that reached Dask could hang a client or end a worker.

        Parameters
        ----------
        frozen, deps, layout
            As of `run_node`.
        element : int
            Position within the carrier.
        """
        try:
            if (known := self._as_noted()) is not None:
                return known
            given = laid_out(deps, layout, element, self.spec.run_id)
            if isinstance(frozen, Assembly):
                return assembled(self, frozen, given)
            return self._run(Inputs(self.spec.run_id, self.name, self.index, frozen, given))
        except BaseException as error:  # noqa: BLE001 - see above
            return self.fault(error)

    def put_off(self) -> Outcome:
        """Go back to the driver for a moment, without having begun."""
        if (known := self._as_noted()) is not None:
            return known
        parked = self._park(PUT_OFF_S)
        return self.end(parked) if isinstance(parked, End) else parked

    def fault(self, error: BaseException) -> Err:
        """End the node for an error of ours."""
        reason = f"a fault in wfkit: {in_one_line(error)}"
        return self.end(End(TaskState.FAILED, reason, describe(error), FailureKind.ERROR))

    def _run(self, inputs: Inputs) -> Outcome:
        if inputs.bounced:
            return Bounced(self.name)
        try:
            function, options = specs.load(self.spec)
        except BaseException as error:  # noqa: BLE001 - user code runs when its pickle is read
            reason = f"the code of `{self.spec.name}` cannot be loaded on {self.worker}: {in_one_line(error)}"
            return self.end(End(TaskState.FAILED, reason, describe(error), FailureKind.ERROR))
        verdict, causes = inputs.verdict(options)
        if verdict is not Verdict.RUN:
            state = TaskState.SKIPPED if verdict is Verdict.SKIP else TaskState.UPSTREAM_FAILED
            return self.end(End(state, causes or f"trigger {options.trigger}"))
        outcome = self._next_attempt(function, options, inputs)
        while isinstance(outcome, End) and outcome.retry_in_s is not None:
            self._emit_retry(outcome)
            outcome = self._pause(outcome.retry_in_s, options) or self._next_attempt(function, options, inputs)
        return self.end(outcome) if isinstance(outcome, End) else outcome

    def _as_noted(self) -> Outcome | None:
        """The outcome of a node that is not to be executed here, after what happened to another worker."""
        note = self.seat.note
        if note is None:
            return None
        if note.condemned:
            return Err(TaskState.CRASHED, note.condemned, None, self.name)
        (known,) = kept_outcomes(self.side, self.spec, [self.index], self.seat.key, note.crashes) or [None]
        if isinstance(known, Past):
            self.attempt, self.failures, self.crashes = known
            return None
        return known

    def _next_attempt(self, function: Callable[..., Any], options: TaskOptions, inputs: Inputs) -> Outcome | End:
        self.attempt += 1
        self.started_s = time.time()
        stop = Stop()
        begin = self._begin(stop)
        if begin is Begin.GO:
            try:
                return self._attempt(function, options, inputs, stop)
            finally:
                self.side.end(self.id)
        self.attempt -= 1
        return self._park(0.0) if begin is Begin.HELD else End(TaskState.CANCELLED, "cancelled")

    def _begin(self, stop: Stop) -> Begin:
        started = NodeStarted(
            group=GroupId(self.spec.group),
            index=self.index,
            attempt=self.attempt,
            worker=self.worker,
            at_s=self.started_s,
        )
        return self.side.begin(self.id, started, stop)

    def _attempt(self, function: Callable[..., Any], options: TaskOptions, inputs: Inputs, stop: Stop) -> Outcome | End:
        spawner = Spawner(self.side, self.spec, (self.index, self.attempt), options, self.seat)
        place = self._place(None if options.isolate == "process" else spawner)
        sink = LogSink(self._send_lines, self.side.later)
        entry: Entry | None = None
        try:
            if self.seat.note is not None and options.limits:
                with stop.heeded(), self.seat.resting():  # what waits there for a place may hold them
                    spawner.take_slots()  # they were given back when it waited on the worker that died
            with captured(sink, prints=options.log_prints):
                args, kwargs = inputs.arguments()
                if self.spec.others.caching is not None:
                    with inside(place):
                        entry = entry_of(self, function, options, args, kwargs)
                    with stop.heeded():
                        found = entry.found() if entry is not None else None
                    if found is not None:
                        return self.complete(found[0], check_result(found[0], self.name), reused=found[1])
                if options.isolate == "process":
                    from wfkit.engine.worker.isolated import call_isolated  # few tasks need what it brings along

                    value = call_isolated(
                        self.spec.code,
                        args,
                        kwargs,
                        timeout_s=options.timeout_seconds,
                        stop=stop,
                        place=place,
                        sink=sink,
                        prints=options.log_prints,
                    )
                else:
                    enter(place)
                    try:
                        value = call(function, args, kwargs, options.timeout_seconds, stop)
                    finally:
                        leave(place)
                del args, kwargs
            if holds_handle(value):
                return self._handed_back(*promised(self, value))
            checked = check_result(value, self.name)
            if entry is not None:
                entry.keep(value, checked)
        except BaseException as error:  # noqa: BLE001 - the point of an envelope
            end = end_of(error, options, self.failures + 1, self.crashes)
            self.failures += end.state is TaskState.FAILED
            self.crashes += end.state is TaskState.CRASHED
            BaseException.with_traceback(error, None)  # it holds on to all that the attempt had in hand
            return end
        finally:
            if entry is not None:
                entry.close()
        return self.complete(value, checked)

    def complete(self, value: object, checked: Checked, wall_s: float | None = None, reused: str = "") -> Ok:
        """Report a value that can travel.

        Parameters
        ----------
        value, checked
        wall_s : float, optional
            What the body took, where that was another sending.
        reused : str
            Where the value is from, if the body was not executed for it.
        """
        ended_s = time.time()
        self.result_bytes = checked.size_bytes
        finished = NodeFinished(
            group=GroupId(self.spec.group),
            index=self.index,
            attempt=self.attempt,
            state=TaskState.REUSED if reused else TaskState.COMPLETED,
            reason=reused,
            worker=self.worker,
            wall_s=ended_s - self.started_s if wall_s is None else wall_s,
            at_s=ended_s,
            result_bytes=checked.size_bytes,
            length=checked.length,
            preview=checked.preview,
            inline=checked.inline,
            memory_bytes=0 if reused else _memory_bytes(ended_s - self.started_s),
        )
        if checked.secret:
            finished = replace(finished, reason="in cluster memory only: it holds a secret")
        if checked.inline is not None or checked.secret or self.spec.others.store is None:
            self.side.emit(self.spec.run_id, finished)
        else:
            self._emit_when_stored(self.spec.others.store, value, checked, finished)
        return Ok(value, self.name)

    def _emit_when_stored(self, store: Store, value: object, checked: Checked, finished: NodeFinished) -> None:
        """Have the value written, and report the end then. Tasks that use the value need not wait for that."""

        def stored(reference: str, why_not: str) -> None:
            reason = f"in cluster memory only: {why_not}" if why_not else finished.reason
            self.side.emit(self.spec.run_id, replace(finished, stored=reference, reason=reason))

        if checked.size_bytes > self.spec.others.most_bytes:
            return stored("", f"{checked.size_bytes:,} bytes are more than `max_gigabytes` of [results] allows")
        pickled = checked.pickled if checked.pickled is not None else dump_value(value)
        # For the case that this worker does not live to tell it: the value may be with others by then.
        self.side.tell(self.spec.run_id, ["writing", self.spec.group, self.index, wire.encode(finished)])
        self.side.writers.write(store, self.name, pickled, stored)

    def _place(self, spawner: Spawner | None) -> TaskBody:
        return TaskBody(
            run_id=self.spec.run_id,
            flow_name=self.spec.flow_name,
            task_name=self.spec.name,
            map_index=self.index if self.spec.mapped else None,
            attempt=self.attempt,
            idempotency_key=f"{self.spec.run_id}/{self.name}",
            worker=self.worker,
            is_replay=self.spec.others.replays,
            recorder=spawner,
        )

    def _pause(self, seconds: float, options: TaskOptions) -> Bounced | End | None:
        """Wait for the next attempt in this thread, or have the driver wait; None where the attempt may begin here."""
        if seconds <= 0:
            return None
        if seconds < PARK_S and not options.resources and not options.limits:
            with self.seat.resting():
                self.side.pause(self.id, seconds)
            return None
        return self._park(seconds)

    def _park(self, seconds: float) -> Bounced | End:
        """Have the driver send the node again after a while, and not while its run is paused."""
        return self._handed_back(["parked", self.spec.group, self.index, [*self.past], seconds])

    def _handed_back(self, *news: list[wire.Packable]) -> Bounced | End:
        """Leave the node to the driver; it ends here if it was cancelled."""
        handed = self.side.hand_back(self.id, *news)
        return Bounced(self.name) if handed else End(TaskState.CANCELLED, "cancelled")

    def _emit_retry(self, end: End) -> None:
        self.side.emit(
            self.spec.run_id,
            NodeRetrying(
                group=GroupId(self.spec.group),
                index=self.index,
                attempt=self.attempt,
                delay_s=end.retry_in_s or 0.0,
                error=end.error,
                at_s=time.time(),
                cause=end.reason,
            ),
        )

    def end(self, end: End) -> Err:
        """Report an end without a value."""
        ended_s = time.time()
        if end.state is TaskState.CRASHED:
            crashed = NodeCrashed(
                group=GroupId(self.spec.group),
                index=self.index,
                attempt=self.attempt,
                kind=end.kind or FailureKind.WORKER_LOST,
                reason=end.reason,
                worker=self.worker,
                at_s=ended_s,
            )
            self.side.emit(self.spec.run_id, crashed)
            return Err(end.state, end.reason, end.error, self.name)
        self.side.emit(
            self.spec.run_id,
            NodeFinished(
                group=GroupId(self.spec.group),
                index=self.index,
                attempt=self.attempt,
                state=end.state,
                kind=end.kind,
                reason=end.reason,
                error=end.error,
                worker=self.worker,
                wall_s=ended_s - self.started_s,
                at_s=ended_s,
                memory_bytes=_memory_bytes(ended_s - self.started_s),
            ),
        )
        return Err(end.state, end.reason, end.error, self.name)

    def _send_lines(self, part: int, lines: tuple[LogLine, ...]) -> None:
        event = LogLines(
            group=GroupId(self.spec.group),
            index=self.index,
            attempt=self.attempt,
            part=part,
            lines=lines,
            at_s=lines[-1].at_s,
        )
        self.side.emit(self.spec.run_id, event)


def _memory_bytes(wall_s: float) -> int:
    """What this process has in memory; 0 after an attempt that was too short to ask."""
    return int(psutil.Process().memory_info().rss) if wall_s >= ASKED_S else 0
