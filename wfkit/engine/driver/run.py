"""Run: one execution of a flow, from its first call to its end; the object that people hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from wfkit.authoring.explain import Parts
from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.patience import check_timeout
from wfkit.authoring.resolving import replaced, resolved
from wfkit.authoring.secrets import holds_secret, redacted
from wfkit.authoring.task import Call
from wfkit.core import wire
from wfkit.core.events import (
    AnyEvent,
    BodyEnded,
    BodyLogged,
    BoundHandle,
    LogLine,
    NodeCrashed,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
)
from wfkit.core.ids import GroupId, RunId
from wfkit.core.states import RUN_ENDS, RunState, TaskState
from wfkit.engine.driver import cancelling, losses, spawning
from wfkit.engine.driver.answers import Answers, looked_at_nodes
from wfkit.engine.driver.ending import outcome_of
from wfkit.engine.driver.engine import Engine, News
from wfkit.engine.driver.group import Node
from wfkit.engine.driver.growing import GrowingRun
from wfkit.engine.driver.knowing import Known, known_of
from wfkit.engine.driver.live import Keep
from wfkit.engine.driver.reading import ReadableRun
from wfkit.engine.worker.calls import Codes, FrozenCall, frozen_call, given_of, pack
from wfkit.engine.worker.promise import bound
from wfkit.engine.worker.spec import Bounds
from wfkit.errors import WaitTimeout

#: A larger value of a flow is not in the record.
_VALUE_BYTES: Final = 64_000


class Run(GrowingRun, ReadableRun):
    """One execution of a flow.

    Attributes
    ----------
    id : str
    flow_name : str
    parent_id : str or None
        The run that this one goes on from.
    """

    answers: Answers
    _cancelled_as: RunState = RunState.CANCELLED

    def __init__(
        self,
        engine: Engine,
        run_id: RunId,
        flow_name: str,
        parameters: tuple[tuple[str, str], ...] = (),
        *,
        bounds: Bounds = Bounds(),  # noqa: B008 - a tuple
        timeout_s: float | None = None,
        parent_id: RunId | None = None,
        keep: Keep | None = None,
    ) -> None:
        self.parent_id = parent_id
        #: The run that this one goes on from, and those that go on from this one, where this process drives them.
        self.parent: Run | None = None
        self.reruns: list[Run] = []
        #: Whether newer runs of the flow leave what this one holds alone, and its record stays whatever its age.
        self.pinned = False
        #: What the body of that run read from around it.
        self.read_before: Parts = ()
        #: Puts into the record whether the run is pinned; the session's.
        self.record_pin: Callable[[bool], None] = lambda _: None
        self.answers = Answers(self)
        super().__init__(engine, run_id, flow_name, bounds, keep)
        self.names = {}
        self._codes = Codes()
        self._checked: set[str] = set()
        #: What keeps all workers from going on with it, in words.
        self.stuck = ""
        #: Which worker has begun a node that has not ended.
        self._executors: dict[Node, str] = {}
        #: Requests to hold that all workers have confirmed.
        self.held: set[str] = set()
        #: Workers that were lost, with the keys that they executed.
        self.losses: set[tuple[str, str]] = set()
        self._body_open = True
        self.body_thread = 0  #: the one that executes it
        self._body_end: tuple[RunState, str] | None = None
        self._value: object = None
        self.body_log: list[LogLine] = []
        engine.open(self)
        self.record_events(
            [
                RunStarted(
                    run_id=run_id, flow_name=flow_name, parent_id=parent_id, parameters=parameters, at_s=time.time()
                )
            ]
        )
        if timeout_s is not None:
            engine.call_later(self, timeout_s, lambda: self._time_out(timeout_s))

    # What people ask

    def known(self, group: GroupId, index: int) -> Known:
        """What is known of a node beyond the view."""
        return known_of(self, group, index)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait for the end of the run; never raises for a failed run.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        WaitTimeout : the time passed first
        """
        check_timeout(timeout)
        if not self.until(lambda: self.state in RUN_ENDS, timeout):
            raise WaitTimeout(f"The run {self.id} is still {self.state} after {timeout:g} s.", "Give it more time.")
        return self

    def result(self, timeout: float | None = None) -> object:
        """The flow's value, with its handles resolved; waits for the end.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        FlowFailed : the run did not end COMPLETED
        WaitTimeout : the time passed first
        """
        self.wait(timeout)
        self.raise_if_failed()
        return resolved(self._value)

    def cancel(self, reason: str = "") -> None:
        """Cancel the run: what has not started never will; what runs is waited for.

        Parameters
        ----------
        reason : str
            Shown with the run and its cancelled nodes.
        """
        with self.lock:
            cancelling.cancel_run(self, redacted(reason))

    def pause(self) -> None:
        """Start nothing more; what runs goes on. `resume()` ends it."""
        cancelling.pause(self)

    def resume(self) -> None:
        """Go on after `pause()`."""
        cancelling.resume(self)

    @property
    def held_bytes(self) -> int:
        """Bytes of results that the run keeps in the cluster's memory; 0 after `release()`."""
        with self.lock:
            return 0 if self.released else sum(sum(group.result_bytes) for group in self.view_model.groups.values())

    def release(self) -> None:
        """Free the results that the run holds on the cluster; small ones stay readable."""
        with self.lock:
            if not self.released:
                self.released = True
                if self.engine.cluster.status == "running":
                    self.engine.cluster.tell("release", run=self.id)
        self.tell_subscribers()

    def pin(self) -> None:
        """Keep the run: newer runs of its flow do not release what it holds, and its record does not age."""
        self._set_pinned(True)

    def unpin(self) -> None:
        """Treat the run as any other again."""
        self._set_pinned(False)

    def _set_pinned(self, on: bool) -> None:  # noqa: FBT001 - the name says it
        self.record_pin(on)
        self.pinned = on
        self.tell_subscribers()

    # What the body does (authoring.context.Recorder)

    def record(self, call: Call) -> Handle:
        """Add a call to the graph and return its handle at once."""
        frozen = frozen_call(call, self._codes)
        self._check_imports(frozen)
        with self.lock:
            self._refuse_too_many(frozen)
            group = self.add_call(frozen, self._recording.new_id(), self._recording.parent())
        self.engine.flush_soon(self.id)
        index = None if group.spec.mapped else 0
        ref = Ref(group.spec.id, index)
        return Handle(self.answers, ref, mapped=index is None, n_outputs=group.options.n_outputs)

    def _check_imports(self, call: FrozenCall) -> None:
        if self.engine.imports is not None and call.code_id not in self._checked:
            options = call.options
            self.engine.imports.check(call.task, call.code, workers=options.workers, resources=options.resources)
            self._checked.add(call.code_id)

    def flatten(self, handle: Handle) -> Handle:
        """Chain the lists of a handle."""
        with self.lock:
            name = self._recording.new_id()
            self.add_flatten(handle, name, self._recording.parent())
        return Handle(self.answers, Ref(name, None), mapped=True)

    def subflow(self, name: str, given: Mapping[str, object], branch: int | None = None) -> Callable[[], None]:
        """Put the calls that follow into a group of their own; calling the result closes it."""
        described = given_of(given)
        with self.lock:
            identity = self._recording.new_id()
            self.add_flow_group(name, identity, self._recording.parent(), described, branch)
        return self._recording.enter(identity)

    def log_body(self, lines: Sequence[LogLine]) -> None:
        """Keep what the body wrote where no cell shows it. Takes no lock, so whatever prints may call it."""
        self.body_log += lines
        event = BodyLogged(lines=tuple(lines), at_s=time.time())
        self.do_apart(lambda: self.record_events([event]))

    def close_body(self, value: object, names: Mapping[str, object]) -> None:
        """The body came to its end; `names` are what it bound."""
        self._value = replaced(value, self._own)
        self._close_body(names, None)

    def fail_body(self, state: RunState, reason: str, names: Mapping[str, object]) -> None:
        """The body raised or was interrupted: what was submitted finishes, and the run ends in `state`."""
        self._close_body(names, (state, reason))

    def _close_body(self, names: Mapping[str, object], end: tuple[RunState, str] | None) -> None:
        with self.lock:
            self.names = {name: self._own(value) for name, value in names.items()}
            self._body_open = False
            self._body_end = end
            handles, value = _bound(names, self.answers), self._packed_value()
            self.record_events([BodyEnded(handles=handles, value=value, cut_short=end is not None, at_s=time.time())])
            self.flush()
            self._end_if_done()

    def _own(self, item: object) -> object:
        """A handle of its own for what the body made, which follows no rerun."""
        return self.answers.current(item) if isinstance(item, Handle) and item._source is self.answers else item

    def _packed_value(self) -> bytes | None:
        """The flow's value for the record, where it can be pickled, is small, and holds no secret."""

        def refuse_foreign(item: object) -> object:
            if isinstance(item, Handle) and item._source is not self.answers:
                raise LookupError
            return item

        try:
            packed = pack(replaced(self._value, refuse_foreign))
        except Exception:  # noqa: BLE001 - the user's own classes; the value is at hand as long as the run is
            return None
        return packed if len(packed) <= _VALUE_BYTES and not holds_secret(packed) else None

    # What the engine's thread does (engine.LiveRun), and what follows

    def take(self, news: list[News]) -> None:
        """Fold news of the cluster, then send what they have made ready."""
        with self.lock:
            self.taking = True
            try:
                self._take_all(news)
            finally:
                self.taking = False
            self.flush()

    def _take_all(self, news: list[News]) -> None:
        events: list[AnyEvent] = []
        encoded: list[wire.Encoded] = []
        for item in news:
            if item[0] in {"event", "late"}:
                if self.state not in RUN_ENDS:  # else a lost result is made again
                    told = wire.with_seq(cast("wire.Encoded", item[1]), self.next_seq())
                    event = wire.decode(told)
                    if not self._is_stale(event, late=item[0] == "late"):
                        events.append(event)
                        encoded.append(told)
                continue
            if item[0] == "writing":
                _, group, index, told = cast("tuple[str, str, int, wire.Encoded]", item)
                if self.is_open((GroupId(group), index)):
                    self.unwritten[GroupId(group), index] = told
                continue
            self.record_events(events, encoded)
            events, encoded = [], []
            if item[0] == "restarted":
                return self.lose_cluster("the cluster was restarted")
            if not spawning.take(self, item):
                self.record_events(list(losses.events_of(self, item)))
        self.record_events(events, encoded)

    def _is_stale(self, event: AnyEvent, *, late: bool) -> bool:
        """Whether it comes from a worker on which Dask has given a node up: it keeps what the later one makes of it."""
        if late and not losses.counts_late(event):
            return True
        if isinstance(event, NodeStarted):
            self._executors[event.group, event.index] = event.worker
        elif isinstance(event, NodeFinished):
            node = (event.group, event.index)
            executor = self._executors.get(node, event.worker)
            if event.state is TaskState.COMPLETED and executor != event.worker and node not in self.promises:
                return True
            self._executors.pop(node, None)
        return False

    def do_apart(self, work: Callable[[], None]) -> None:
        """Have the engine's thread do something under no lock."""
        self.engine.call_later(self, 0.0, work)

    def follow(self, events: Sequence[AnyEvent]) -> None:
        """Do what follows from ends: cancel what failed parents spawned, lay out maps, end the run when all is done."""
        ends = [event for event in events if isinstance(event, NodeFinished | NodeCrashed)]
        cancelling.cancel_children(self, ends)
        if ends:
            self.learn_lengths()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._body_open or self.state in {*RUN_ENDS, RunState.PAUSED} or self.deferred or self.cancel_requests:
            return
        if self.sender.open or any(not flattened.complete for flattened in self.flattened.values()):
            return
        state, reason = self._body_end or outcome_of(self.view_model, set(looked_at_nodes(self)))
        if self.state is RunState.CANCELLING:
            state, reason = self._cancelled_as, self.view_model.reason
        self._finish(state, reason)

    def _time_out(self, seconds: float | None) -> None:
        with self.lock:
            self._cancelled_as = RunState.FAILED
            cancelling.cancel_run(self, f"the flow ran longer than its timeout_seconds={seconds:g}")

    @property
    def body_ended(self) -> bool:
        """Whether the body makes no more calls."""
        return not self._body_open

    def when_ended(self, callback: Callable[[], None]) -> None:
        """Call back once, from any thread, when the run has ended."""
        self.when_done(lambda: self.state in RUN_ENDS, callback)

    def _finish(self, state: RunState, reason: str) -> None:
        self.record_events([RunFinished(state=state, reason=reason, at_s=time.time())])
        self.engine.rest(self.id)
        if self.reuse is not None:
            self.reuse.rest()

    def lose_cluster(self, reason: str) -> None:
        """End INTERRUPTED, because the cluster is gone; nothing of the run goes on."""
        with self.lock:
            self.lost = self.lost or reason
            if self.state in RUN_ENDS:
                return
            self._body_open = True
            self.cancel_requests.clear()
            try:
                cancelling.give_up(self, reason)
            finally:
                self._finish(RunState.INTERRUPTED, reason)


def _bound(names: Mapping[str, object], source: Answers) -> tuple[BoundHandle, ...]:
    """The handles among what a body bound, for the record."""
    return tuple(
        bound(value, name) for name, value in names.items() if isinstance(value, Handle) and value._source is source
    )
