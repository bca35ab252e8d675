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
from wfkit.core.ids import GroupId
from wfkit.core.rerun import Decision, Fate, Needed, Rerun, verdicts
from wfkit.core.states import TaskState
from wfkit.core.view import GroupView
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
            old = self.rerun.matching.old((name, index))
            if old is not None and (made := self.rerun.made_by(old)):
                self._keep_children(made, _Moved(old, (name, index), self))
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
        by_hand = self.origin.by_hand
        if by_hand and (place := next((one for one in (old, (old[0], -1)) if one in by_hand), None)) is not None:
            return self._by_hand(group, index, by_hand[place], now_s)
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
        ended = partial(self._ended, group, index)
        self.origin.when_ended(self.rerun.works_on(old) or old, partial(self.run.do_apart, ended))

    def _ended(self, group: Group, index: int) -> None:
        """An awaited node has ended in the recorded run."""
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

    def _keep_children(self, made: Sequence[GroupView], moved: _Moved) -> None:
        """Show what the body of a kept node has made, which is not executed again."""
        now_s, keys = time.time(), list[str]()
        specs, decided, ends = list[GroupSpec](), list[NodesDecided](), list[NodeFinished]()
        every = Verdict((), reused=True, reason=f"reused with `{moved.name}`")
        for group in made:
            spec = moved.spec(group.spec, self.run.next_order())
            specs.append(spec)
            self.rerun.matching.take(spec, group.spec.id)
            if spec.kind != "task":
                moved.keep_flatten(group.spec.id, spec)
                continue
            ours = self.run.add_kept(spec)
            ours.final = self.rerun.matching.list_order(group.spec) if spec.parts else None
            verdict = replace(every, nodes=(0, len(group)))
            decided += [NodesDecided(group=spec.id, verdicts=(verdict,), at_s=now_s)] if len(group) else []
            for index in range(len(group)):
                end = self.origin.end((group.spec.id, index), (spec.id, index), now_s)
                ends.append(end)
                ours.status[index] = ENDED
                keys += self._keep_value(ours, (group.spec.id, index), end)
                moved.keep_promise((group.spec.id, index), (spec.id, index))
        moved.keep_promise(moved.old, moved.new)
        self._lease(keys)
        self.run.record_events([*self._codes(ends), NodesAdded(groups=tuple(specs), at_s=now_s), *decided, *ends])

    def _keep_value(self, ours: Group, old: Node, end: NodeFinished) -> Sequence[str]:
        """Say where the value of a kept child is; gives the key that holds it on the cluster, if one does."""
        if end.state is TaskState.SKIPPED:
            self.run.without_key.add((ours.spec.id, old[1]))
        elif end.inline is None:
            ours.elsewhere[old[1]] = self._place(old, end.stored)
            return (ours.elsewhere[old[1]][0],)
        return ()


class _Moved:
    """A kept node, with what its body made: what all that is called in the run that keeps it."""

    def __init__(self, old: Node, new: Node, reuse: Reuse) -> None:
        self.old, self.new = old, new
        self._reuse, self._live = reuse, reuse.origin.live
        self._before, self._after = f"{old[0]}.{old[1]}/", f"{new[0]}.{new[1]}/"
        self._old_name = reuse.origin.view.groups[old[0]].name(old[1])
        self.name = reuse.run.view_model.groups[new[0]].name(new[1])

    def group(self, group: GroupId) -> GroupId:
        """A recorded call in the run that keeps it."""
        if group.startswith(self._before):
            return GroupId(self._after + group.removeprefix(self._before))
        return self.new[0] if group == self.old[0] else self._reuse.rerun.matching.new_of(group) or group

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

    # The record has the values of nodes that returned handles, and not these: skipped elements are missing there.

    def keep_flatten(self, old: GroupId, spec: GroupSpec) -> None:
        """Have a flatten stand for what it stood for, if that is still known."""
        flattened = self._live.flattened.get(old) if self._live is not None else None
        if flattened is not None:
            self._reuse.run.keep_flatten(spec, self._handle(flattened.source))

    def keep_promise(self, old: Node, new: Node) -> None:
        """Have maps over a node go over the handles that it returned, if these are still known."""
        promise = self._live.promises.get(old) if self._live is not None else None
        if promise is not None and promise.handles is not None:
            handles = promise.handles
            moved = self._handle(handles) if isinstance(handles, Handle) else tuple(map(self._handle, handles))
            self._reuse.run.promises[new] = promise._replace(handles=moved, slots=())

    def _handle(self, handle: Handle) -> Handle:
        ref = replace(handle._ref, group=self.group(handle._ref.group))
        return Handle(self._reuse.run.answers, ref, mapped=handle._mapped, n_outputs=handle._n_outputs)
