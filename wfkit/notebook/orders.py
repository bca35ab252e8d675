"""Orders to a run, by a button or by `%flow`: what may be said when, and the answer in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from wfkit.authoring.handle import Ref
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.notebook.plain import size

#: What may be said to a run.
ORDERS: Final = ("cancel", "pause", "resume", "release", "pin", "unpin")
_ALWAYS: Final = ("pin", "unpin")  #: whatever the state of the run


class OrderedRun(Protocol):
    """What an order needs of a run."""

    @property
    def state(self) -> RunState:
        """Where it stands."""

    @property
    def held_bytes(self) -> int:
        """What it holds in the memory of the cluster."""

    def cancel(self, reason: str = "") -> object:
        """Cancel it."""

    def pause(self) -> object:
        """Start nothing more."""

    def resume(self) -> object:
        """Go on after a pause."""

    def release(self) -> object:
        """Free what it holds."""

    def pin(self) -> object:
        """Keep it."""

    def unpin(self) -> object:
        """Treat it as any other again."""

    @property
    def answers(self) -> CancelsNodes:
        """What handles ask, and tell to stop."""


class CancelsNodes(Protocol):
    """What cancels a part of a run."""

    def cancel(self, ref: Ref) -> object:
        """Cancel a node, a map, or all that a flow's group holds."""


def give(run: OrderedRun, order: str, by: str, name: str = "the run") -> tuple[bool, str]:
    """Give an order to a run.

    Parameters
    ----------
    run : OrderedRun
        The run.
    order : str
        One of `ORDERS`.
    by : str
        Who gives it: the reason of a cancelled run.
    name : str
        What the answer calls the run.

    Returns
    -------
    Whether it was given, and the answer.
    """
    if (refusal := _refusal(run, order)) is not None:
        return False, f"{name[:1].upper()}{name[1:]} {refusal}"
    match order:
        case "cancel":
            run.cancel(by)
            text = f"Cancelling {name}: what waits will not start; what runs is waited for."
        case "pause":
            run.pause()
            text = f"Pausing {name}: nothing new starts; what runs goes on to its end."
        case "resume":
            run.resume()
            text = f"Going on with {name}."
        case "pin":
            run.pin()
            text = f"Pinned {name}: newer runs leave what it holds alone, and its record stays."
        case "unpin":
            run.unpin()
            text = f"Unpinned {name}: a newer run frees what it holds, and its record ages."
        case _:
            held = run.held_bytes
            run.release()
            text = f"Released {size(held)} of cluster memory that {name} held. Small results stay readable."
    return True, text


def cancel_part(run: OrderedRun, refs: Sequence[Ref], called: str) -> tuple[bool, str]:
    """Cancel nodes and groups of a run; whether that makes sense, and the answer."""
    if run.state in RUN_ENDS:
        return False, f"The run has ended already: {run.state.value}."
    for ref in refs:
        run.answers.cancel(ref)
    return True, f"Cancelling {called}: what waits will not start; what runs is waited for."


def _refusal(run: OrderedRun, order: str) -> str | None:
    """Why an order makes no sense now, as the rest of a sentence."""
    state = run.state
    if order == "release" and state not in RUN_ENDS:
        return "still needs what it holds. Release it when it has ended, or cancel it."
    if order == "release":
        return None if run.held_bytes else "holds nothing in cluster memory."
    if state in RUN_ENDS and order not in _ALWAYS:
        return f"has ended already: {state.value}."
    if order == "pause" and state is not RunState.RUNNING:
        return f"cannot be paused: it is {state.value}."
    if order == "resume" and state is not RunState.PAUSED:
        return f"is not paused: it is {state.value}."
    return None
