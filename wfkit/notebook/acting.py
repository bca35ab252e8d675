"""Acting: does what somebody asks for in a view, or tells what it would do, and says what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from wfkit.authoring.secrets import redacted
from wfkit.errors import NoSuchRun, WfkitError
from wfkit.notebook.acts import Act, AskPlan, Command, ShowRun, StartRerun
from wfkit.notebook.checks import LONGEST_ID
from wfkit.notebook.deck import Deck
from wfkit.notebook.lineage import KindredRun, lineage
from wfkit.notebook.orders import OrderedRun, cancel_part, give
from wfkit.notebook.plain import one_line
from wfkit.notebook.plans import PlannedRun, asked, plan_facts
from wfkit.notebook.pointing import called, names_at, refs_at

_LOG = logging.getLogger("wfkit.notebook.acting")
_LOG.addHandler(logging.NullHandler())  # what a thread prints lands in a cell that has nothing to do with it

_TEXT_CHARS: Final = 600
_ACTS: Final[Mapping[type, str]] = {AskPlan: "plan the rerun", StartRerun: "rerun", ShowRun: "show the run"}


class ActedOnRun(OrderedRun, PlannedRun, KindredRun, Protocol):
    """What acting needs of a run."""

    def rerun(self, *what: str, replace: Mapping[str, object] | None = None) -> Any:
        """Start a run that goes on from this one, in this process."""


_Run = TypeVar("_Run", bound=ActedOnRun)


def act(action: Act, run: _Run, deck: Deck, turn_to: Callable[[_Run], object]) -> dict[str, object]:
    """Do what is asked for; the answer for the browser, which tells what went wrong too. May take its time.

    Parameters
    ----------
    action : Act
    run : run
        The run that the view shows.
    deck : Deck
        What the browser was told of it.
    turn_to : callable
        Lets the view show another run.
    """
    try:
        if isinstance(action, ShowRun):
            turn_to(_kin(run, action.run))
            return _ack("")
        return _done(action, run, deck, turn_to)
    except WfkitError as error:
        return _refused(action, str(error))
    except Exception as error:  # noqa: BLE001 - whoever clicked must see it; nobody else would
        _LOG.exception("An act in a view failed.")
        doing = f"{action.name} the run" if isinstance(action, Command) else _ACTS[type(action)]
        return _refused(action, f"Could not {doing}: {in_words(error)}")


def in_words(error: Exception) -> str:
    """An error that nobody foresaw, for the reader of the view."""
    return one_line(redacted(f"{type(error).__name__}: {error}"), _TEXT_CHARS)


def unanswered(content: object, text: str) -> dict[str, object]:
    """Say why a message is not answered, under its id where it has one."""
    request = content.get("request") if isinstance(content, Mapping) else None
    named = {"request": request} if isinstance(request, str) and len(request) <= LONGEST_ID else {}
    return {"op": "error", "text": text, **named}


def _refused(action: Act, text: str) -> dict[str, object]:
    text = one_line(redacted(text), _TEXT_CHARS)
    return {"op": "error", "text": text} if isinstance(action, AskPlan) else _ack(text, ok=False)


def _done(
    action: Command | AskPlan | StartRerun, run: _Run, deck: Deck, turn_to: Callable[[_Run], object]
) -> dict[str, object]:
    if action.run not in {None, run.id}:
        return _refused(action, "The view shows another run now, so nothing was done. Look, and ask again.")
    if isinstance(action, Command):
        return _obeyed(action, run, deck)
    what, replace = asked(action.wish, run, deck)
    if isinstance(action, AskPlan):
        return plan_facts(run, what, replace)
    new = run.rerun(*what, replace=replace)
    turn_to(new)
    return _ack(f"{new.id} goes on from {run.id}.")


def _ack(text: str, *, ok: bool = True) -> dict[str, object]:
    return {"op": "ack", "ok": ok, "text": text}


def _obeyed(command: Command, run: ActedOnRun, deck: Deck) -> dict[str, object]:
    if command.at is None:
        ok, text = give(run, command.name, "from the live view")
        return _ack(text, ok=ok)
    try:
        with run.lock:
            refs = refs_at(run.view_model, deck, command.at)
            name = called(names_at(run.view_model, deck, command.at))
    except LookupError:
        return _ack("The run has no such node.", ok=False)
    ok, text = cancel_part(run, refs, name)
    return _ack(text, ok=ok)


def _kin(run: _Run, identity: str) -> _Run:
    for one in lineage(run):
        if one.id == identity:
            return one
    raise NoSuchRun(f"The run {one_line(identity, 60)} is none that this view can show.", "Choose another one.")
