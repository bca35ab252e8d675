"""Comparing: what a program came to on the engine and in the serial interpreter, by the place of each node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.system.random_graphs.programs import IMPORTS, PRELUDE
from tests.system.random_graphs.serial import Path, Serial
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.view import GroupView, RunView
from wfkit.engine.driver.run import Run


@dataclass(frozen=True)
class Came:
    """How a node ended."""

    state: str
    kind: str = ""
    value: object = None
    loose: bool = False


def body_of(program: str, names: Mapping[str, Any] | None = None) -> Callable[[], object]:
    """The flow body of a program, with the names of wfkit or with others."""
    source = (IMPORTS if names is None else "") + PRELUDE + program
    space: dict[str, Any] = {"__name__": "random_graph", **(names or {})}
    exec(compile(source, "<random graph>", "exec", dont_inherit=True), space)
    body: Callable[[], object] = space["graph"]
    return body


def serially(program: str) -> tuple[str, dict[Path, Came]]:
    """The end of the run and of its nodes by the rules."""
    serial = Serial()
    state = serial.execute(body_of(program, serial.names()))
    return state, {
        path: Came(node.state, node.kind, node.value if node.state == "COMPLETED" else None, node.loose)
        for path, node in serial.nodes.items()
    }


def engine_came(run: Run) -> tuple[str, dict[Path, Came]]:
    """The same of a run that has ended."""
    places = _places(run.view_model)
    found: dict[Path, Came] = {}
    for group in run.view_model.ordered():
        if group.spec.kind != "task":
            continue
        for index, rank in enumerate(_ranks(group)):
            state = group.state(index).value
            value = Handle(run.answers, Ref(group.spec.id, index)).result() if state == "COMPLETED" else None
            kind = group.kinds.get(index)
            # A body that was executed again may have made its failed children anew: the last ones count.
            found[(*places[group.spec.id], rank)] = Came(state, kind.value if kind else "", value)
    return run.state.value, found


def _places(view: RunView) -> dict[str, Path]:
    """Where each call stands: its number in the flow's body, the element, its number in that body, and so on."""
    top = sorted((name for name in view.groups if "/" not in name), key=lambda name: int(name[1:]))
    places: dict[str, Path] = {name: (number,) for number, name in enumerate(top, 1)}
    for group in view.ordered():
        if "/" not in group.spec.id:
            continue
        parent, _, number = group.spec.id.rpartition("/")
        spawner, _, index = parent.rpartition(".")
        rank = _ranks(view.groups[spawner])[int(index)]  # type: ignore[index]
        places[group.spec.id] = (*places[spawner], rank, int(number.partition("x")[0]))
    return places


def _ranks(group: GroupView) -> list[int]:
    """The place of each element in the list; those of a flatten were made in the order of their arrival."""
    if not group.spec.parts:
        return list(range(len(group)))
    in_order = sorted(range(len(group)), key=lambda index: group.parts().place(index) or (0, index))
    return [in_order.index(index) for index in range(len(group))]


def differences(expected: tuple[str, dict[Path, Came]], got: tuple[str, dict[Path, Came]]) -> list[str]:
    """What is not as it should be, in words."""
    found = [] if expected[0] in {"", got[0]} else [f"the run: {expected[0]} expected, {got[0]} got"]
    for path in sorted({*expected[1], *got[1]}):
        wanted, came = expected[1].get(path), got[1].get(path)
        if not _alike(path, wanted, came, expected[1]):
            found.append(f"{path}: {wanted} expected, {came} got")
    return found


def _alike(path: Path, wanted: Came | None, came: Came | None, all_wanted: dict[Path, Came]) -> bool:
    if wanted is None or came is None:
        above = next((all_wanted[path[:end]] for end in range(2, len(path), 2) if path[:end] in all_wanted), None)
        # What a failed parent's body made may have been cancelled before it made its own.
        loose = any(all_wanted[path[:end]].loose for end in range(2, len(path) + 1, 2) if path[:end] in all_wanted)
        return above is not None and loose
    if wanted.loose:
        return came.state in {"COMPLETED", "FAILED", "SKIPPED", "UPSTREAM_FAILED", "CANCELLED"}
    return (wanted.state, wanted.kind, wanted.value) == (came.state, came.kind, came.value)
