"""Reuse: what a run that goes on from a recorded one keeps of it, and what it executes again."""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from wfkit.authoring.freeze import Frozen
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.events import (
    AnyEvent,
    BoundHandle,
    CodesAdded,
    Edge,
    GroupSpec,
    How,
    NodeFinished,
    NodesAdded,
    NodesDecided,
    NodeWaiting,
    Verdict,
)
from wfkit.core.ids import GroupId, RunId
from wfkit.core.layers import Layers
from wfkit.core.rerun import Decision, Fate, Needed, Rerun, verdicts
from wfkit.core.states import TaskState
from wfkit.core.view import GroupView
from wfkit.engine.driver.byhand import ByHand
from wfkit.engine.driver.group import ENDED, Group, Node
from wfkit.engine.driver.origin import Origin
from wfkit.engine.worker.promise import Promise

if TYPE_CHECKING:
    from wfkit.engine.driver.growing import GrowingRun
    from wfkit.engine.driver.run import Run

_FLATTENS = "flatten"
#: Nodes that are decided together: what is said of many lives long enough to cost a collection of all that there is.
_TOGETHER = 500
#: What a kept node is made of; nobody makes it again.
_NOTHING = Frozen(b"", ())


class Record(NamedTuple):
    """A recorded run, and what is asked for of it."""

    rerun: Rerun
    origin: Origin


