"""Rerun: what becomes of each node when a recorded run is repeated, with a reason for each.

By default what has no value and all that is made from it is executed again, all else is kept. A kept value that another
version of its code has made is stale; what is made from it uses stale. `Wishes` may ask for more.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from wfkit.core.anew import superseded
from wfkit.core.edges import Node
from wfkit.core.events import USES_STALE, CodeSpec, GroupSpec, Verdict
from wfkit.core.ids import GroupId, spawners
from wfkit.core.matching import Matching, stretches
from wfkit.core.states import FINE, TASK_ENDS, TaskState
from wfkit.core.view import GroupView, RunView


class Fate(StrEnum):
    """What becomes of a node."""

    RUN = "run"  #: executed again
    KEEP = "keep"  #: its recorded end is its end
    GIVE = "give"  #: its value is set by hand
    AWAIT = "await"  #: the recorded run still works on it; decided when it has ended there

    __hash__ = str.__hash__  # as of states


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a rerun is asked for beyond what failed. Groups and elements are those of the recorded run."""

    changed: bool = False  #: execute what is stale, too
    forced: frozenset[tuple[GroupId, int | None]] = frozenset()  #: None: all elements
    by_hand: frozenset[tuple[GroupId, int | None]] = frozenset()  #: their values are given

    def asks_for(self, node: Node) -> bool:
        """Whether a node is to be executed whatever is known of it."""
        return node in self.forced or (node[0], None) in self.forced

    def gives(self, node: Node) -> bool:
        """Whether the value of a node is given by hand."""
        return node in self.by_hand or (node[0], None) in self.by_hand


class Decision(NamedTuple):
    """What becomes of one node, and why."""

    fate: Fate
    reason: str
    stale: str = ""


@dataclass(slots=True)
class Needed:
    """What a node depends on: another node, or (None) all elements of a group."""

    group: GroupId
    index: int | None
    view: GroupView

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self.view.spec.name if self.index is None else self.view.name(self.index)


#: Why a node has the value that it has.
BY_HAND: Final = "set by hand"
#: Why a node runs again that never ran, since what it needs had failed.
INPUTS_FAILED: Final = "its inputs failed before"
_BEFORE: Final = {
    TaskState.FAILED: "failed before",
    TaskState.CRASHED: "crashed before",
    TaskState.CANCELLED: "was cancelled",
    TaskState.UPSTREAM_FAILED: INPUTS_FAILED,
    TaskState.PENDING: "never started",
}
_CODES: Final = {fate: code for code, fate in enumerate(Fate, 1)}
#: Fates that give a node another value than the recorded one.
_NEW: Final = (_CODES[Fate.RUN], _CODES[Fate.GIVE])


@dataclass(slots=True)
class _Fates:
    """Those of one group: 0 where none is known."""

    of: bytearray = field(default_factory=bytearray)
    stale: bytearray = field(default_factory=bytearray)


