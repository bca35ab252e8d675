"""Plan: what a rerun would do with each node of a recorded run, told without running anything of the user's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wfkit.core import edges as joins
from wfkit.core.edges import Node
from wfkit.core.events import USES_STALE, CodeSpec, How
from wfkit.core.ids import GroupId, spawner, spawners
from wfkit.core.rerun import INPUTS_FAILED, Decision, Fate, Needed, Rerun
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


def plan_of(past: RunView, rerun: Rerun, codes: Mapping[str, CodeSpec]) -> Plan:
    """Plan a rerun as if the body made the same calls again.

    Parameters
    ----------
    past : RunView
        The recorded run.
    rerun : Rerun
        The rules, nothing decided yet.
    codes : mapping
        The code of tasks as it is now, by the task's name; a task that is not there counts as unchanged.
    """
    rerun.matching.be_the_same()
    looked: dict[Node | None, list[tuple[GroupId, int]]] = {}
    rows: list[tuple[GroupView, int, Decision, bool]] = []
    for group in past.ordered():
        body = spawner(group.spec.id)
        looked.setdefault(body, []).extend(group.spec.looks)
        if group.spec.kind != "task":
            continue
        depends = _depends(rerun, group.spec.id, looked)
        code = codes.get(group.spec.task, past.codes.get(group.spec.code))
        for index in range(len(group)):
            decision = rerun.decide(group.spec, index, code, _needed(past, group, index))
            rows.append((group, index, decision, depends))
    return Plan(rows)


def _depends(rerun: Rerun, group: GroupId, looked: Mapping[Node | None, Sequence[tuple[GroupId, int]]]) -> bool:
    """Whether a body looked at something before a call that will run again, or runs again itself."""
    bodies = [None, *spawners(group)]
    if any(rerun.fate(body) is Fate.RUN for body in bodies if body is not None):
        return True
    return any(rerun.is_new(name, index) for body in bodies for name, index in looked.get(body, ()))


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
                yield Needed(edge.group, None, source.spec.name)
        elif edge.how is How.ALL and user.spec.kind != "flatten":
            yield Needed(edge.group, None, source.spec.name)
        else:
            for element in joins.used(view, user, edge, index):
                yield Needed(edge.group, element, source.name(element))