class Reuse:
    """Decides for one run. All is called under the run's lock.

    Parameters
    ----------
    run : GrowingRun
        The run that goes on.
    records : sequence of Record
        The recorded run; where its body was cut short, also the ones before it.
    """

    def __init__(self, run: GrowingRun, records: Sequence[Record]) -> None:
        self.run, self.records = run, records
        self.layers = Layers([record.rerun for record in records])
        #: By awaited node: what is decided once it has been.
        self._behind: dict[Node, list[Callable[[], None]]] = {}

    def admit(self, spec: GroupSpec) -> None:
        """A call was made: find it again."""
        self.layers.add(spec, self._kind)

    @property
    def ahead(self) -> Run | None:
        """The run whose body may still go on, where this process drives it: the bodies of newer ones were cut short."""
        return self.records[-1].origin.live

    def may_come(self, spec: GroupSpec) -> bool:
        """Whether the run ahead, while its body goes on, may yet make a call."""
        return self.records[-1].rerun.matching.may_come(spec, self._kind)

    def _kind(self, group: GroupId) -> str:
        return self.run.view_model.groups[group].spec.kind

    def record_of(self, node: Node) -> Record:
        """The record that decides about a node."""
        return self.records[self.layers.holder(node)]

    def forward(self, run: RunId, ref: Ref) -> Ref | None:
        """What stands for a node of a recorded run in this one; None where nothing does, or not yet."""
        matching = next((one.rerun.matching for one in self.records if one.origin.view.run_id == run), None)
        group = None if matching is None else matching.new_of(ref.group)
        if matching is None or group is None:
            return None
        if ref.index is None or self._kind(group) == _FLATTENS:
            return Ref(group, ref.index, ref.item)
        index = matching.new_index(group, ref.index)
        return None if index is None else Ref(group, index, ref.item)

    def rest(self) -> None:
        """The run has ended: nothing is found again any more."""
        for record in self.records:
            record.rerun.matching.rest()

    def settle(self, group: Group, indices: Sequence[int]) -> Sequence[int]:
        """Decide about nodes that have just been laid out.

        Returns
        -------
        sequence of int : those that are executed
        """
        self.layers.find_elements(group.spec, indices)
        executed: list[int] = []
        for first in range(0, len(indices), _TOGETHER):
            decided = [(index, self._decide(group, index)) for index in indices[first : first + _TOGETHER]]
            self._tell(group, decided)
            executed += [index for index, decision in decided if decision.fate is Fate.RUN]
        return executed

    def _decide(self, group: Group, index: int) -> Decision:
        code = self.run.view_model.codes.get(group.spec.code)
        decision = self.layers.decide(group.spec, index, code, self._inputs(group, index))
        cached = group.work.others.caching is not None
        if cached and decision.fate is Fate.RUN and self.layers.is_forced((group.spec.id, index)):
            group.forced.add(index)
        return decision

    def _inputs(self, group: Group, index: int) -> Iterator[Needed]:
        for handle, how in group.inputs_of(index):
            yield from self._input(handle, how, index)

    def _input(self, handle: Handle, how: How, index: int) -> Iterator[Needed]:
        if handle._source is not self.run.answers:
            return
        ref = handle._ref
        source = self.run.view_model.groups[ref.group]
        if source.spec.kind == _FLATTENS:
            flattened = self.run.flattened[ref.group]  # what it chains counts where that gives no element
            for part in (flattened.source, *(part for part, _ in flattened.elements)):
                yield from self._input(part, How.ALL if part._mapped else How.ONE, index)
            yield Needed(ref.group, None, source)
        elif how is How.ALL:
            yield Needed(ref.group, None, source)
        else:
            yield Needed(ref.group, index if how is How.EACH else ref.index or 0, source)

    def _tell(self, group: Group, decided: Sequence[tuple[int, Decision]]) -> None:
        """Say what was decided, end what is kept, and wait for what the recorded run still works on."""
        name, now_s = group.spec.id, time.time()
        kept = [index for index, decision in decided if decision.fate in {Fate.KEEP, Fate.GIVE}]
        ends = [self._end(group, index, now_s) for index in kept]
        told = verdicts(decided)
        events: list[AnyEvent] = [NodesDecided(group=name, verdicts=told, at_s=now_s)] if told else []
        self.run.record_events([*self._codes(ends), *events, *ends])
        for index, decision in decided:
            if decision.fate is Fate.KEEP:  # a value by hand has none
                self._keep_children((name, index))
        self._lease([group.elsewhere[index][0] for index in kept if index in group.elsewhere])
        for index, decision in decided:
            if decision.fate is Fate.AWAIT:
                self._await(group, index)

    def _lease(self, keys: Sequence[str]) -> None:
        """Keep values on the cluster that the recorded run may give up."""
        held = list(dict.fromkeys(key for key in keys if key not in self.run.to_bring))
        if held:
            self.run.engine.attend(self.run.id)
            self.run.engine.cluster.lease(self.run.id, held, {})

    def _codes(self, ends: Sequence[NodeFinished]) -> list[AnyEvent]:
        """The versions of code that made the kept values, where the run does not know them yet."""
        known = self.run.view_model.codes
        fresh = dict.fromkeys(end.made_by for end in ends if end.made_by and end.made_by not in known)
        recorded = ChainMap(*(record.origin.view.codes for record in self.records))
        codes = [recorded[code] for code in fresh if code in recorded]
        return [CodesAdded(codes=tuple(codes))] if codes else []

    def _end(self, group: Group, index: int, now_s: float) -> NodeFinished:
        node = (group.spec.id, index)
        rerun, origin = self.record_of(node)
        old = rerun.matching.old(node)
        assert old is not None
        by_hand = origin.by_hand
        if by_hand and (place := next((one for one in (old, (old[0], -1)) if one in by_hand), None)) is not None:
            return self._by_hand(group, index, by_hand[place], now_s)
        end = origin.end(old, node, now_s)
        if end.state is TaskState.SKIPPED:
            self.run.without_key.add(node)
        elif end.inline is None:
            group.elsewhere[index] = self._place(origin, old, end.stored)
        return end

    def _place(self, origin: Origin, old: Node, stored: str) -> tuple[str, int]:
        """Where the value of a kept node is, or will be."""
        place = origin.key(old, self.run.engine)
        if place is None:
            return self.run.stored_key(stored)
        if (given := origin.given(place[0])) is not None:
            self.run.to_bring[place[0]] = given
        return place

    def _by_hand(self, group: Group, index: int, value: ByHand, now_s: float) -> NodeFinished:
        checked = value.checked
        if value.frozen is not None:
            group.elsewhere[index] = self.run.given_key(group.key_of(index), value.frozen)
        return NodeFinished(
            group=group.spec.id,
            index=index,
            attempt=0,
            state=TaskState.REUSED,
            at_s=now_s,
            result_bytes=checked.size_bytes,
            length=checked.length,
            preview=checked.preview,
            inline=checked.inline,
            made_by=group.spec.code,
        )

    # What the recorded run still works on

    def _await(self, group: Group, index: int) -> None:
        group.aside.add(index)
        rerun, origin = self.record_of((group.spec.id, index))
        old = rerun.matching.old((group.spec.id, index))
        assert old is not None
        ended = partial(self.run.do_apart, partial(self._ended, group, index))
        open_node = rerun.works_on(old)
        if open_node is None and (needed := rerun.first_awaited(self._inputs(group, index))) is not None:
            self._behind.setdefault(needed, []).append(ended)
        else:
            origin.when_ended(open_node or old, ended)

    def _ended(self, group: Group, index: int) -> None:
        """An awaited node has ended in the recorded run."""
        run, node = self.run, (group.spec.id, index)
        with run.lock:
            if run.is_open(node):
                decision = self._decide(group, index)
                self._tell(group, [(index, decision)])
                if decision.fate is Fate.RUN:
                    run.sender.again(node)
            else:
                self.layers.forget(node)
            behind = [] if self.layers.fate(node) is Fate.AWAIT else self._behind.pop(node, [])
        for decide in behind:
            decide()
        run.engine.flush_soon(run.id)

    # What a kept node has spawned

    def _keep_children(self, node: Node) -> None:
        """Show what the body of a kept node has made, which is not executed again."""
        rerun, origin = record = self.record_of(node)
        old = rerun.matching.old(node)
        if old is None or not (made := rerun.made_by(old)):
            return
        moved = _Moved(old, node, self.run, record)
        now_s, keys, kinds = time.time(), list[str](), dict[GroupId, str]()
        specs, decided, ends, all_there = list[GroupSpec](), list[NodesDecided](), list[NodeFinished](), True
        every = Verdict((), reused=True, reason=f"reused with `{moved.name}`")
        for group in made:
            spec = moved.spec(group.spec, self.run.next_order())
            specs.append(spec)
            kinds[spec.id] = spec.kind
            self.layers.keep_child(spec, group.spec.id, node, lambda name: kinds.get(name) or self._kind(name))
            if spec.kind != "task":
                moved.keep_flatten(group, spec)
                continue
            ours = self.run.add_kept(spec)
            ours.final = rerun.matching.list_order(group.spec) if spec.parts else None
            verdict = replace(every, nodes=(0, len(group)))
            decided += [NodesDecided(group=spec.id, verdicts=(verdict,), at_s=now_s)] if len(group) else []
            for index in range(len(group)):
                end = origin.end((group.spec.id, index), (spec.id, index), now_s)
                ends.append(end)
                ours.status[index] = ENDED
                keys += self._keep_value(ours, origin, (group.spec.id, index), end)
                if end.state is TaskState.REUSED and origin.lost((group.spec.id, index), self.run.engine):
                    all_there = False
        nodes = [old, *((group.spec.id, index) for group in made for index in range(len(group)))]
        waited = [*moved.returned(nodes)] if all_there else []  # else maps go over the items of the value
        for told in waited:
            moved.keep_promise(told)
        self._lease(keys)
        added = NodesAdded(groups=tuple(specs), at_s=now_s)
        self.run.record_events([*self._codes(ends), added, *decided, *waited, *ends])
        self.run.learn_lengths()  # no news comes of a flatten of nothing

    def _keep_value(self, ours: Group, origin: Origin, old: Node, end: NodeFinished) -> Sequence[str]:
        """Say where the value of a kept child is; gives the key that holds it on the cluster, if one does."""
        if end.state is TaskState.SKIPPED:
            self.run.without_key.add((ours.spec.id, old[1]))
        elif end.inline is None:
            ours.elsewhere[old[1]] = self._place(origin, old, end.stored)
            return (ours.elsewhere[old[1]][0],)
        return ()


