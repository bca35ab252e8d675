"""Rerunning: random programs are edited and their runs repeated; what is kept, what is executed, and why, is checked.

An oracle repeats the program serially: a node that the engine kept has its recorded value, all others are executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from tests.system.random_graphs.comparing import (
    Came,
    as_executed,
    body_of,
    differences,
    engine_came,
    places_of,
    ranks_of,
    serially,
)
from tests.system.random_graphs.programs import PLANS
from tests.system.random_graphs.running import troubles
from tests.system.random_graphs.serial import Given, Path, Serial, Task
from tests.system.random_graphs.serial import Handle as SerialHandle
from tests.system.random_graphs.serial import Node as SerialNode
from wfkit.authoring.context import FlowBody, inside
from wfkit.core.ids import descends, run_id, spawners
from wfkit.core.rerun import Rerun, Wishes
from wfkit.core.states import FINE, RunState, TaskState
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.origin import Origin
from wfkit.engine.driver.reuse import Record, Reuse
from wfkit.engine.driver.run import Run
from wfkit.errors import WaitTimeout

TIMEOUT_S = 40.0
#: What stands between the tasks of a program, and before its body.
BLOCKS = "\n\n\n"
#: As what it would have ended, had it been executed.
_NUMBERS = count(500_000)


# Edits


def edited(program: str, choose: Random) -> str:
    """The program after somebody has worked on it: tasks mean something else, fail no more, or are told otherwise."""
    blocks = program.split(BLOCKS)
    tasks = [at for at, block in enumerate(blocks) if block.startswith("@task")]
    for at in choose.sample(tasks, k=min(len(tasks), choose.randint(1, 2))):
        blocks[at] = choose.choice(_EDITS)(blocks[at], choose)
    if choose.random() < 0.15:
        return program
    if choose.random() < 0.3:
        blocks[-1] = _edited_body(blocks[-1], choose)
    return BLOCKS.join(blocks)


def _other_value(block: str, choose: Random) -> str:
    return re.sub(r"seed = mix\((\d+),", rf"seed = mix(\g<1>{choose.randint(10, 99)},", block)


def _cured(block: str, _: Random) -> str:
    return re.sub(r"end\('\w+', (seed|0)\)", r"end('s', \1)", block.replace("'s' if current", "'s' if True or current"))


def _other_plan(block: str, choose: Random) -> str:
    return re.sub(r"end\('\w+', seed\)", f"end({choose.choice(PLANS)!r}, seed)", block)


def _comment(block: str, _: Random) -> str:
    return block.replace("    seed = ", "    # where it begins\n    seed = ")


_EDITS: tuple[Callable[[str, Random], str], ...] = (_other_value, _cured, _cured, _other_plan, _comment)


def _edited_body(block: str, choose: Random) -> str:
    """One more call, or two statements that do not need each other in the other order."""
    lines = block.rstrip("\n").split("\n")
    calls = [at for at, line in enumerate(lines) if re.match(r"    [hm]\d+ = t\d+\.", line)]
    if not calls:
        return block
    at = choose.choice(calls)
    if choose.random() < 0.5:
        task = re.sub(r".*= (t\d+)\..*", r"\1", lines[at])
        lines.insert(at, f"    {task}.submit({choose.randint(0, 9)})")
    else:
        name = lines[at].split()[0]
        following = lines[at + 1] if at + 1 < len(lines) - 1 else ""
        if re.match(r"    [hm]\d+ = ", following) and not re.search(rf"\b{name}\b", following):
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return "\n".join(lines) + "\n"


def cut_short(program: str, choose: Random) -> str:
    """The program, with a body that raises before one of its statements."""
    *tasks, body = program.split(BLOCKS)
    lines = body.rstrip("\n").split("\n")
    starts = [at for at, line in enumerate(lines) if re.match(r"    (?!else|elif|except|finally)\w", line)]
    lines.insert(choose.choice(starts), "    raise EOFError")
    return BLOCKS.join([*tasks, "\n".join(lines) + "\n"])


# Runs


def executed(
    engine: Engine,
    program: str,
    before: Run | None = None,
    wishes: Wishes | None = None,
    *,
    on_record: bool = False,
) -> Run | None:
    """A run of the program, or a rerun of one before, that has ended; None if it does not end.

    On record: the one before is known by what is on record about it alone, as to another process.
    """
    parent_id = before.id if before is not None else None
    run = Run(engine, run_id(next(_NUMBERS), bytes(10)), "flow", parent_id=parent_id)
    if before is not None:
        run.parent = before
        run.reuse = Reuse(run, [*records_of(before, wishes or Wishes(), on_record=on_record)])
    try:
        with inside(FlowBody(run, "flow")):
            body_of(program)()
        run.close_body(None, {})
    except EOFError:
        run.fail_body(RunState.FAILED, "cut short", {})
    try:
        return run.wait(TIMEOUT_S)
    except WaitTimeout:
        run.cancel()
        return None


def records_of(before: Run, wishes: Wishes, *, on_record: bool = False) -> Iterator[Record]:
    """What a run that repeats one goes on from."""
    for run in _newest_first(before):
        origin = Origin(run.view_model, None, None if on_record else run)
        yield Record(Rerun(run.view_model, wishes, origin.lost, _told), origin)


def _newest_first(before: Run | None) -> Iterator[Run]:
    while before is not None:
        yield before
        before = before.parent if before.view_model.is_cut_short else None


def _told(before: object, after: object) -> str:
    return "its code changed"


def troubles_of_reruns(
    engine: Engine,
    program: str,
    edited_program: str,
    *all_wishes: Wishes,
    cuts: Random | None = None,
    on_record: bool = False,
) -> list[str]:
    """Run a program, edit it, and repeat the run, and that one, and so on; what is not as it should be.

    With `cuts` there is behind each rerun but the last another one, whose body is cut short.
    """
    runs = [executed(engine, program)]
    found: list[str] = []
    for wishes in all_wishes:
        before = runs[-1]
        if before is None:
            break
        if cuts is not None:
            before = executed(engine, cut_short(edited_program, cuts), before, wishes, on_record=on_record)
            runs.append(before)
            if before is None:
                break
        runs.append(executed(engine, edited_program, before, wishes, on_record=on_record))
        if runs[-1] is not None:
            found += _troubles(engine, edited_program, runs[-1], wishes)
    ended = [run for run in runs if run is not None]
    if len(ended) < len(runs):
        found.append(f"run {len(runs)} did not end")
    elif edited_program == program and not _are_cancelled(*ended):
        found += [line for run in ended[1:] for line in needless_runs(run)]
    for run in ended:
        run.release()
    return found


def _troubles(engine: Engine, program: str, after: Run, wishes: Wishes) -> list[str]:
    state, nodes = engine_came(after)
    if wishes.changed:
        found = differences(serially(program), (state, _as_executed(nodes, None)))
        if found and troubles(engine, program):
            found = []  # a run from zero is no better, which is no matter of reruns
    elif _kept_skipped_children(after):
        found = []  # maps over them have elements of which the oracle knows nothing
    else:
        oracle = _kept_serially(program, after)
        found = differences(oracle, (state, _as_executed(nodes, _below_kept(after))))
    return [*found, *untrue_reasons(after)]


def _as_executed(nodes: Mapping[Path, Came], left_out: set[Path] | None) -> dict[Path, Came]:
    return {path: came for path, came in as_executed(nodes).items() if left_out is None or path[:-1] not in left_out}


# The oracle


class _Keeping(Serial):
    """A serial run in which some nodes are not executed, but have the value that is on record."""

    def __init__(self, kept: Mapping[Path, Came]) -> None:
        super().__init__()
        self.kept = kept

    def run_node(self, task: Task, node: SerialNode, given: Given, wait_for: list[SerialHandle]) -> None:
        """Take what is on record, or run it."""
        came = self.kept.get(node.path)
        if came is None:
            super().run_node(task, node, given, wait_for)
            return
        node.state, node.value, node.ran = came.state.replace("REUSED", "COMPLETED"), came.value, True


def _kept_serially(program: str, after: Run) -> tuple[str, dict[Path, Came], set[Path]]:
    assert after.reuse is not None
    recorded = [_by_node(run) for run in _newest_first(after.parent)]
    kept: dict[Path, Came] = {}
    for node, (path, _) in _by_node(after).items():
        verdict = after.view_model.groups[node[0]].verdict(node[1])
        if verdict is not None and verdict.reused:
            old = after.reuse.record_of(node).rerun.matching.old(node)
            assert old is not None
            kept[path] = recorded[after.reuse.layers.holder(node)][old][1]
    serial = _Keeping(kept)
    serial.execute(body_of(program, serial.names()))
    nodes = {
        path: Came(node.state, node.kind, node.value if node.state == "COMPLETED" else None)
        for path, node in serial.nodes.items()
    }
    return "", nodes, {path for path, group in serial.groups.items() if group.loose}


def _by_node(run: Run) -> dict[tuple[Any, int], tuple[Path, Came]]:
    """Where each node stands, and how it ended."""
    places, came = places_of(run.view_model), engine_came(run)[1]
    found = {}
    for group in run.view_model.ordered():
        if group.spec.kind == "task":
            for index, rank in enumerate(ranks_of(group)):
                path = (*places[group.spec.id], rank)
                found[group.spec.id, index] = (path, came[path])
    return found


def _below_kept(after: Run) -> set[Path]:
    """Calls that kept nodes have made before: nobody makes them again."""
    places = places_of(after.view_model)
    found = set()
    for group in after.view_model.groups.values():
        for name, index in spawners(group.spec.id):
            verdict = after.view_model.groups[name].verdict(index)
            if verdict is not None and verdict.reused:
                found.add(places[group.spec.id])
    return found


def _kept_skipped_children(after: Run) -> bool:
    """Whether a kept node returned handles of nodes that were skipped."""
    return any(
        descends(name, *node) and TaskState.SKIPPED in map(group.state, range(len(group)))
        for node in after.promises
        for name, group in after.view_model.groups.items()
    )


# Reasons

_WAS = {
    "failed before": TaskState.FAILED,
    "crashed before": TaskState.CRASHED,
    "was cancelled": TaskState.CANCELLED,
    "its inputs failed before": TaskState.UPSTREAM_FAILED,
    "never started": TaskState.PENDING,
}


@dataclass
class _Reasons:
    """The reasons of one rerun, held against what has been."""

    after: Run

    def troubles(self) -> list[str]:
        found = []
        for group in self.after.view_model.ordered():
            if group.spec.kind != "task":
                continue
            for index in range(len(group)):
                node = (group.spec.id, index)
                verdict = group.verdict(index)
                if verdict is None and (group.attempts[index] or group.state(index) is TaskState.REUSED):
                    found.append(f"{group.name(index)} has no reason")
                elif verdict and not (self._kept_rightly if verdict.reused else self._run_rightly)(
                    node, verdict.reason
                ):
                    kept = "kept" if verdict.reused else "executed"
                    found.append(f"{group.name(index)} is {kept}, and this is not true: {verdict.reason}")
        return found

    def _is_kept(self, node: tuple[Any, int]) -> bool:
        verdict = self.after.view_model.groups[node[0]].verdict(node[1])
        return verdict is not None and verdict.reused

    def _old(self, node: tuple[Any, int]) -> tuple[Any, int] | None:
        return self._record(node).rerun.matching.old(node)

    def _record(self, node: tuple[Any, int]) -> Record:
        assert self.after.reuse is not None
        return self.after.reuse.record_of(node)

    def _kept_rightly(self, node: tuple[Any, int], reason: str) -> bool:
        """It was fine, what it was made of is as it was, and so is what it made."""
        old = self._old(node)
        if old is None or not reason.startswith("reused"):
            return False
        view = self._record(node).rerun.past
        fine = view.groups[old[0]].state(old[1]) in FINE
        made = [one for one in view.groups.values() if one.spec.kind == "task" and old in set(spawners(one.spec.id))]
        return fine and all(group.state(at) in FINE for group in made for at in range(len(group)))

    def _run_rightly(self, node: tuple[Any, int], reason: str) -> bool:  # noqa: PLR0911 - one line per reason
        old = self._old(node)
        if reason == "new":
            return old is None
        if old is None:
            return False
        if reason in _WAS:
            return self._record(node).rerun.past.groups[old[0]].state(old[1]) is _WAS[reason]
        if found := re.fullmatch(r"`(.+)` runs again", reason):
            return self._runs(found[1], self._record(node))
        if found := re.fullmatch(r"its child `(.+)` (.+)", reason):
            group, index = self._record(node).rerun.past.by_name(found[1])
            if found[2] == "is stale":
                return group.made_by.get(index or 0, group.spec.code) != group.spec.code
            return found[2] in _WAS and group.state(index or 0) is _WAS[found[2]]
        return bool(
            re.fullmatch(r"its code changed|input `.+` changed|its inputs are other ones|the list of .*", reason)
        )

    def _runs(self, name: str, record: Record) -> bool:
        """Whether a node is executed, or was executed since the run that a record is of."""
        group, index = self.after.view_model.by_name(name)
        if group.spec.kind == "flatten":
            return True
        indices = range(len(group)) if index is None else [index]
        nodes = [(group.spec.id, at) for at in indices]
        return any(not self._is_kept(node) or self._record(node) is not record for node in nodes)


def untrue_reasons(after: Run) -> list[str]:
    """Nodes that were executed without a reason, or for one that is not true; and those that were kept so."""
    return _Reasons(after).troubles()


#: Reasons that cannot be where nothing was edited.
_OF_EDITS = ("input ", "its inputs are other ones", "the list of ", "its code changed")


def _are_cancelled(*runs: Run) -> bool:
    """Whether nodes were cancelled, which is a matter of time, as is then what others make of their ends."""
    return any(row.state is TaskState.CANCELLED for run in runs for row in run.nodes)


def needless_runs(after: Run) -> list[str]:
    """Nodes that were executed as if something had been edited, where nothing was."""
    verdicts = [
        (group.name(index), verdict)
        for group in after.view_model.ordered()
        for index in range(len(group))
        if (verdict := group.verdict(index)) is not None
    ]
    return [
        f"{name} is executed for no reason: {verdict.reason}"
        for name, verdict in verdicts
        if not verdict.reused and verdict.reason.startswith(_OF_EDITS)
    ]
