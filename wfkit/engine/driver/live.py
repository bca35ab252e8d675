"""Live run: what a run keeps while it goes on, how events change it, and where its results are."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from wfkit.authoring.freeze import Frozen
from wfkit.authoring.handle import Handle, Ref
from wfkit.core import wire
from wfkit.core.events import AnyEvent, NodeCrashed, NodeFinished, NodesAdded
from wfkit.core.ids import GroupId, RunId
from wfkit.core.reducer import fold
from wfkit.core.states import RUN_ENDS, TASK_ENDS, WITH_VALUE, RunState
from wfkit.core.view import RunView
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.flattening import Flattened, items_meant
from wfkit.engine.driver.group import ENDED, Group, Node
from wfkit.engine.driver.sending import Sender
from wfkit.engine.driver.submit import Located
from wfkit.engine.driver.wiring import run_of
from wfkit.engine.worker.outcome import Err, Ok, Outcome, arrived
from wfkit.engine.worker.promise import Promise
from wfkit.engine.worker.spec import Bounds
from wfkit.errors import ResultLost

if TYPE_CHECKING:
    from wfkit.engine.driver.answers import Answers

#: Waiting is done in slices, so that an interrupt of the kernel is noticed.
_SLICE_S: Final = 0.1


#: Takes the numbered events of a run, encoded, into the record; never blocks, never raises.
Keep = Callable[[Sequence[wire.Encoded]], None]


class _Waiting(NamedTuple):
    """Something that is called when something holds."""

    ended: Callable[[], bool]
    callback: Callable[[], None]


class LiveRun:
    """The state of a run, and the way it changes: events come in."""

    #: What answers for the handles of this run; set by the class that knows it.
    answers: Answers

    def __init__(self, engine: Engine, run_id: RunId, flow_name: str, bounds: Bounds, keep: Keep | None) -> None:
        self.id = run_id
        self._keep = keep
        self.flow_name = flow_name
        self.engine = engine
        self.bounds = bounds
        #: The picture that all faces read, under `lock`.
        self.view_model = RunView()
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.groups: dict[GroupId, Group] = {}
        self.sender = Sender(self)
        #: Calls that wait for a length.
        self.deferred: list[Group] = []
        self.flattened: dict[GroupId, Flattened] = {}
        #: What the values of nodes are made of that returned handles.
        self.promises: dict[Node, Promise] = {}
        #: Those of them that have not been laid out, because one that they are made of has not.
        self.unassembled: list[Node] = []
        #: Nodes that have ended without a task in Dask, and maps whose length turned out impossible.
        self.without_key: set[Node] = set()
        #: Ends of nodes whose workers are writing their values, as these will be told.
        self.unwritten: dict[Node, wire.Encoded] = {}
        self.failed_expansions: set[GroupId] = set()
        self.expanding = False
        #: News are being taken in: what they make ready goes in one message, when all are.
        self.taking = False
        self._flushing = False
        #: Nodes that were cancelled before they came to be, and maps that were while they grow (None).
        self.cut_short: set[tuple[GroupId, int | None]] = set()
        #: Nodes and whole groups (None) whose outcome the body asked for.
        self.looked_at: set[tuple[GroupId, int | None]] = set()
        #: Cancellations that the cluster has not confirmed; None: of the whole run.
        self.cancel_requests: dict[str, frozenset[Node] | None] = {}
        self.released = False
        #: Why the cluster has nothing of the run any more; empty as long as it may.
        self.lost = ""
        self._by_key: dict[str, Group] = {}
        self._external: set[str] = set()
        #: Values that travel with a submission, each once.
        self._small: dict[Node, Ok] = {}
        #: Values that the cluster does not have yet, by the key under which it will: stored, or given by hand.
        self.to_bring: dict[str, str | Frozen] = {}
        self._bringing: dict[str, str | Frozen] = {}
        self._seq = 0
        self._subscribers: list[Callable[[], None]] = []
        #: By node, or group (None): what waits for its end. Under None: what waits for something else.
        self._when_done: dict[tuple[GroupId, int | None] | None, list[_Waiting]] = {}

    @property
    def state(self) -> RunState:
        """Where the run stands."""
        return self.view_model.state

    # Events come in

    def next_seq(self) -> int:
        """The number of the next event of the record."""
        self._seq += 1
        return self._seq

    def record_events(self, events: Iterable[AnyEvent], encoded: Sequence[wire.Encoded] = ()) -> None:
        """Number events, fold them, and do what follows from them.

        Parameters
        ----------
        events : iterable
        encoded : sequence, optional
            The same, where they have come over the wire and are numbered.
        """
        with self.lock:
            numbered = [event if event.seq else wire.number(event, self.next_seq()) for event in events]
            if not numbered:
                return
            fold(self.view_model, numbered)
            if self._keep is not None:
                self._keep(encoded or [wire.encode(event) for event in numbered])
            ended = self._note_ends(numbered)
            self.follow(numbered)
            described = [spec.id for event in numbered if isinstance(event, NodesAdded) for spec in event.groups]
            done = self._done(ended, described)
            self.changed.notify_all()
        for callback in [*done, *self._subscribers]:
            callback()

    def _note_ends(self, events: Sequence[AnyEvent]) -> list[Node]:
        ended: list[Node] = []
        for event in events:
            if isinstance(event, NodeFinished | NodeCrashed) and event.group in self.groups:
                ended.append(node := (event.group, event.index))
                self.unwritten.pop(node, None)
                if isinstance(event, NodeFinished) and event.attempt:
                    self.sender.hear(event.group, event.wall_s)
        self.sender.ended(ended)
        return ended

    def _done(self, ended: Sequence[Node], described: Sequence[GroupId]) -> list[Callable[[], None]]:
        """What has waited for nodes that have ended, for maps that turned out empty, or for something else."""
        if not self._when_done:
            return []
        done: list[Callable[[], None]] = []
        groups = dict.fromkeys((*described, *(group for group, _ in ended)))
        for key in dict.fromkeys((None, *ended, *((group, None) for group in groups))):  # an input before its users
            if key in self._when_done:
                waiting = [one for one in self._when_done[key] if not one.ended()]
                done += [one.callback for one in self._when_done[key] if one not in waiting]
                self._when_done[key] = waiting
                if not waiting:
                    del self._when_done[key]
        return done

    def follow(self, events: Sequence[AnyEvent]) -> None:
        """Do what follows from events that were just folded."""
        raise NotImplementedError

    def do_apart(self, work: Callable[[], None]) -> None:
        """Have the engine's thread do something under no lock: what another run calls back holds that run's."""
        raise NotImplementedError

    def when_done(
        self,
        ended: Callable[[], bool],
        callback: Callable[[], None],
        node: tuple[GroupId, int | None] | None = None,
    ) -> None:
        """Call back once, from any thread, when `ended` holds.

        Parameters
        ----------
        ended, callback : callable
        node : tuple, optional
            The node, or group (None), whose end makes it hold.
        """
        self.flush()
        with self.lock:
            if not ended():
                self._when_done.setdefault(node, []).append(_Waiting(ended, callback))
                return
        callback()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called, without arguments and from any thread, whenever the view changed.

        Returns
        -------
        callable : ends the subscription
        """
        with self.lock:
            self._subscribers = [*self._subscribers, callback]

        def unsubscribe() -> None:
            with self.lock:
                self._subscribers = [known for known in self._subscribers if known is not callback]

        return unsubscribe

    def tell_subscribers(self) -> None:
        """Something has changed that the view does not tell."""
        for callback in self._subscribers:
            callback()

    def until(self, reached: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until something holds that the view tells; False if the time passed first."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self.changed:
            while not reached():
                left = _SLICE_S if deadline is None else min(_SLICE_S, deadline - time.monotonic())
                if left <= 0:
                    return False
                self.changed.wait(left)
        return True

    # Calls go out

    def add(self, group: Group) -> None:
        """A call is part of the graph."""
        self.groups[group.spec.id] = self._by_key[group.key] = group

    def flush(self) -> None:
        """Send what may go now."""
        with self.lock:
            if self.taking or self._flushing:
                return
            self._flushing = True  # what follows from ends may flush, too: it is done here
            try:
                while self.state is RunState.RUNNING and (ends := self.sender.pump()):
                    self.without_key.update((end.group, end.index) for end in ends)
                    self.record_events(ends)
            finally:
                self._flushing = False
            self.follow(())

    def wake(self, group: GroupId, index: int) -> None:
        """A node has what it waited for; from any thread."""
        with self.lock:
            if self.state not in RUN_ENDS:
                self.sender.again((group, index))
        self.engine.flush_soon(self.id)

    # Where results are

    def locate(self, handle: Handle, index: int) -> Located:
        """Where the outcome of an element of a handle of this or another run is."""
        run = run_of(handle)
        group = handle._ref.group
        outcome = run.outcome_without_key(group, index) or run.small_value(group, index)
        if outcome is not None:
            return outcome
        where = run.groups[group].where(index)
        if (what := run.to_bring.get(where[0])) is not None:
            self._bringing[where[0]] = what
        elif run is not self or index in run.groups[group].elsewhere:
            self._external.add(where[0])
        return where

    def stored_key(self, reference: str) -> tuple[str, int]:
        """Where a stored value will be on the cluster, once a task needs it."""
        digest = hashlib.blake2b(f"{self.id}/{reference}".encode(), digest_size=10).hexdigest()
        self.to_bring[f"stored-0{digest}"] = reference
        return f"stored-0{digest}", -1

    def given_key(self, node_key: str, frozen: Frozen) -> tuple[str, int]:
        """Where a value that was given by hand will be on the cluster, once a task needs it."""
        self.to_bring[f"given-{node_key}"] = frozen
        return f"given-{node_key}", -1

    def bringing(self) -> dict[str, str | Frozen]:
        """What was just located and has to be brought to the cluster."""
        brought, self._bringing = self._bringing, {}
        return brought

    def locate_all(self, handle: Handle) -> list[tuple[Located, tuple[int, ...]]]:
        """Where the outcomes of all elements of a handle are, in order, and which items of their values are meant."""
        run = run_of(handle)
        name = handle._ref.group
        if name in run.flattened:
            elements = run.flattened[name].in_order()
            return [(self.locate(one[0], one[0]._ref.index or 0), items_meant(one)) for one in elements]
        group = run.groups[name]
        return [(self.locate(handle, index), ()) for index in group.final or range(len(group.status))]

    def small_value(self, group: GroupId, index: int) -> Ok | None:
        """The value of a node that has ended, where it is small enough to travel with the tasks that use it.

        Dask executes what depends on a key on the workers that hold it, and moves it to others only later.
        """
        known = self._small.get((group, index))
        view = self.view_model.groups[group]
        if known is None and index in view.inline and self.groups[group].status[index] == ENDED:
            known = self._small[group, index] = arrived(view.inline[index], view.name(index))
        return known

    def external_keys(self) -> list[str]:
        """Keys of other runs that were just used, and are not leased yet."""
        keys = list(self._external)
        self._external.clear()
        self._small.clear()
        return keys

    def outcome_without_key(self, group: GroupId, index: int) -> Outcome | None:
        """The outcome of a node for which the cluster holds nothing; None where its Dask key stands for it.

        Raises
        ------
        ResultLost : the result was released and is not small
        """
        if not self.released and (group, index) not in self.without_key:
            return None
        view = self.view_model.groups[group]
        name = view.name(index)
        if index in view.inline:
            return arrived(view.inline[index], name)
        if (group, index) in self.without_key:
            return Err(view.state(index), view.reasons.get(index, ""), None, name)
        raise ResultLost(f"The result of `{name}` of the run {self.id} was released.", "Run the flow again.")

    def nodes_of_key(self, key: str) -> list[Node]:
        """The nodes that a Dask key of this run stands for now; none for another or an earlier key."""
        at = key.find("-", key.find("-") + 1)
        group = self._by_key.get(key[:at])
        return [] if group is None else [(group.spec.id, index) for index in group.elements_of_key(key[at + 1 :])]

    def is_open(self, node: Node) -> bool:
        """Whether a node has not ended."""
        return self.groups[node[0]].status[node[1]] != ENDED

    def has_ended(self, node: Node) -> bool:
        """Whether a node has reached an end state."""
        group = self.view_model.groups[node[0]]
        return node[1] < len(group) and group.state(node[1]) in TASK_ENDS

    def has_value(self, handle: Handle) -> bool:
        """Whether a node has ended and left a value."""
        ref = handle._ref
        return self.has_ended((ref.group, ref.index or 0)) and self.answers.state(ref) in WITH_VALUE

    def look_at(self, ref: Ref) -> None:
        """The body of the flow, or of the parent, asked for a node: its failure counts as handled."""
        self.looked_at.add((ref.group, ref.index))
