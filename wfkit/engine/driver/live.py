"""Live run: what a run keeps while it goes on, how events change it, and how its calls reach the cluster."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from wfkit.authoring.freeze import Slot
from wfkit.authoring.handle import Handle
from wfkit.core.events import AnyEvent, How
from wfkit.core.ids import GroupId, RunId
from wfkit.core.reducer import fold
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.core.view import RunView
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.order import places
from wfkit.engine.driver.submit import batch_of, dask_options, send
from wfkit.engine.worker.outcome import Err, Ok, Outcome, load_value
from wfkit.errors import HandleMisuse, ResultLost

if TYPE_CHECKING:
    from distributed import Future

    from wfkit.authoring.handle import Source

#: So many buffered nodes are submitted without waiting for more.
FLUSH_NODES: Final = 20_000
#: Waiting is done in slices, so that an interrupt of the kernel is noticed.
_SLICE_S: Final = 0.1


class LiveRun:
    """The state of a run, and the two ways it changes: events come in, calls go out."""

    #: What answers for the handles of this run; set by the class that knows it.
    answers: Source

    def __init__(self, engine: Engine, run_id: RunId, flow_name: str) -> None:
        self.id = run_id
        self.flow_name = flow_name
        self.engine = engine
        #: The picture that all faces read, under `lock`.
        self.view_model = RunView()
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.groups: dict[GroupId, Group] = {}
        #: Calls whose length is known and that wait to be submitted, and calls that wait for a length.
        self.buffer: list[Group] = []
        self.deferred: list[Group] = []
        #: Kept, so that the cluster keeps telling this process of their keys.
        self.futures: list[Future[Any]] = []
        #: Nodes that have ended without a task in Dask, and maps whose length turned out impossible.
        self.without_key: set[tuple[GroupId, int]] = set()
        self.failed_expansions: set[GroupId] = set()
        self.expanding = False
        #: Nodes and whole groups (None) whose outcome the body asked for.
        self.looked_at: set[tuple[GroupId, int | None]] = set()
        #: Cancellations that the cluster has not confirmed; None: of the whole run.
        self.cancel_requests: dict[str, frozenset[tuple[GroupId, int]] | None] = {}
        self.released = False
        self._by_key: dict[str, Group] = {}
        self._external: set[str] = set()
        self._seq = 0
        self._fresh_calls = 0
        self._subscribers: list[Callable[[], None]] = []
        self._when_done: list[tuple[Callable[[], bool], Callable[[], None]]] = []

    @property
    def state(self) -> RunState:
        """Where the run stands."""
        return self.view_model.state

    # Events come in

    def next_seq(self) -> int:
        """The number of the next event of the record."""
        self._seq += 1
        return self._seq

    def record_events(self, events: Iterable[AnyEvent]) -> None:
        """Number events, fold them, and do what follows from them."""
        with self.lock:
            numbered = [event if event.seq else replace(event, seq=self.next_seq()) for event in events]
            if not numbered:
                return
            fold(self.view_model, numbered)
            self.follow(numbered)
            done = [callback for ended, callback in self._when_done if ended()]
            if done:
                self._when_done = [waiting for waiting in self._when_done if not waiting[0]()]
            self.changed.notify_all()
        for callback in [*done, *self._subscribers]:
            callback()

    def follow(self, events: Sequence[AnyEvent]) -> None:
        """Do what follows from events that were just folded."""
        raise NotImplementedError

    def when_done(self, ended: Callable[[], bool], callback: Callable[[], None]) -> None:
        """Call back once, from any thread, when `ended` holds."""
        self.flush()
        with self.lock:
            if not ended():
                self._when_done.append((ended, callback))
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

    def ready(self, group: Group) -> None:
        """A call's length is known: give its nodes their places and buffer it."""
        known = [one for one in map(self._places_of, group.all_slots) if one is not None]
        length = group.length or 0
        group.places = places(length, mapped=group.spec.mapped, fresh_calls=self._fresh_calls, inputs=known)
        self._fresh_calls += not known and not group.spec.mapped
        self.buffer.append(group)

    def _places_of(self, slot: Slot) -> Sequence[int] | int | None:
        if not isinstance(slot.source, Handle) or slot.source._source is not self.answers:
            return None
        ref = slot.source._ref
        known = self.groups[ref.group].places
        if slot.how is How.EACH:
            return known
        if slot.how is How.ALL:
            return max(known, default=0)
        return known[ref.index or 0] if known else None

    def flush(self) -> None:
        """Submit the calls that wait, those with equal options for Dask together."""
        if not self.buffer:
            return
        with self.lock:
            groups, self.buffer = self.buffer, []
            if self.state not in RUN_ENDS:
                for options, several in itertools.groupby(groups, dask_options):
                    self._submit([(group, range(group.length or 0)) for group in several], options)
            self.follow(())

    def resubmit(self, node: tuple[GroupId, int]) -> None:
        """Submit a node again under a new key: Dask gave it up because an input of it was lost."""
        group = self.groups[node[0]]
        group.generations[node[1]] = group.generations.get(node[1], 0) + 1
        self._submit([(group, (node[1],))], dask_options(group))

    def _submit(self, nodes: Sequence[tuple[Group, Iterable[int]]], options: Mapping[str, Any]) -> None:
        batch = batch_of(nodes, self._locate)
        if batch.keys:
            self.engine.attend(self.id)
            self.futures += send(self.engine.cluster, self.id, batch, options)
        if self._external:
            self.engine.cluster.tell("lease", run=self.id, keys=list(self._external))
            self._external.clear()

    def _locate(self, handle: Handle, index: int) -> str | Outcome:
        """The Dask key of an element of a handle of this or another run, or its outcome where it has no key."""
        run = cast("LiveRun", handle._source.run)
        if run.engine is not self.engine:
            raise HandleMisuse(f"`{handle.name}` belongs to a run on another cluster.", "Pass its `.result()`.")
        group = handle._ref.group
        outcome = run.outcome_without_key(group, index)
        if outcome is not None:
            return outcome
        key = run.groups[group].key_of(index)
        if run is not self:
            run.flush()
            self._external.add(key)
        return key

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
            return Ok(load_value(view.inline[index], (), name), name)
        if (group, index) in self.without_key:
            return Err(view.state(index), view.reasons.get(index, ""), None, name)
        raise ResultLost(f"The result of `{name}` of the run {self.id} was released.", "Run the flow again.")

    def node_of_key(self, key: str) -> tuple[GroupId, int] | None:
        """The node that a Dask key of this run stands for now; None for another or an earlier key."""
        name, _, index = key.rpartition("-")
        if (group := self._by_key.get(name)) is None:
            name, _, index = name.rpartition("-")
            if (group := self._by_key.get(name)) is None:
                return None
        return (group.spec.id, int(index)) if group.key_of(int(index)) == key else None
