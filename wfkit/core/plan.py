"""Plan: what a rerun would do with each node of a recorded run, told without running anything of the user's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wfkit.core import edges as joins
from wfkit.core.anew import superseded
from wfkit.core.behind import behind_inputs, earlier_calls
from wfkit.core.events import USES_STALE, CodeSpec, How
from wfkit.core.ids import GroupId, spawner, spawners
from wfkit.core.laid import laid_over
from wfkit.core.layers import Layers
from wfkit.core.rerun import INPUTS_FAILED, Decision, Fate, Needed
from wfkit.core.view import GroupView, RunView

_SHOWN: Final = 40
#: The reason of nodes that only follow from what becomes of others, as `Plan.why` tells it.
FOLLOWS: Final = "its inputs are new"
_ACTIONS: Final = {Fate.RUN: "run", Fate.KEEP: "reuse", Fate.GIVE: "reuse", Fate.AWAIT: "await"}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What would become of one node."""

    name: str
    action: str  #: "run", "reuse" or "await"
    reason: str
    stale: str = ""  #: why a value that is kept, or used, is not what the code would give now
    depends_on_body: bool = False  #: the body looked at something before that runs again, so the call may be another


class Plan(Sequence[PlanRow]):
    """What a rerun would do, node by node; rows are made when they are asked for."""

    def __init__(self, rows: Sequence[tuple[GroupView, int, Decision, bool]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> PlanRow:  # type: ignore[override]  # rows, not slices of plans
        group, index, decision, depends = self._rows[place]
        return PlanRow(group.name(index), _ACTIONS[decision.fate], decision.reason, decision.stale, depends)

    def __iter__(self) -> Iterator[PlanRow]:
        return (self[place] for place in range(len(self._rows)))

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes would run, be reused, be awaited, and how many kept values come from an earlier version."""
        fates = Counter(decision.fate for _, _, decision, _ in self._rows)
        kept = [decision.stale for _, _, decision, _ in self._rows if decision.fate is Fate.KEEP]
        stale = sum(bool(why) and not why.startswith(USES_STALE) for why in kept)
        return {
            "run": fates[Fate.RUN],
            "reuse": fates[Fate.KEEP] + fates[Fate.GIVE],
            "await": fates[Fate.AWAIT],
            "stale": stale,
        }

    @property
    def why(self) -> list[tuple[str, int]]:
        """Why nodes would run or be set by hand, and how many; those that only follow from others together, last."""
        fresh = (decision.reason for _, _, decision, _ in self._rows if decision.fate in {Fate.RUN, Fate.GIVE})
        reasons = Counter(map(_cause, fresh))
        return sorted(reasons.items(), key=lambda one: (one[0] == FOLLOWS, -one[1], one[0]))

    @property
    def depending(self) -> int:
        """How many nodes that would run lie behind a decision of the body."""
        return sum(depends and decision.fate is Fate.RUN for _, _, decision, depends in self._rows)

    @property
    def tasks(self) -> set[str]:
        """The tasks of which nodes would run."""
        return {group.spec.task for group, _, decision, _ in self._rows if decision.fate is Fate.RUN}

    def executed(self) -> Iterator[PlanRow]:
        """The nodes that would run; each row is made when it is asked for."""
        return (self[place] for place, row in enumerate(self._rows) if row[2].fate is Fate.RUN)

    @property
    def headline(self) -> str:
        """The counts in words."""
        counts = self.counts
        told = f"{counts['run']} run, {counts['reuse']} reused"
        told += f", of these {counts['stale']} stale" if counts["stale"] else ""
        return told + (f", {counts['await']} awaited" if counts["await"] else "")

    def __repr__(self) -> str:
        first = sorted(range(len(self)), key=lambda place: self._rows[place][2].fate is not Fate.RUN)[:_SHOWN]
        rows = [self[place] for place in sorted(first)]
        lines = [f"{row.name:30} {row.action:6} {_told(row)}" for row in rows]
        more = [f"… and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return "\n".join([self.headline, *lines, *more])


def _told(row: PlanRow) -> str:
    parts = [
        row.reason,
        f"stale: {row.stale}" if row.stale else "",
        "depends on the body" if row.depends_on_body else "",
    ]
    return ", ".join(part for part in parts if part)


def _cause(reason: str) -> str:
    names_another = reason.startswith("`") and reason.endswith(("` runs again", "` is set by hand"))
    return FOLLOWS if names_another or reason == INPUTS_FAILED else reason


def plan_of(layers: Layers, codes: Mapping[str, CodeSpec]) -> Plan:
    """Plan a rerun as if the body made the same calls again.

    Parameters
    ----------
    layers : Layers
        The rules of the records, nothing decided yet.
    codes : mapping
        The code of tasks as it is now, by the id of the recorded version; what is not there counts as unchanged.
    """
    past = laid_over(layers)
    gone, earlier = superseded(past.groups), earlier_calls(past)
    depends: dict[GroupId, bool] = {}  # on a body that has looked at what is new before, or runs again itself
    rows: dict[GroupId, list[tuple[GroupView, int, Decision, bool]]] = {}
    for name in behind_inputs(past, earlier):
        group, above = past.groups[name], spawner(name)
        depends[name] = (
            any(depends[one] for one in earlier[name])
            or any(layers.is_new(*look) for look in group.spec.looks)
            or (above is not None and layers.fate(above) is Fate.RUN)
        )
        if group.spec.kind != "task" or name in gone:
            continue
        if any(layers.fate(node) is Fate.GIVE for node in spawners(name)):
            continue  # what a node made whose value is given is not there any more
        code = codes.get(group.spec.code, past.codes.get(group.spec.code))
        rows[name] = [
            (group, index, layers.decide(group.spec, index, code, _needed(past, group, index)), depends[name])
            for index in range(len(group))
        ]
    return Plan([row for group in past.ordered() for row in rows.get(group.spec.id, ())])


def _needed(view: RunView, user: GroupView, index: int) -> Iterator[Needed]:
    for edge in user.spec.edges:
        if edge.at not in {None, index}:
            continue
        source = view.groups.get(edge.group)
        if source is None:
            continue
        if source.spec.kind == "flatten":
            for element in joins.used(view, user, edge, index):
                yield from _needed(view, source, element)
            if edge.how is How.ALL:
                yield from _chained(view, source)
                yield Needed(edge.group, None, source)
        elif edge.how is How.ALL and user.spec.kind != "flatten":
            yield Needed(edge.group, None, source)
        else:
            for element in joins.used(view, user, edge, index):
                yield Needed(edge.group, element, source)


def _chained(view: RunView, flatten: GroupView) -> Iterator[Needed]:
    """What a flatten chains, which counts where that gives no element."""
    for edge in flatten.spec.edges:
        source = view.groups.get(edge.group)
        if source is not None and source.spec.kind == "flatten":
            yield from _chained(view, source)
        elif source is not None and edge.how is How.ALL:
            yield Needed(edge.group, None, source)
        elif source is not None:
            yield Needed(edge.group, edge.index, source)
