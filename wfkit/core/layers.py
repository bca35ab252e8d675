"""Layers: the records that a run goes on from, where the body of the newest was cut short.

What that body did not come to is in the record of the run before, and so on. A record decides about the nodes whose
inputs are those that it has; of several the newest, since it tells what came of them last. Each knows of every node
whether its value is still the one that it has itself, so nothing is kept that was made from another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from wfkit.core.edges import Node
from wfkit.core.events import CodeSpec, GroupSpec
from wfkit.core.ids import GroupId
from wfkit.core.rerun import Decision, Fate, Needed, Rerun


class Layers:
    """Decides what becomes of the nodes of a run that goes on from several records.

    Parameters
    ----------
    rules : sequence of Rerun
        One or more, those of the newest record first; each went on from the next.
    """

    def __init__(self, rules: Sequence[Rerun]) -> None:
        self.rules = rules
        self._holders: dict[Node, int] = {}  #: of nodes that the newest record does not decide

    def add(self, spec: GroupSpec, kinds: Callable[[GroupId], str]) -> None:
        """Find a call again (`Matching.add`)."""
        for rule in self.rules:
            rule.matching.add(spec, kinds)

    def find_elements(self, spec: GroupSpec, indices: Sequence[int]) -> None:
        """Find elements of a call again (`Matching.find_elements`)."""
        for rule in self.rules:
            rule.matching.find_elements(spec, indices)

    def holder(self, node: Node) -> int:
        """Which record decides, or has decided, about a node."""
        return self._holders.get(node, 0)

    def of(self, node: Node) -> Rerun:
        """The rules of the record that decides about a node."""
        return self.rules[self.holder(node)]

    def decide(self, spec: GroupSpec, index: int, code: CodeSpec | None, inputs: Iterable[Needed]) -> Decision:
        """Decide what becomes of a node (`Rerun.decide`)."""
        if len(self.rules) == 1:
            return self.rules[0].decide(spec, index, code, inputs)
        node, needed = (spec.id, index), list(inputs)
        self._hold(node, self._find_holder(node, needed))
        decision = self.of(node).decide(spec, index, code, needed)
        self._tell_others(node, decision)
        return decision

    def keep_child(self, spec: GroupSpec, recorded: GroupId, above: Node, kinds: Callable[[GroupId], str]) -> None:
        """A call that a kept node has made is this recorded one, and is kept with it."""
        holder = self.holder(above)
        keeping = self.rules[holder]
        keeping.matching.take(spec, recorded)
        others = [rule for rule in self.rules if rule is not keeping]
        for rule in others:
            rule.matching.add(spec, kinds)
        if spec.kind != "task":
            return
        length = len(keeping.past.groups[recorded])
        for rule in others:
            rule.matching.find_elements(spec, range(length))
        for index in range(length):
            decision = keeping.keep_with((spec.id, index), above)
            if others:
                self._hold((spec.id, index), holder)
                self._tell_others((spec.id, index), decision)

    def _find_holder(self, node: Node, inputs: Sequence[Needed]) -> int:
        found = [at for at, rule in enumerate(self.rules) if rule.matching.old(node) is not None]
        if len(found) < 2:  # noqa: PLR2004 - nothing to choose
            return found[0] if found else 0
        wished = (at for at in found if self.rules[at].asks_for(node))
        same = (at for at in found if self.rules[at].has_inputs(node, inputs))
        return next(wished, next(same, found[0]))

    def _hold(self, node: Node, holder: int) -> None:
        if holder:
            self._holders[node] = holder
        else:
            self._holders.pop(node, None)

    def _tell_others(self, node: Node, decision: Decision) -> None:
        """To a record, a node that keeps the value of another one runs again, unless that one has it from there."""
        holder = self.holder(node)
        same = decision.fate is Fate.KEEP and self.rules[holder].passed_on(node)
        for at, rule in enumerate(self.rules):
            if decision.fate is not Fate.KEEP:
                if at != holder:
                    rule.note(node, decision.fate, decision.stale)
            elif at < holder:
                rule.note(node, Fate.RUN, decision.stale)
            elif at > holder:
                is_there = rule.matching.old(node) is not None
                has_it = same and is_there and rule.matching.is_equal(node)
                rule.note(node, Fate.KEEP if has_it else Fate.RUN, decision.stale)
                same = same and (rule.passed_on(node) or not is_there)

    # What has been decided

    def fate(self, node: Node) -> Fate | None:
        """What becomes of a node; None while that is not decided."""
        return self.of(node).fate(node)

    def is_new(self, group: GroupId, index: int) -> bool:
        """Whether a node, or (-1) any of a group, gets a value that no record has."""
        return all(rule.is_new(group, index) for rule in self.rules)

    def is_forced(self, node: Node) -> bool:
        """Whether a node that runs does so for itself, or for what it spawned (`Rerun.is_forced`)."""
        return self.of(node).is_forced(node)

    def forget(self, node: Node) -> None:
        """A node has ended before it was decided: nobody waits for that any more."""
        for rule in self.rules:
            rule.forget(node)
