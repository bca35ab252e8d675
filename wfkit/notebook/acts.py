"""Acts: what a browser may ask to be done, or to be planned; checked here, before anything is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wfkit.notebook.checks import LONGEST_ID, BadMessage, group_of, is_index, request_of
from wfkit.notebook.orders import ORDERS

_LONGEST_VALUE: Final = 100_000  #: characters of a value by hand


@dataclass(frozen=True, slots=True)
class Place:
    """What somebody points at."""

    card: str  #: a card or a group
    index: int | None  #: one of its cells; None: all


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody pressed a button."""

    request: str
    name: str
    run: str | None = None  #: the run that was shown; None: whichever is
    at: Place | None = None  #: what to cancel; None: the run


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rerun is asked for."""

    what: str  #: one of `WISHES`
    at: Place | None = None  #: what to force, or (with `literal`) what to give a value
    literal: str | None = None  #: the value, as Python text


@dataclass(frozen=True, slots=True)
class AskPlan:
    """Somebody wants to know what a rerun would do."""

    request: str
    run: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class StartRerun:
    """Somebody confirmed a plan."""

    request: str
    run: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class ShowRun:
    """Somebody wants to see another run of the lineage."""

    request: str
    run: str


#: What a rerun may be asked for: what has no value; also what is stale; a node or group in any case; a value by hand.
WISHES: Final = ("failed", "changed", "node", "value")
#: What is done, or takes its time: not by the thread that takes the messages.
Act = Command | AskPlan | StartRerun | ShowRun


def read_act(op: str, content: Mapping[str, object]) -> Act:
    """Check a message that asks for an act and take it apart.

    Raises
    ------
    BadMessage : it is not of the form that version 1 knows
    """
    request = request_of(content)
    if op == "command":
        return _command(request, content)
    run = _run(content)
    match op:
        case "plan":
            return AskPlan(request, run, _wish(content.get("wish")))
        case "rerun":
            return StartRerun(request, run, _wish(content.get("wish")))
        case _:
            return ShowRun(request, run)


def _command(request: str, content: Mapping[str, object]) -> Command:
    name = content.get("name")
    if not isinstance(name, str) or name not in ORDERS:
        raise BadMessage("There is no such command.")
    at = None if content.get("group") is None else _place(content)
    if at is not None and name != "cancel":
        raise BadMessage("Only a cancel may be of a part of the run.")
    run = None if content.get("run") is None else _run(content)
    return Command(request, name, run, at)


def _run(content: Mapping[str, object]) -> str:
    run = content.get("run")
    if not isinstance(run, str) or not 0 < len(run) <= LONGEST_ID:
        raise BadMessage("An act needs the id of a run.")
    return run


def _wish(wish: object) -> Wish:
    if not isinstance(wish, Mapping) or not isinstance(wish.get("what"), str) or wish["what"] not in WISHES:
        raise BadMessage("There is no such rerun.")
    what: str = wish["what"]
    if what in {"failed", "changed"}:
        return Wish(what)
    at = _place(wish)
    if what == "node":
        return Wish(what, at)
    value = wish.get("value")
    if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
        raise BadMessage(f"A value must be text of at most {_LONGEST_VALUE:,} characters.")
    if at.index is None:
        raise BadMessage("A value can be given to one node only.")
    return Wish(what, at, value)


def _place(content: Mapping[str, object]) -> Place:
    index = content.get("index")
    if index is not None and not is_index(index):
        raise BadMessage("An index must be a number from 0, or null.")
    return Place(group_of(content), index)
