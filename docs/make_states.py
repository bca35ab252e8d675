# ruff: noqa: INP001  # a script, no package
"""Writes docs/states.md: the states and the diagrams of their moves, from the tables in wfkit/core/states.py.

Run it with `python docs/make_states.py`; a test fails where the file differs from the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from wfkit.core.states import (
    FINE,
    RUN_ENDS,
    RUN_MOVES,
    TASK_ENDS,
    TASK_MOVES,
    WITH_VALUE,
    FailureKind,
    RunState,
    TaskState,
)

_State = TypeVar("_State", bound=StrEnum)

TARGET: Final = Path(__file__).with_name("states.md")

_TASKS: Final[Mapping[TaskState, str]] = {
    TaskState.PENDING: "waits for its inputs, or for its turn",
    TaskState.RUNNING: "an attempt runs on a worker, or its result is being stored",
    TaskState.RETRYING: "an attempt failed or was lost and the next one follows after a delay; holds no slot",
    TaskState.WAITING: "its body is done or blocks, and children of its still run; holds no slot",
    TaskState.COMPLETED: "it returned a value",
    TaskState.REUSED: "it was not executed: its value comes from an earlier run, or from an attempt of its parent",
    TaskState.SKIPPED: "its trigger or its own `Skip` signal left it out",
    TaskState.FAILED: "the last attempt raised, took too long, or a child of its failed",
    TaskState.UPSTREAM_FAILED: "it never began, because its trigger refused failed inputs",
    TaskState.CRASHED: "it was lost with its worker and is not tried again; never the exception of the user",
    TaskState.CANCELLED: "somebody cancelled it",
}

_RUNS: Final[Mapping[RunState, str]] = {
    RunState.PENDING: "made, not begun",
    RunState.RUNNING: "its body runs, or nodes have not ended",
    RunState.PAUSED: "no new node begins; running ones finish",
    RunState.CANCELLING: "cancelled or out of time: no new node begins; running ones are being stopped",
    RunState.COMPLETED: "the body ended and every failure, if any, was handled",
    RunState.FAILED: "a failure that nobody handled, or an exception in the body",
    RunState.CANCELLED: "somebody cancelled it",
    RunState.INTERRUPTED: "driver or cluster was lost, or the body was interrupted",
}


def states_page() -> str:
    """Make the whole text of docs/states.md."""
    kinds = ", ".join(f"*{kind.value}*" for kind in FailureKind)
    return f"""# States

Made by `docs/make_states.py` from the tables in `wfkit/core/states.py`; do not edit by hand.

A move that is not drawn cannot happen, and nothing leaves an end state: going on is always a rerun, which is a new run.

## Tasks

{_task_table()}

*Fine* ends never fail a run. FAILED and CRASHED name their kind: {kinds}.

{_diagram(TASK_MOVES, TaskState.PENDING, TASK_ENDS)}

## Runs

{_run_table()}

{_diagram(RUN_MOVES, RunState.PENDING, RUN_ENDS)}
"""


def _task_table() -> str:
    rows = ["| state | meaning | end | fine | leaves a value |", "| --- | --- | --- | --- | --- |"]
    for state in TaskState:
        ticks = " | ".join(_tick(state in group) for group in (TASK_ENDS, FINE, WITH_VALUE))
        rows.append(f"| {state} | {_TASKS[state]} | {ticks} |")
    return "\n".join(rows)


def _run_table() -> str:
    rows = ["| state | meaning | end |", "| --- | --- | --- |"]
    rows += [f"| {state} | {_RUNS[state]} | {_tick(state in RUN_ENDS)} |" for state in RunState]
    return "\n".join(rows)


def _tick(holds: bool) -> str:  # noqa: FBT001  # a cell of a table
    return "yes" if holds else ""


def _diagram(moves: Mapping[tuple[_State, _State], str], start: _State, ends: frozenset[_State]) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    lines += [f"    {before} --> {after}: {fact}" for (before, after), fact in moves.items()]
    lines += [f"    {state} --> [*]" for state in type(start) if state in ends]
    return "\n".join([*lines, "```"])


if __name__ == "__main__":
    TARGET.write_text(states_page(), encoding="utf-8")