class Rerun:
    """Decides what becomes of the nodes of a run that repeats a recorded one.

    Parameters
    ----------
    past : RunView
        The recorded run; not changed, but it may go on while it is repeated.
    wishes : Wishes
    lost : callable
        Why the value of a recorded node cannot be had any more; empty where it can.
    told : callable
        What has changed from one version of code to another, in words.
    """

    def __init__(
        self,
        past: RunView,
        wishes: Wishes,
        lost: Callable[[Node], str],
        told: Callable[[CodeSpec, CodeSpec], str],
    ) -> None:
        self.past = past
        self.matching = Matching(past)
        self.wishes = wishes
        self._lost, self._told = lost, told
        self._fates: dict[GroupId, _Fates] = {}
        self._differences: dict[tuple[str, str], str] = {}
        self._made: dict[Node, list[GroupId]] = {}  #: recorded calls by each node that they descend from
        self._listed = 0

    # One node after the other, each behind its inputs

    def decide(self, spec: GroupSpec, index: int, code: CodeSpec | None, inputs: Iterable[Needed]) -> Decision:
        """Decide what becomes of a node; all that it depends on has been decided.

        Parameters
        ----------
        spec, index
            The node. Its call has been added, and its elements found, in `matching`.
        code : CodeSpec or None
            The code as it is now; None where nothing is known of it.
        inputs : iterable of Needed
        """
        node = (spec.id, index)
        inputs = list(inputs)
        stale_input = next((one for one in inputs if self._is_stale(one.group, one.index)), None)
        uses_stale = f"{USES_STALE}`{stale_input.name}`" if stale_input is not None else ""
        decision = self._decision(node, code, inputs, uses_stale)
        self.note(node, decision.fate, decision.stale)
        return decision

    def asks_for(self, node: Node) -> bool:
        """Whether something is wished for a node: that it be executed, or a value by hand."""
        old = self.matching.old(node)
        return old is not None and (self.wishes.asks_for(old) or self.wishes.gives(old))

    def has_inputs(self, node: Node, inputs: Sequence[Needed]) -> bool:
        """Whether a node that was found has the inputs of the recorded one, and they have their recorded values."""
        return not self._reason_in_inputs(node, inputs)

    def passed_on(self, node: Node) -> bool:
        """Whether the recorded run itself kept the value that it has, from a run before it."""
        old = self.matching.old(node)
        verdict = None if old is None else self.past.groups[old[0]].verdict(old[1])
        return verdict is not None and verdict.reused and verdict.reason != BY_HAND

    def _decision(self, node: Node, code: CodeSpec | None, inputs: Sequence[Needed], uses_stale: str) -> Decision:
        old = self.matching.old(node)
        if old is None:
            return Decision(Fate.RUN, "new", uses_stale)
        if self.wishes.gives(old):
            return Decision(Fate.GIVE, BY_HAND)
        if reason := self._reason_to_run(node, old, inputs):
            return Decision(Fate.RUN, reason, uses_stale)
        state = self.past.groups[old[0]].state(old[1])
        if what := self._open_part(old, inputs):
            return Decision(Fate.AWAIT, f"the run before still works on {what}", uses_stale)
        if state in FINE and state is not TaskState.SKIPPED and (lost := self._lost(old)):
            return Decision(Fate.RUN, f"its result is lost: {lost}", uses_stale)
        return self._kept(node, old, code, uses_stale)

    def _reason_to_run(self, node: Node, old: Node, inputs: Sequence[Needed]) -> str:
        state = self.past.groups[old[0]].state(old[1])
        if self.wishes.asks_for(old):
            return "asked for"
        if before := self._before(state):
            return before
        has_ended = state in TASK_ENDS or self.past.ended_s is not None
        if has_ended and (below := self._trouble_below(old)):
            return below
        return self._reason_in_inputs(node, inputs)

    def _before(self, state: TaskState) -> str:
        """Why a node that stood so has no value to keep; empty where it has, or may still get one."""
        if self.past.ended_s is None and state not in TASK_ENDS:
            return ""
        return _BEFORE.get(state, "" if state in FINE else "was interrupted")

    def _reason_in_inputs(self, node: Node, inputs: Sequence[Needed]) -> str:
        for one in inputs:
            if self._is_new(one.group, one.index):
                return f"`{one.name}` {'runs again' if self._runs(one.group, one.index) else 'is set by hand'}"
        if not self.matching.is_equal(node):
            names = self.matching.changed_inputs(node)
            return f"input `{names[0]}` changed" if names else "its inputs are other ones"
        for one in inputs:
            if one.index is None and not self.matching.is_same_list(one.group):
                return f"the list of `{one.name}` changed"
        return ""

    def _kept(self, node: Node, old: Node, code: CodeSpec | None, uses_stale: str) -> Decision:
        made_by = self.maker(old)
        change = self._change(made_by, code)
        unknown = [*filter(None, [_unknown(made_by, code)]), *self._not_comparable(node)]
        stale_child = self._stale_below(old)
        if self.wishes.changed and (change or unknown or stale_child):
            return Decision(Fate.RUN, change or next(iter(unknown), f"its child `{stale_child}` is stale"))
        uses_stale = uses_stale or (f"{USES_STALE}`{stale_child}`" if stale_child else "")
        reason = f"reused; {unknown[0]}" if unknown and not change else "reused"
        return Decision(Fate.KEEP, reason, change or uses_stale)

    def works_on(self, old: Node) -> Node | None:
        """A recorded node, or one that descends from it, that the recorded run still works on; None where none is."""
        if self.past.ended_s is not None:
            return None
        open_nodes = (one for one in (old, *self._below(old)) if self._state(one) not in TASK_ENDS)
        return next(open_nodes, None)

    def _open_part(self, old: Node, inputs: Sequence[Needed]) -> str:
        """What is not known yet of a recorded node, in words; empty where it can be decided."""
        if (open_node := self.works_on(old)) is not None:
            return "it" if open_node == old else "its children"
        return "its inputs" if self.first_awaited(inputs) is not None else ""

    def _trouble_below(self, old: Node) -> str:
        """Why a recorded node must run again because of what it spawned; empty where it need not."""
        for node in self._below(old):
            state = self._state(node)
            if self.wishes.asks_for(node):
                why = "is asked for"
            elif self.wishes.gives(node):
                why = "is set by hand"
            elif state not in FINE and (self.past.ended_s is not None or state in TASK_ENDS):
                why = _BEFORE.get(state, "was interrupted")
            else:
                continue
            return f"its child `{self.past.groups[node[0]].name(node[1])}` {why}"
        return ""

    def is_forced(self, node: Node) -> bool:
        """Whether a node that runs does so for itself, or for what it spawned: no value of another run will do."""
        old = self.matching.old(node)
        return old is not None and (self.wishes.asks_for(old) or bool(self._trouble_below(old)))

    def made_by(self, old: Node) -> list[GroupView]:
        """Recorded calls that descend from a node, in order, but those that were made anew later.

        Of a run that goes on there may be more each time.
        """
        if self._listed < len(self.past.groups):
            fresh = list(self.past.groups)[self._listed :]
            self._listed += len(fresh)
            for name in fresh:
                for node in spawners(name):
                    self._made.setdefault(node, []).append(name)
        names = self._made.get(old)
        if names is None:
            return []
        gone = superseded(names)
        return sorted((self.past.groups[name] for name in names if name not in gone), key=lambda one: one.spec.order)

    def _stale_below(self, old: Node) -> str:
        """The name of a recorded node that descends from one, and has the value of an earlier version of its code."""
        for name, index in self._below(old):
            group = self.past.groups[name]
            if index in group.made_by and self._change(self.maker((name, index)), self.past.codes.get(group.spec.code)):
                return group.name(index)
        return ""

    def _below(self, old: Node) -> Iterator[Node]:
        for group in self.made_by(old):
            if group.spec.kind == "task":
                yield from ((group.spec.id, index) for index in range(len(group)))

    def _state(self, old: Node) -> TaskState:
        return self.past.groups[old[0]].state(old[1])

    def _not_comparable(self, node: Node) -> list[str]:
        return [f"input `{name}` cannot be compared" for name in self.matching.unknown_inputs(node)]

    def maker(self, old: Node) -> CodeSpec | None:
        """The version of the code that made the value of a recorded node."""
        group = self.past.groups[old[0]]
        return self.past.codes.get(group.made_by.get(old[1], group.spec.code))

    def _change(self, before: CodeSpec | None, after: CodeSpec | None) -> str:
        if before is None or after is None or before.fingerprint == after.fingerprint:
            return ""
        if not before.fingerprint or not after.fingerprint:
            return ""  # nothing can be said, and `unknown` says so
        known = self._differences.get((before.id, after.id))
        if known is None:
            known = self._differences[before.id, after.id] = self._told(before, after)
        return known

    # What has been decided

    def fate(self, node: Node) -> Fate | None:
        """What becomes of a node; None while that is not decided."""
        fates = self._fates.get(node[0])
        code = fates.of[node[1]] if fates is not None and node[1] < len(fates.of) else 0
        return next((fate for fate, one in _CODES.items() if one == code), None)

    def note(self, node: Node, fate: Fate, stale: str = "") -> None:
        """Know what has been decided of a node."""
        fates = self._fates.get(node[0])
        if fates is None:
            fates = self._fates[node[0]] = _Fates()
        if (more := node[1] + 1 - len(fates.of)) > 0:
            fates.of.extend(bytes(more))
            fates.stale.extend(bytes(more))
        fates.of[node[1]] = _CODES[fate]
        fates.stale[node[1]] = bool(stale)

    def keep_with(self, node: Node, above: Node) -> Decision:
        """A node is kept with the one that has spawned it, and is stale where that one is."""
        stale = USES_STALE if self._is_stale(*above) else ""
        self.note(node, Fate.KEEP, stale)
        return Decision(Fate.KEEP, "", stale)

    def is_new(self, group: GroupId, index: int) -> bool:
        """Whether a node, or (-1) any of a group, gets another value than the recorded one."""
        return self._is_new(group, None if index < 0 else index)

    def _is_new(self, group: GroupId, index: int | None) -> bool:
        fates = self._fates.get(group)
        if fates is None:
            return False
        if index is None:
            return any(fates.of.find(code) >= 0 for code in _NEW)
        return index < len(fates.of) and fates.of[index] in _NEW

    def _runs(self, group: GroupId, index: int | None) -> bool:
        """Whether a node, or (None) any of a group, is executed again."""
        first, end = (None, None) if index is None else (index, index + 1)
        return self._fates[group].of.find(_CODES[Fate.RUN], first, end) >= 0

    def first_awaited(self, inputs: Iterable[Needed]) -> Node | None:
        """The first node among inputs that is decided later; None where there is none."""
        for one in inputs:
            fates = self._fates.get(one.group)
            if fates is not None:
                first, end = (0, len(fates.of)) if one.index is None else (one.index, one.index + 1)
                if (index := fates.of.find(_CODES[Fate.AWAIT], first, end)) >= 0:
                    return one.group, index
        return None

    def forget(self, node: Node) -> None:
        """A node has ended before it was decided: nobody waits for that any more."""
        self._fates[node[0]].of[node[1]] = 0

    def _is_stale(self, group: GroupId, index: int | None) -> bool:
        fates = self._fates.get(group)
        if fates is None:
            return False
        if index is None:
            return fates.stale.find(1) >= 0
        return index < len(fates.stale) and bool(fates.stale[index])


def _unknown(made_by: CodeSpec | None, code: CodeSpec | None) -> str:
    """What cannot be digested of the code as it is now, or else of the version that made a value, in words."""
    if code is None or code.unknown or made_by is None:
        return code.unknown if code is not None else ""
    return f"in the code that made it, {made_by.unknown}" if made_by.unknown else ""


def verdicts(decided: Sequence[tuple[int, Decision]]) -> tuple[Verdict, ...]:
    """Decisions on nodes of one group, by what they say; awaited nodes have none yet."""
    together: dict[Decision, array[int]] = {}
    for index, decision in decided:
        if decision.fate is not Fate.AWAIT:
            together.setdefault(decision, array("i")).append(index)
    return tuple(
        Verdict(stretches(indices), decision.fate is not Fate.RUN, decision.reason, decision.stale)
        for decision, indices in together.items()
    )
