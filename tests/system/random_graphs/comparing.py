"""Comparing: what a program came to on the engine and in the serial interpreter, by the place of each node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.system.random_graphs.programs import IMPORTS, PRELUDE
from tests.system.random_graphs.serial import Path, Serial
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.view import GroupView, RunView
from wfkit.engine.driver.run import Run

#: Of nodes that may have been cancelled.
ENDS = {"COMPLETED", "FAILED", "SKIPPED", "UPSTREAM_FAILED", "CANCELLED"}


@dataclass(frozen=True)
class Came:
    """How a node ended."""

    state: str
    kind: str = ""
    value: object = None


def body_of(program: str, names: Mapping[str, Any] | None = None) -> Callable[[], object]:
    """The flow body of a program, with the names of wfkit or with others."""
    source = (IMPORTS if names is None else "") + PRELUDE + program
    space: dict[str, Any] = {"__name__": "random_graph", **(names or {})}
    exec(compile(source, "<random graph>", "exec", dont_inherit=True), space)
    body: Callable[[], object] = space["graph"]
    return body


def serially(program: str) -> tuple[str, dict[Path, Came], set[Path]]:
    """The end of the run and of its nodes by the rules, and the calls that may have been cancelled before their end."""
    serial = Serial()
    state = serial.execute(body_of(program, serial.names()))
    nodes = {
        path: Came(node.state, node.kind, node.value if node.state == "COMPLETED" else None)
        for path, node in serial.nodes.items()
    }
    return state, nodes, {path for path, group in serial.groups.items() if group.loose}


def engine_came(run: Run) -> tuple[str, dict[Path, Came]]:
    """The same of a run that has ended."""
    places = places_of(run.view_model)
    found: dict[Path, Came] = {}
    for group in run.view_model.ordered():
        if group.spec.kind != "task":
            continue
        for index, rank in enumerate(ranks_of(group)):
            state = group.state(index).value
            value = (
                Handle(run.answers, Ref(group.spec.id, index)).result() if state in {"COMPLETED", "REUSED"} else None
            )
            kind = group.kinds.get(index)
            # A body that was executed again may have made its failed children anew: the last ones count.
            found[(*places[group.spec.id], rank)] = Came(state, kind.value if kind else "", value)
    return run.state.value, found


def as_executed(nodes: Mapping[Path, Came]) -> dict[Path, Came]:
    """The same, where what was kept counts as executed."""
    return {path: replace(came, state=came.state.replace("REUSED", "COMPLETED")) for path, came in nodes.items()}


def places_of(view: RunView) -> dict[str, Path]:
    """Where each call stands: its number in the flow's body, the element, its number in that body, and so on."""
    top = sorted((name for name in view.groups if "/" not in name), key=lambda name: int(name[1:]))
    places: dict[str, Path] = {name: (number,) for number, name in enumerate(top, 1)}
    for group in view.ordered():
        if "/" not in group.spec.id:
            continue
        parent, _, number = group.spec.id.rpartition("/")
        spawner, _, index = parent.rpartition(".")
        rank = ranks_of(view.groups[spawner])[int(index)]  # type: ignore[index]
        places[group.spec.id] = (*places[spawner], rank, int(number.partition("x")[0]))
    return places


def ranks_of(group: GroupView) -> list[int]:
    """The place of each element in the list; those of a flatten were made in the order of their arrival."""
    if not group.spec.parts:
        return list(range(len(group)))
    in_order = sorted(range(len(group)), key=lambda index: group.parts().place(index) or (0, index))
    return [in_order.index(index) for index in range(len(group))]


def differences(expected: tuple[str, dict[Path, Came], set[Path]], got: tuple[str, dict[Path, Came]]) -> list[str]:
    """What is not as it should be, in words."""
    state, nodes, loose = expected
    found = [] if state in {"", got[0]} else [f"the run: {state} expected, {got[0]} got"]
    for path in sorted({*nodes, *got[1]}):
        wanted, came = nodes.get(path), got[1].get(path)
        if any(path[:end] in loose for end in range(1, len(path))):
            if came is not None and came.state not in ENDS:
                found.append(f"{path}: {came} got, which is no end")
        elif wanted != came:
            found.append(f"{path}: {wanted} expected, {came} got")
    return found
