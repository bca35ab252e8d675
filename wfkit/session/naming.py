"""Naming: which of the runs of a session is meant by its id, the start of its id, or the name of its flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wfkit.errors import NoSuchRun

if TYPE_CHECKING:
    from wfkit.engine.driver.run import Run

#: Every id of a run begins so; it names none.
_BEGIN: Final = "r-"
_NAMED: Final = 3


def is_id(text: str) -> bool:
    """Whether a text is an id of a run, or the start of one, rather than another name."""
    return text.startswith(_BEGIN)


def run_by_id(runs: Sequence[Run], text: str) -> Run | None:
    """The run with this id, or the only one whose id begins so; None where there is none.

    Raises
    ------
    NoSuchRun : several begin so
    """
    found = [run for run in runs if is_id(text) and text != _BEGIN and run.id.startswith(text)]
    if len(found) > 1:
        named = ", ".join(run.id for run in found[-_NAMED:])
        raise NoSuchRun(f"{len(found)} runs of this session begin with {text!r}: {named}.", "Write more of its id.")
    return found[0] if found else None


def run_by_name(runs: Sequence[Run], name: str) -> Run:
    """The run with this id, the only one whose id begins so, or the newest one of the flow with this name.

    Raises
    ------
    NoSuchRun : none fits, or several ids begin so
    """
    found = run_by_id(runs, name) or next((run for run in reversed(runs) if run.flow_name == name), None)
    if found is not None:
        return found
    known = ", ".join(dict.fromkeys(run.flow_name for run in reversed(runs))) or "none yet"
    raise NoSuchRun(f"There is no run {name!r} in this session.", f"Flows that ran: {known}.")