class _Moved:
    """A kept node, with what its body made: what all that is called in the run that keeps it."""

    def __init__(self, old: Node, new: Node, run: GrowingRun, record: Record) -> None:
        self.old, self.new = old, new
        self._run, self._matching, self._origin = run, record.rerun.matching, record.origin
        self._before, self._after = f"{old[0]}.{old[1]}/", f"{new[0]}.{new[1]}/"
        self._old_name = record.origin.view.groups[old[0]].name(old[1])
        self.name = run.view_model.groups[new[0]].name(new[1])

    def group(self, group: GroupId) -> GroupId:
        """A recorded call in the run that keeps it."""
        if group.startswith(self._before):
            return GroupId(self._after + group.removeprefix(self._before))
        return self.new[0] if group == self.old[0] else self._matching.new_of(group) or group

    def spec(self, spec: GroupSpec, order: int) -> GroupSpec:
        """A recorded call as it stands in the run that keeps it."""
        within = f"{self._old_name}/"
        return replace(
            spec,
            id=self.group(spec.id),
            order=order,
            name=f"{self.name}/{spec.name.removeprefix(within)}" if spec.name.startswith(within) else spec.name,
            parent=None if spec.parent is None else self.group(spec.parent),
            edges=self._edges(spec.edges),
            uses=self._edges(spec.uses),
            spelled=self._edges(spec.spelled),
            looks=tuple((self.group(group), index) for group, index in spec.looks),
        )

    def _edges(self, edges: Sequence[Edge]) -> tuple[Edge, ...]:
        return tuple(replace(edge, group=self.group(edge.group)) for edge in edges)

    def keep_flatten(self, old: GroupView, spec: GroupSpec) -> None:
        """Have a flatten stand for what it stood for."""
        for edge in old.spec.edges:
            ref = Ref(self.group(edge.group), None if edge.how is How.ALL else edge.index, next(iter(edge.items), None))
            self._run.keep_flatten(spec, Handle(self._run.answers, ref, mapped=edge.how is How.ALL))

    def returned(self, nodes: Iterable[Node]) -> Iterator[NodeWaiting]:
        """Of these nodes, those that returned handles: maps over them go over the ones that are kept with them."""
        for node in nodes:
            told = self._origin.returned(node)
            if told is not None:
                handles = tuple(replace(one, group=self.group(one.group)) for one in told.handles)
                new = self.new if node == self.old else (self.group(node[0]), node[1])
                yield NodeWaiting(
                    group=new[0],
                    index=new[1],
                    attempt=0,
                    children=tuple(dict.fromkeys(one.group for one in handles)),
                    handles=handles,
                    is_list=told.is_list,
                    at_s=time.time(),
                )

    def keep_promise(self, told: NodeWaiting) -> None:
        """Have maps over a kept node go over the handles that it returned."""
        handles = tuple(map(self._handle, told.handles))
        of = handles if told.is_list else handles[0]
        self._run.promises[told.group, told.index] = Promise(_NOTHING, (), of, 0.0)

    def _handle(self, one: BoundHandle) -> Handle:
        ref = Ref(one.group, one.index, one.item)
        return Handle(self._run.answers, ref, mapped=one.mapped, n_outputs=one.n_outputs)
