"""The cards of a graph: one for each group that the flow made, one for many groups that nodes spawned."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import inf
from typing import Final

from typing_extensions import override

from wfkit.core.events import How
from wfkit.core.ids import GroupId
from wfkit.core.stalls import is_stalled
from wfkit.core.states import CODES, STATES, TaskState
from wfkit.core.view import GroupView, RunView

#: An edge to a card, as it travels: card, how, element.
Link = tuple[str, str, int]
#: Finds the card that shows a group.
CardOf = Callable[[GroupId], "Card | None"]
#: First start and last end.
Times = tuple[float | None, float | None]
#: Where a card has the nodes of a group, by stretches: first cell, first element, count.
Seats = list[tuple[int, int, int]]

_LOOKED_AT: Final = 300  #: running nodes that are asked for a reason
_RUNNING: Final = CODES[TaskState.RUNNING]
_ALIVE: Final = (_RUNNING, CODES[TaskState.WAITING])


class Card:
    """One group that the flow made, as a card of its own."""

    def __init__(self, card_id: str, above: Card | None, group: GroupView) -> None:
        self.id = card_id
        self.above = above
        self.below: dict[tuple[str, str], Fold] = {}  #: cards of what its nodes spawned, by kind and task
        self.first = group  #: the group, or the first of many
        self.levels = 1  #: nodes that spawn each other within the card

    @property
    def name(self) -> str:
        """What is written on it."""
        return self.first.spec.name

    @property
    def kind(self) -> str:
        """What it stands for: "task", "flow", "flatten", or "spawned" for what nodes of the card above made."""
        return self.first.spec.kind

    @property
    def mapped(self) -> bool:
        """Whether it has elements."""
        return self.first.spec.mapped

    @property
    def length(self) -> int | None:
        """Number of its nodes; None while it is not known."""
        return self.first.spec.length

    @property
    def states(self) -> bytearray:
        """State code of each node."""
        return self.first.states

    @property
    def counts(self) -> list[int]:
        """Number of its nodes by state code."""
        return self.first.counts

    def node(self, cell: int) -> tuple[GroupView, int]:
        """The node of a cell.

        Raises
        ------
        IndexError : there is no such cell
        """
        if not 0 <= cell < len(self.first):
            raise IndexError(cell)
        return self.first, cell

    def cell(self, group: GroupId, index: int) -> int | None:  # noqa: ARG002 - a card of many needs the group
        """The cell of a node; None if the card has none for it."""
        return index

    def seats(self, group: GroupId) -> Seats:  # noqa: ARG002 - the same
        """Where the nodes of a group are."""
        return [(0, 0, len(self.first))]

    def take(self, group: GroupView) -> None:
        """Note that a group of the card has changed."""

    def links(self, card_of: CardOf) -> list[Link]:
        """Cards that this one uses."""
        return list(dict.fromkeys(_link(edge.group, edge.how, edge.index, card_of) for edge in self.first.spec.edges))

    def times(self) -> Times:
        """First start and last end of its nodes."""
        return times_of([self.first])

    def note(self) -> str:
        """Why nodes that still run are not what they seem: "2 nodes: cancelling, still running on …"."""
        reasons = []
        for code in _ALIVE:
            for cell in islice(_cells_of(self.states, code), _LOOKED_AT):
                group, index = self.node(cell)
                if reason := group.reasons.get(index):
                    reasons.append(reason)
        if not reasons:
            return ""
        return reasons[0] if len(self.states) == 1 else _together(reasons)

    def stale(self) -> int:
        """How many of its nodes keep a value that is not what the code would give now."""
        return self.first.stale

    def stalled(self, view: RunView) -> list[int]:
        """Cells of its nodes that run on a worker that is not heard of."""
        if not view.silent:
            return []
        return [cell for cell in _cells_of(self.states, _RUNNING) if is_stalled(view, *self.node(cell))]


class Fold(Card):
    """Many groups as one card: what the nodes of the card above spawned of one task.

    Its cells are the nodes of its groups in order of arrival; a cell stays that of its node for good.
    """

    def __init__(self, card_id: str, above: Card | None, group: GroupView, name: str, *, rest: bool) -> None:
        super().__init__(card_id, above, group)
        self.rest = rest  #: holds whatever has no card of its own
        self.kind_and_task = (group.spec.kind, group.spec.task)  #: of its groups
        self._name = name
        self._kind = "task" if rest else group.spec.kind
        self._states = bytearray()
        self._starts: list[int] = []  #: first cell of each stretch of cells
        self._stretches: list[tuple[GroupView, int]] = []  #: its group, and the element in its first cell
        self._seats: dict[GroupId, Seats] = {}  #: of a group: first cell, first element, count
        self._unknown: set[GroupId] = set()  #: groups whose length is not known
        self._depths = (0, -1)  #: least and greatest number of spawns above its groups
        self.uses: dict[str, How] = {}  #: cards whose nodes its own use

    @property
    @override
    def name(self) -> str:
        return self._name

    @property
    @override
    def kind(self) -> str:
        return (
            "spawned" if self._kind == "task" and self.above is not None and self.above.kind != "flow" else self._kind
        )

    @property
    @override
    def mapped(self) -> bool:
        return True

    @property
    @override
    def length(self) -> int | None:
        return None if self._unknown else len(self._states)

    @property
    @override
    def states(self) -> bytearray:
        return self._states

    @property
    @override
    def counts(self) -> list[int]:
        return [self._states.count(code) for code in range(len(STATES))]

    @property
    def groups(self) -> Iterable[GroupView]:
        """Its groups, in order of arrival."""
        return (group for group, first in self._stretches if first == 0)

    @override
    def node(self, cell: int) -> tuple[GroupView, int]:
        if not 0 <= cell < len(self._states):
            raise IndexError(cell)
        at = bisect_right(self._starts, cell) - 1
        group, first = self._stretches[at]
        return group, first + cell - self._starts[at]

    @override
    def cell(self, group: GroupId, index: int) -> int | None:
        for start, first, count in self._seats.get(group, ()):
            if first <= index < first + count:
                return start + index - first
        return None

    @override
    def seats(self, group: GroupId) -> Seats:
        return self._seats.get(group, [])

    def note_depth(self, depth: int) -> None:
        """Take the number of spawns above a group into account."""
        least, most = self._depths
        self._depths = (depth, depth) if most < 0 else (min(least, depth), max(most, depth))
        self.levels = self._depths[1] - self._depths[0] + 1

    @override
    def take(self, group: GroupView) -> None:
        spec = group.spec
        if spec.kind != self._kind:
            return
        (self._unknown.add if spec.length is None else self._unknown.discard)(spec.id)
        seats = self._seats.setdefault(spec.id, [])
        seated = seats[-1][1] + seats[-1][2] if seats else 0
        if (more := len(group.states) - seated) > 0:
            start = len(self._states)
            seats.append((start, seated, more))
            self._starts.append(start)
            self._stretches.append((group, seated))
            self._states.extend(bytes(more))
        for start, first, count in seats:
            self._states[start : start + count] = group.states[first : first + count]

    @override
    def links(self, card_of: CardOf) -> list[Link]:
        return [(card, how.value, 0) for card, how in self.uses.items()]

    @override
    def times(self) -> Times:
        return times_of(self.groups)

    @override
    def stale(self) -> int:
        return sum(group.stale for group in self.groups)


def times_of(groups: Iterable[GroupView]) -> Times:
    """First start and last end of the nodes of some groups."""
    first_s, last_s = inf, -inf
    for group in groups:
        for at_s in group.started_s:
            first_s = min(first_s, at_s)  # of equals and of nan the first argument
        for at_s in group.ended_s:
            last_s = max(last_s, at_s)
    return (None if first_s == inf else first_s), (None if last_s == -inf else last_s)


def _link(group: GroupId, how: How, index: int, card_of: CardOf) -> Link:
    card = card_of(group)
    return (card.id, how.value, 0) if isinstance(card, Fold) else (group, how.value, index)


def _cells_of(states: bytearray, code: int) -> Iterator[int]:
    """The cells in a state."""
    cell = states.find(code)
    while cell >= 0:
        yield cell
        cell = states.find(code, cell + 1)


def _together(reasons: list[str]) -> str:
    if not reasons:
        return ""
    return f"{len(reasons):,} {'node' if len(reasons) == 1 else 'nodes'}: {reasons[0]}"
