"""Runs to be repeated: short ways to write down what a recorded run was, and the calls of the run that repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.core.histories import folded
from wfkit.core.events import (
    TOKEN_BYTES,
    AnyEvent,
    Argument,
    CodesAdded,
    CodeSpec,
    Edge,
    GroupSpec,
    How,
    Input,
    NodeFinished,
    NodesAdded,
    RunFinished,
    RunStarted,
)
from wfkit.core.ids import GroupId, RunId
from wfkit.core.matching import Matching
from wfkit.core.rerun import Decision, Needed, Rerun, Wishes
from wfkit.core.states import RunState, TaskState
from wfkit.core.view import GroupView, RunView

COMPLETED, FAILED, SKIPPED = TaskState.COMPLETED, TaskState.FAILED, TaskState.SKIPPED
V1, V2 = "v1", "v2"


def token(value: object) -> bytes:
    """The digest of a plain value; None: of what cannot be digested."""
    return bytes(TOKEN_BYTES) if value is None else repr(value).encode().rjust(TOKEN_BYTES, b"*")[-TOKEN_BYTES:]


def plain(name: str, value: object) -> Input:
    """An argument that all nodes have."""
    return Input(name, token(value))


def each(name: str, values: Iterable[object]) -> Input:
    """An argument of which each node has one value; an empty name: the keys."""
    return Input(name, b"".join(map(token, values)))


def over(group: str) -> Edge:
    """Element by element."""
    return Edge(GroupId(group), How.EACH)


def whole(group: str) -> Edge:
    return Edge(GroupId(group), How.ALL)


def one(group: str, index: int = 0, at: int | None = None, items: tuple[int, ...] = ()) -> Edge:
    return Edge(GroupId(group), How.ONE, index, at, items)


def call(  # noqa: PLR0913 - as many as a call has
    identity: str,
    task: str = "clean",
    *inputs: Input,
    uses: Sequence[Edge] = (),
    length: int | None = None,
    code: str = V1,
    kind: str = "task",
    parent: str | None = None,
    spelled: Sequence[Edge] = (),
    parts: tuple[tuple[int, int], ...] = (),
    looks: Sequence[tuple[str, int]] = (),
    order: int = 0,
    mapped: bool | None = None,
    handles: Sequence[str] = (),
) -> GroupSpec:
    """A call of a task; with a length it is a map. `handles`: the arguments that are some."""
    mapped = length is not None if mapped is None else mapped
    return GroupSpec(
        id=GroupId(identity),
        order=order,
        name=f"{task}@{identity}",
        task=task,
        kind=kind,
        mapped=mapped,
        length=(1 if kind == "task" else 0) if length is None else length,
        parent=None if parent is None else GroupId(parent),
        edges=tuple(uses) + tuple(spelled),
        code=code,
        inputs=inputs,
        uses=tuple(uses),
        spelled=tuple(spelled),
        parts=parts,
        looks=tuple((GroupId(group), index) for group, index in looks),
        arguments=tuple(Argument(name, "", 1) for name in handles),
    )


def code(identity: str, task: str = "clean", *, unknown: str = "") -> CodeSpec:
    """A version of a task's code, which its id stands for."""
    return CodeSpec(id=identity, task=task, fingerprint="" if unknown else f"of {identity}", unknown=unknown)


Ends = dict[str | tuple[str, int], TaskState]


def recorded(*calls: GroupSpec, ends: Ends | None = None, going_on: bool = False, made_by: str = "") -> RunView:
    """A run that made these calls. All nodes COMPLETED but those whose end is given; PENDING ones did not end."""
    told = ends or {}
    events: list[AnyEvent] = [
        RunStarted(run_id=RunId("r-1"), flow_name="etl", at_s=1.0),
        CodesAdded(
            codes=(code(V1), code(V2), *(code(one.code, one.task) for one in calls if one.code not in {V1, V2}))
        ),
        NodesAdded(groups=tuple(replace(one, order=at) for at, one in enumerate(calls))),
    ]
    for spec in calls:
        for index in range(spec.length or 0):
            state = told.get((spec.id, index), told.get(spec.id, COMPLETED))
            if state is not TaskState.PENDING and spec.kind == "task":
                events.append(
                    NodeFinished(group=spec.id, index=index, attempt=1, state=state, inline=b"", made_by=made_by)
                )
    if not going_on:
        events.append(RunFinished(state=RunState.FAILED))
    return folded(*events)


def kind_of(*calls: GroupSpec) -> dict[str, str]:
    return {spec.id: spec.kind for spec in calls}


def matched(past: RunView, *calls: GroupSpec) -> Matching:
    """Add these calls one after the other, and look for their elements."""
    matching, kinds = Matching(past), kind_of(*calls)
    for spec in calls:
        matching.add(spec, lambda group: kinds[group])
        if spec.kind == "task":
            matching.find_elements(spec, range(spec.length or 0))
    return matching


def elements(matching: Matching, spec: GroupSpec) -> list[int | None]:
    """Which recorded element each element of a call is."""
    found = [matching.old((spec.id, index)) for index in range(spec.length or 0)]
    return [None if old is None else old[1] for old in found]


class Repeat:
    """A rerun whose nodes are decided in the order of the calls, each behind all that it uses."""

    def __init__(
        self,
        past: RunView,
        *calls: GroupSpec,
        wishes: Wishes | None = None,
        code: CodeSpec | None = None,
        lost: dict[tuple[str, int], str] | None = None,
    ) -> None:
        gone = lost or {}
        self.rerun = Rerun(past, wishes or Wishes(), lambda node: gone.get(node, ""), lambda *_: "its body changed")
        self.decisions: dict[tuple[str, int], Decision] = {}
        kinds, matching = kind_of(*calls), self.rerun.matching
        for spec in calls:
            matching.add(spec, lambda group: kinds[group])
            if spec.kind == "task":
                matching.find_elements(spec, range(spec.length or 0))
                for index in range(spec.length or 0):
                    self.decide(spec, index, code)

    def decide(self, spec: GroupSpec, index: int, code: CodeSpec | None) -> None:
        """Decide about one node, behind what its edges lead to."""
        found = self.rerun.decide(spec, index, code, list(needed(spec, index)))
        self.decisions[spec.id, index] = found

    def __getitem__(self, node: tuple[str, int] | str) -> Decision:
        return self.decisions[(node, 0) if isinstance(node, str) else node]

    def told(self, spec: GroupSpec) -> list[str]:
        """What becomes of each element, and why, in one text."""
        return [f"{self[spec.id, at].fate}: {self[spec.id, at].reason}" for at in range(spec.length or 0)]


def needed(spec: GroupSpec, index: int) -> Iterable[Needed]:
    """What a node depends on, by its edges."""
    for edge in spec.edges:
        if edge.at in {None, index}:
            at = None if edge.how is How.ALL else index if edge.how is How.EACH else edge.index
            source = GroupSpec(id=edge.group, order=0, name=edge.group, task="", kind="task", mapped=True, length=None)
            yield Needed(edge.group, at, GroupView(source))
