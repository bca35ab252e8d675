"""The deck: all cards of a run; what nodes spawned is folded by task below the card of the nodes that spawned it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from wfkit.core.events import GroupSpec, How
from wfkit.core.ids import GroupId, spawner
from wfkit.core.view import UNDESCRIBED, GroupView, RunView
from wfkit.notebook.cards import Card, Fold
from wfkit.notebook.plain import clean

MOST_CARDS: Final = 2_000  #: in one graph; what comes later shares one card
_DEEPEST: Final = 3  #: cards that hang below each other under one that the flow made
_MOST_CALLS: Final = 4  #: of one task in a branch, with a card each
_MOST_BELOW: Final = 12  #: tasks with a card of their own below one card
_NAME_CHARS: Final = 100  #: of a task, in the id of a card


class Deck:
    """All cards of one view; `update` brings them up to date and costs what has changed, not what is there."""

    def __init__(self) -> None:
        self.version = -1  #: of the view that they show
        self.by_id: dict[str, Card] = {}
        self._homes: dict[GroupId, tuple[Card, int]] = {}  # card of a group, and number of spawns above the group
        self._more: Fold | None = None  # the card of all that came when there were too many
        self._late: dict[GroupId, GroupView] = {}  # there was no time for them
        self._early: dict[GroupId, GroupView] = {}  # came before what they hang below
        self._branches: set[GroupId] = set()  # groups that a map of a flow made; its own card stands for them
        self._calls: dict[tuple[GroupId, str, str], int] = {}  # calls of a task in a branch so far
        self._children: dict[tuple[GroupId, int], list[GroupId]] = {}  # groups that a node spawned

    def update(self, view: RunView, most: int | None = None) -> list[Card]:
        """Take in what changed since the last call; the cards that it changed, in order of arrival.

        Parameters
        ----------
        view : RunView
            The run.
        most : int, optional
            So many new groups are taken in at once; `is_behind` tells whether there are more.
        """
        base, self.version = self.version, view.version
        changed = [group for group in view.groups.values() if group.changed > base]
        if self._early or self._late:
            waiting = [*self._late.values(), *changed, *self._early.values()]
            changed = list({group.spec.id: group for group in waiting}.values())
            self._early, self._late = {}, {}
        touched: dict[str, Card] = {}
        placed = 0
        for group in changed:
            home = self._homes.get(group.spec.id)
            if home is None:
                if placed == most:
                    self._late[group.spec.id] = group
                    continue
                home = self._place(group, view)
                if home is None:
                    self._early[group.spec.id] = group
                    continue
                placed += 1
            card = home[0]
            card.take(group)
            if group.spec.edges and isinstance(card, Fold):
                self._join(card, group, view)
            touched[card.id] = card
        return list(touched.values())

    @property
    def is_behind(self) -> bool:
        """Whether another `update` has more to take in, also if nothing changes."""
        return bool(self._late)

    def card_of(self, group: GroupId) -> Card | None:
        """The card that shows a group."""
        home = self._homes.get(group)
        return None if home is None else home[0]

    def spawned(self, group: GroupId, index: int) -> list[GroupId]:
        """The groups that a node spawned, oldest first."""
        return self._children.get((group, index), [])

    def tree(self) -> Iterator[tuple[int, Card]]:
        """All cards with their depth, each before those that hang below it, else in order of creation."""
        below: dict[str | None, list[Card]] = {}
        for card in self.by_id.values():
            below.setdefault(None if card.above is None else card.above.id, []).append(card)
        for cards in below.values():
            cards.sort(key=lambda card: (card.first.spec.order, card.id))
        open_: list[tuple[int, Card]] = [(0, card) for card in reversed(below.get(None, []))]
        while open_:
            depth, card = open_.pop()
            yield depth, card
            open_.extend((depth + 1, inner) for inner in reversed(below.get(card.id, [])))

    def _place(self, group: GroupView, view: RunView) -> tuple[Card, int] | None:
        """Find or make the card of a new group; None while it is not known where it belongs."""
        spec = group.spec
        node = spawner(spec.id)
        if spec.order == UNDESCRIBED:
            return None
        above, depth = None, 0
        if spec.parent is not None:
            home = self._homes.get(spec.parent)
            if home is None:
                return None
            above, depth = home
        outer = None if spec.parent is None else view.groups[spec.parent].spec
        spawned = outer is not None and outer.kind != "flow"
        depth += spawned
        card: Card
        if above is not None and outer is not None and _is_branch(spec, outer):
            self._branches.add(spec.id)
            card = above
        elif above is not None and (spawned or isinstance(above, Fold) or spec.parent in self._branches):
            card = self._fold(above, group)
            card.note_depth(depth)
        elif len(self.by_id) >= MOST_CARDS:
            card = self._rest(None, group, "… more tasks")
        else:
            card = self.by_id[spec.id] = Card(spec.id, above, group)
        if node is not None:
            self._children.setdefault(node, []).append(spec.id)
        self._homes[spec.id] = card, depth
        return card, depth

    def _fold(self, above: Card, group: GroupView) -> Fold:
        """The card for a group that a node spawned; a task that spawns itself, also by others, has one for all."""
        kind, task = group.spec.kind, group.spec.task
        if isinstance(above, Fold) and above.above is not None and _is_call(above.above, above.kind_and_task):
            above = above.above  # what it spawns is what the card above spawns
        depth, card = 0, cast("Card | None", above)
        while isinstance(card, Fold):
            if card.rest or card.kind_and_task == (kind, task):
                return card
            depth, card = depth + 1, card.above
        if card is not None and _is_call(card, (kind, task)):
            above = card
        elif depth >= _DEEPEST:
            return self._rest(above, group, "… deeper")
        name = self._name(group)
        fold = above.below.get((kind, name))
        if fold is not None:
            return fold
        if len(self.by_id) >= MOST_CARDS:
            return self._rest(None, group, "… more tasks")
        if len(above.below) >= _MOST_BELOW:
            return self._rest(above, group, "… other tasks")
        fold = above.below[kind, name] = self._made(above, group, clean(name, 400), rest=False)
        return fold

    def _name(self, group: GroupView) -> str:
        """The name of the card for a group: its task; in branches, which are alike, each call in turn has its own."""
        spec = group.spec
        if spec.parent not in self._branches:
            return spec.task
        call = (spec.parent, spec.kind, spec.task)
        number = self._calls[call] = min(self._calls.get(call, 0) + 1, _MOST_CALLS)
        return spec.task if number == 1 else f"{spec.task}#{number}"

    def _rest(self, above: Card | None, group: GroupView, name: str) -> Fold:
        fold = self._more if above is None else above.below.get(("rest", ""))
        if fold is None:
            fold = self._made(above, group, name, rest=True)
            if above is None:
                self._more = fold
            else:
                above.below["rest", ""] = fold
        return fold

    def _made(self, above: Card | None, group: GroupView, name: str, *, rest: bool) -> Fold:
        start = "fold:" if above is None else above.id if isinstance(above, Fold) else f"fold:{above.id}"
        card_id = f"{start}/{'…' if rest else name[:_NAME_CHARS]}"
        while card_id in self.by_id:
            card_id += "+"
        fold = Fold(card_id, above, group, name, rest=rest)
        self.by_id[card_id] = fold
        return fold

    def _join(self, fold: Fold, group: GroupView, view: RunView) -> None:
        """Merge the edges of one group into those of its card."""
        for edge in group.spec.edges:
            source = self.card_of(edge.group)
            if source is None:
                self._early.setdefault(group.spec.id, group)
            elif not _hangs_below(fold, source):
                how = edge.how
                if isinstance(source, Fold) and not (how is How.ALL and view.groups[edge.group].spec.mapped):
                    how = How.EACH  # the calls of one parent go together
                fold.uses.setdefault(source.id, how)


def _is_call(card: Card, kind_and_task: tuple[str, str]) -> bool:
    """Whether a card that the flow made is a call of this task."""
    return not isinstance(card, Fold) and (card.first.spec.kind, card.first.spec.task) == kind_and_task


def _is_branch(spec: GroupSpec, outer: GroupSpec) -> bool:
    """Whether a flow group is one of many that a map of the flow made: "etl[3]" within "etl"."""
    return spec.kind == outer.kind == "flow" and spec.task.endswith("]") and spec.task.rpartition("[")[0] == outer.task


def _hangs_below(card: Card | None, other: Card) -> bool:
    while card is not None:
        if card is other:
            return True
        card = card.above
    return False
