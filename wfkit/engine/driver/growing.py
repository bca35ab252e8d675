"""Growing run: a run whose graph grows, by the calls of its body, of its tasks, and by what they turn out to be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from wfkit.authoring.caching import CachePolicy
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.events import CodesAdded, Edge, GroupSpec, How, NodesAdded
from wfkit.core.ids import GroupId, RunId, spawner
from wfkit.core.states import CODES, FINE, TASK_ENDS, RunState
from wfkit.engine.driver import anew, cancelling, expanding, turns
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.flattening import Flattened
from wfkit.engine.driver.group import Group, Node
from wfkit.engine.driver.live import Keep, LiveRun
from wfkit.engine.driver.numbering import Numbering
from wfkit.engine.driver.recording import Recording, uses_of
from wfkit.engine.driver.reuse import Reuse
from wfkit.engine.driver.wiring import run_of
from wfkit.engine.worker.cached import Caching
from wfkit.engine.worker.calls import Code, FrozenCall, Given
from wfkit.engine.worker.spec import Bounds
from wfkit.errors import HandleMisuse, TooManyTasks, WfkitError

_BAD: Final = [CODES[state] for state in TASK_ENDS - FINE]


class GrowingRun(LiveRun):
    """A run with its graph. All is called under its lock."""

    def __init__(self, engine: Engine, run_id: RunId, flow_name: str, bounds: Bounds, keep: Keep | None) -> None:
        super().__init__(engine, run_id, flow_name, bounds, keep)
        store = None if engine.results is None else engine.results.for_run(run_id)
        self._recording = Recording(run_id, flow_name, bounds, store, engine.most_result_bytes)
        self._numbering = Numbering(self.groups, self.answers)
        #: What a task calls a group that it made, and the group that it is: another one, where it was made anew.
        self.spawned: dict[GroupId, GroupId] = {}
        self.spawned_calls: dict[GroupId, bytes] = {}  #: and a digest of the call
        #: Of a call that was made anew: the earlier one.
        self.earlier: dict[GroupId, GroupId] = {}
        #: Code by its id, of calls that tasks made.
        self.codes: dict[str, Code] = {}
        #: The groups that the body of a node has made, and those in a flow's group.
        self.children: dict[Node, list[GroupId]] = {}
        self._members: dict[GroupId, list[GroupId]] = {}
        self._nodes = 0
        #: What is kept of a recorded run; None where the run is no rerun.
        self.reuse: Reuse | None = None
        #: By the node whose body it is (None: the flow): what the body looked at since its last call.
        self._looks: dict[tuple[GroupId, int] | None, dict[tuple[GroupId, int], None]] = {}

    def look_at(self, ref: Ref) -> None:
        """The body of the flow, or of the parent, asked for a node: its failure counts as handled."""
        super().look_at(ref)
        look = (ref.group, -1 if ref.index is None else ref.index)
        self._looks.setdefault(spawner(ref.group), {})[look] = None

    def go_on_from(self, reuse: Reuse) -> None:
        """Keep what a recorded run has, before anything is called."""
        with self.lock:
            self.reuse = reuse
            self._recording.replays = True

    def next_order(self) -> int:
        """The place of the next group among all."""
        return self._recording.next_order()

    def add_kept(self, spec: GroupSpec) -> Group:
        """Add a call that is not made again, with what the recorded run has of it."""
        group = self._recording.bare(spec)
        group.length = spec.length
        group.grow(spec.length or 0)
        self.add(group)
        self._join(spec.id, spec.parent)
        if (node := spawner(spec.id)) is not None:
            self.children.setdefault(node, []).append(spec.id)
        return group

    def keep_flatten(self, spec: GroupSpec, source: Handle) -> None:
        """Add a flatten that is not made again."""
        self.flattened[spec.id] = Flattened(source)
        self.groups[spec.id] = self._recording.bare(spec)

    def count_nodes(self) -> int:
        """How many nodes the run has."""
        return self._nodes

    @property
    def room(self) -> int:
        """How many more nodes the run may have."""
        return max(0, self.bounds.max_tasks - self._nodes)

    def add_call(self, call: FrozenCall, identity: GroupId, parent: GroupId | None) -> Group:
        """Add a call to the graph.

        Raises
        ------
        UnknownLength : it goes over a handle of another run whose length is not known
        HandleMisuse : a handle belongs to a run on another cluster
        """
        group = self._new_group(call, identity, parent)
        self._refuse_other_clusters(group)
        turns.take_turn(self, group.spec)
        deferred = expanding.waits_for_length(self, group)
        group.root = expanding.root_of(self, group)
        if not deferred and group.overs:
            group.spec = replace(group.spec, parts=expanding.parts_in(self, group, group.length or 0))
        self._admit(group)
        if deferred or group.root is not None:
            self.deferred.append(group)
            expanding.expand(self)
        else:
            self.ready(group)
        self._refuse_if_stopping()
        return group

    def _refuse_other_clusters(self, group: Group) -> None:
        for handle in group.handles():
            if run_of(handle).engine is not self.engine:
                raise HandleMisuse(f"`{handle.name}` belongs to a run on another cluster.", "Pass its `.result()`.")

    def fail_call(self, call: FrozenCall, identity: GroupId, parent: GroupId | None, error: WfkitError) -> None:
        """Add a call that cannot be one: its nodes have failed."""
        if identity not in self.groups:
            group = self._new_group(call, identity, parent)
            self._admit(group)
            expanding.fail(self, group, error)

    def _new_group(self, call: FrozenCall, identity: GroupId, parent: GroupId | None) -> Group:
        if call.code_id not in self.view_model.codes:
            self.record_events([CodesAdded(codes=(call.spec,), at_s=time.time())])
        looks = tuple(self._looks.pop(spawner(identity), ()))
        return self._recording.group(
            call, self.answers, identity, parent, self._within(identity), looks, self._caching(call)
        )

    def _caching(self, call: FrozenCall) -> Caching | None:
        """Where the nodes of a call look for values of earlier runs."""
        if call.options.cache_policy is not CachePolicy.INPUTS or self.engine.results is None:
            return None
        return Caching(self.engine.results.for_cache(), self.view_model.codes[call.code_id].fingerprint)

    def _admit(self, group: Group) -> None:
        self.add(group)
        if (node := spawner(group.spec.id)) is not None:
            self.children.setdefault(node, []).append(group.spec.id)
        self._join(group.spec.id, group.spec.parent)
        if group.spec.parent is not None:
            self._numbering.inside(group.spec.id, group.spec.parent)
        self.record_events([NodesAdded(groups=(group.spec,), at_s=time.time())])
        if self.reuse is not None:
            self.reuse.admit(group.spec)

    def _join(self, group: GroupId, parent: GroupId | None) -> None:
        if parent is not None:
            self._members.setdefault(parent, []).append(group)

    def members(self, flow_group: GroupId) -> list[GroupId]:
        """The groups of tasks in a flow's group, and in those within it."""
        found = []
        for name in self._members.get(flow_group, ()):
            found += [name] if name in self.groups else self.members(name)
        return [name for name in found if name not in self.flattened]

    def _within(self, identity: GroupId) -> str:
        """The name of the node whose body made a group; empty for a flow's."""
        node = spawner(identity)
        return "" if node is None else self.view_model.groups[node[0]].name(node[1])

    def add_flatten(self, handle: Handle, identity: GroupId, parent: GroupId | None) -> None:
        """Add a flatten to the graph."""
        how = How.ALL if handle._mapped else How.ONE
        own = handle._source is self.answers
        items = () if handle._ref.item is None else (handle._ref.item,)
        edges = (Edge(handle._ref.group, how, handle._ref.index or 0, items=items),) if own else ()
        spec = self._recording.bare_group("flatten", "flatten", identity, parent, self._within(identity), edges)
        turns.take_turn(self, spec)
        self.flattened[identity] = Flattened(handle)
        self.groups[identity] = self._recording.bare(spec)
        self.spawned.setdefault(identity, identity)
        self.record_events([NodesAdded(groups=(spec,), at_s=time.time())])
        if self.reuse is not None:
            self.reuse.admit(spec)
        expanding.expand(self)

    def add_flow_group(
        self, name: str, identity: GroupId, parent: GroupId | None, given: Given, branch: int | None
    ) -> None:
        """Add the group of a flow inside the flow, or of one branch of a `Flow.map`."""
        spec = self._recording.bare_group("flow", name, identity, parent, self._within(identity), inputs=given.inputs)
        spec = replace(spec, uses=uses_of(given.handles, self.answers))
        turns.take_turn(self, spec)
        self._join(identity, parent)
        self.spawned.setdefault(identity, identity)
        if branch is not None and spawner(identity) is None:
            self._numbering.branch(identity, branch, parent)
        else:
            self._numbering.inside(identity, parent)
        self.record_events([NodesAdded(groups=(spec,), at_s=time.time())])
        if self.reuse is not None:
            self.reuse.admit(spec)

    def ready(self, group: Group) -> None:
        """A call's length is known: its nodes are sent when it is their turn."""
        self.grow(group, group.length or 0)

    def grow(self, group: Group, length: int) -> None:
        """Have a group have more nodes."""
        first = not group.status
        new = group.grow(length)
        self._nodes += len(new)
        self.sender.open += len(new)
        self._numbering.number(group, length)
        if isinstance(group.slots, tuple):
            if first:
                self.sender.wiring.connect(group)
        else:
            for index in new:
                self.sender.wiring.connect_node(group, index)
            if first:
                self.sender.wiring.connect_waits(group)
        left = anew.settle(self, group, new)
        self.sender.add(group, left if self.reuse is None else self._settled(self.reuse, group, left))
        if self.cut_short:
            name = group.spec.id
            cancelling.cancel_new(self, [(name, at) for at in new if {(name, None), (name, at)} & self.cut_short])

    def _settled(self, reuse: Reuse, group: Group, new: Sequence[int]) -> Sequence[int]:
        """Those of new nodes that are executed. Where it cannot be told they fail, or the run would never end."""
        try:
            return reuse.settle(group, new)
        except Exception as error:
            expanding.fail_nodes(self, [(group.spec.id, index) for index in new], error)
            raise

    def learn_lengths(self) -> None:
        """Lay out what has become known."""
        if self.deferred or self.unassembled or any(not flattened.complete for flattened in self.flattened.values()):
            expanding.expand(self)

    def _refuse_too_many(self, call: FrozenCall) -> None:
        if (call.length or 1) > self.room:
            raise TooManyTasks(
                f"`{call.task}` would take the run beyond the {self.bounds.max_tasks} nodes that it may have.",
                "Raise `max_tasks_per_run` in the section [engine] of wfkit.toml.",
            )

    def _refuse_if_stopping(self) -> None:
        if self.state not in {RunState.RUNNING, RunState.PAUSED}:
            cancelling.drop_unsent(self, self.view_model.reason)

    def has_failures(self, group: GroupId) -> bool:
        """Whether a node of a group has ended without a value that it should have."""
        view = self.view_model.groups.get(group)
        return view is not None and any(view.counts[code] for code in _BAD)
