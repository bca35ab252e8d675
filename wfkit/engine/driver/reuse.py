"""Reuse: what a run that goes on from a recorded one keeps of it, and what it executes again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from wfkit.authoring.freeze import freeze
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.events import (
    AnyEvent,
    CodesAdded,
    Edge,
    GroupSpec,
    How,
    NodeFinished,
    NodesAdded,
    NodesDecided,
    Verdict,
)
from wfkit.core.ids import GroupId, spawner
from wfkit.core.rerun import Decision, Fate, Needed, Rerun, verdicts
from wfkit.core.states import TaskState
from wfkit.engine.driver.group import ENDED, Group, Node
from wfkit.engine.driver.origin import Origin
from wfkit.engine.worker.result import check_result

if TYPE_CHECKING:
    from wfkit.engine.driver.growing import GrowingRun

_FLATTENS = "flatten"


class Reuse:
    """Decides for one run. All is called under the run's lock.

    Parameters
    ----------
    run : GrowingRun
        The run that goes on.
    rerun : Rerun
        The rules.
    origin : Origin
        The recorded run.
    """

    def __init__(self, run: GrowingRun, rerun: Rerun, origin: Origin) -> None:
        self.run, self.rerun, self.origin = run, rerun, origin
        #: Recorded calls by the node whose body made them.
        self._children: dict[Node, list[GroupId]] = {}
        for group in origin.view.ordered():
            if (node := spawner(group.spec.id)) is not None:
                self._children.setdefault(node, []).append(group.spec.id)

    def admit(self, spec: GroupSpec) -> None:
        """A call was made: find it again."""
        self.rerun.matching.add(spec, self._kind)

    def _kind(self, group: GroupId) -> str:
        return self.run.view_model.groups[group].spec.kind

    def forward(self, ref: Ref) -> Ref | None:
        """What stands for a node of the recorded run in this one; None where nothing does, or not yet."""
        group = self.rerun.matching.new_of(ref.group)
        if group is None:
            return None
        if ref.index is None or self._kind(group) == _FLATTENS:
            return Ref(group, ref.index, ref.item)
        index = self.rerun.matching.new_index(group, ref.index)
        return None if index is None else Ref(group, index, ref.item)

    def settle(self, group: Group, indices: Sequence[int]) -> Sequence[int]:
        """Decide about nodes that have just been laid out.

        Returns
        -------
        sequence of int : those that are executed
        """
        self.rerun.matching.find_elements(group.spec, indices)
        decided = [(index, self._decide(group, index)) for index in indices]
        self._tell(group, decided)
        return [index for index, decision in decided if decision.fate is Fate.RUN]

    def _decide(self, group: Group, index: int) -> Decision:
        code = self.run.view_model.codes.get(group.spec.code)
        return self.rerun.decide(group.spec, index, code, self._inputs(group, index))

    def _inputs(self, group: Group, index: int) -> Iterator[Needed]:
        for handle, how in group.inputs_of(index):
            yield from self._input(handle, how, index)

    def _input(self, handle: Handle, how: How, index: int) -> Iterator[Needed]:
        if handle._source is not self.run.answers:
            return
        ref = handle._ref
        source = self.run.view_model.groups[ref.group]
        if source.spec.kind == _FLATTENS:
            for part, _ in self.run.flattened[ref.group].elements:
                yield from self._input(part, How.ALL if part._mapped else How.ONE, index)
            yield Needed(ref.group, None, source.spec.name)
        elif how is How.ALL:
            yield Needed(ref.group, None, source.spec.name)
        else:
            at = index if how is How.EACH else ref.index or 0
            yield Needed(ref.group, at, source.name(at))

    def _tell(self, group: Group, decided: Sequence[tuple[int, Decision]]) -> None:
        """Say what was decided, end what is kept, and wait for what the recorded run still works on."""
        name, now_s = group.spec.id, time.time()
        kept = [index for index, decision in decided if decision.fate in {Fate.KEEP, Fate.GIVE}]
        ends = [self._end(group, index, now_s) for index in kept]
        told = verdicts(decided)
        events: list[AnyEvent] = [NodesDecided(group=name, verdicts=told, at_s=now_s)] if told else []
        self.run.record_events([*self._codes(ends), *events, *ends])
        for index in kept:
            if (old := self.rerun.matching.old((name, index))) in self._children and old is not None:
                self._keep_children(old, (name, index))
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
        codes = [self.origin.view.codes[code] for code in fresh if code in self.origin.view.codes]
        return [CodesAdded(codes=tuple(codes))] if codes else []

    def _end(self, group: Group, index: int, now_s: float) -> NodeFinished:
        node = (group.spec.id, index)
        old = self.rerun.matching.old(node)
        assert old is not None
        if (place := next((one for one in (old, (old[0], -1)) if one in self.origin.by_hand), None)) is not None:
            return self._by_hand(group, index, self.origin.by_hand[place], now_s)
        end = self.origin.end(old, node, now_s)
        if end.state is TaskState.SKIPPED:
            self.run.without_key.add(node)
        elif end.inline is None:
            group.elsewhere[index] = self._place(old, end.stored)
        return end

    def _place(self, old: Node, stored: str) -> tuple[str, int]:
        """Where the value of a kept node is, or will be."""
        place = self.origin.key(old, self.run.engine)
        if place is None:
            return self.run.stored_key(stored)
        if (given := self.origin.given(place[0])) is not None:
            self.run.to_bring[place[0]] = given
        return place

    def _by_hand(self, group: Group, index: int, value: object, now_s: float) -> NodeFinished:
        checked = check_result(value, group.spec.name)
        if checked.inline is None:
            frozen, _ = freeze(((value,), {}), group.spec.name)
            group.elsewhere[index] = self.run.given_key(group.key_of(index), frozen)
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
        old = self.rerun.matching.old((group.spec.id, index))
        assert old is not None
        self.origin.when_ended(self.rerun.works_on(old) or old, partial(self._ended, group, index))

    def _ended(self, group: Group, index: int) -> None:
        """An awaited node has ended in the recorded run; in any thread."""
        run, node = self.run, (group.spec.id, index)
        with run.lock:
            if not run.is_open(node):
                return
            decision = self._decide(group, index)
            self._tell(group, [(index, decision)])
            if decision.fate is Fate.RUN:
                run.sender.again(node)
        run.engine.flush_soon(run.id)

    # What a kept node has spawned

    def _keep_children(self, old: Node, new: Node) -> None:
        """Show what the body of a kept node has made, which is not executed again."""
        before, after = f"{old[0]}.{old[1]}/", f"{new[0]}.{new[1]}/"
        now_s = time.time()
        specs, ends, keys = list[GroupSpec](), list[NodeFinished](), list[str]()
        told = f"reused with `{self.run.view_model.groups[new[0]].name(new[1])}`"
        decided = list[NodesDecided]()
        for group in self.origin.view.ordered():
            if not group.spec.id.startswith(before):
                continue
            spec = self._renamed(group.spec, before, after)
            specs.append(spec)
            self.rerun.matching.take(spec, group.spec.id)
            if spec.kind != "task":
                continue
            ours = self.run.add_kept(spec)
            if len(group):
                every = (Verdict((0, len(group)), reused=True, reason=told),)
                decided.append(NodesDecided(group=spec.id, verdicts=every, at_s=now_s))
            for index in range(len(group)):
                end = self.origin.end((group.spec.id, index), (spec.id, index), now_s)
                ends.append(end)
                ours.status[index] = ENDED
                if end.inline is None and end.state is TaskState.REUSED:
                    ours.elsewhere[index] = self._place((group.spec.id, index), end.stored)
                if end.state is TaskState.SKIPPED:
                    self.run.without_key.add((spec.id, index))
                if end.state is TaskState.REUSED and index in ours.elsewhere:
                    keys.append(ours.elsewhere[index][0])
        self._lease(keys)
        self.run.record_events([*self._codes(ends), NodesAdded(groups=tuple(specs), at_s=now_s), *decided, *ends])

    def _renamed(self, spec: GroupSpec, before: str, after: str) -> GroupSpec:
        def renamed(group: GroupId) -> GroupId:
            if group.startswith(before):
                return GroupId(after + group.removeprefix(before))
            return next((new for new, old in self.rerun.matching.groups.items() if old == group), group)

        def moved(edges: Sequence[Edge]) -> tuple[Edge, ...]:
            return tuple(replace(edge, group=renamed(edge.group)) for edge in edges)

        return replace(
            spec,
            id=renamed(spec.id),
            order=self.run.next_order(),
            parent=None if spec.parent is None else renamed(spec.parent),
            edges=moved(spec.edges),
            uses=moved(spec.uses),
            spelled=moved(spec.spelled),
            looks=tuple((renamed(group), index) for group, index in spec.looks),
        )
