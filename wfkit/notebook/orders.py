"""Orders to a run, by a button or by `%flow`: what may be said when, and the answer in words."""

from __future__ import annotations

from typing import Final, Protocol

from wfkit.core.states import RUN_ENDS, RunState
from wfkit.notebook.plain import size

#: What may be said to a run.
ORDERS: Final = ("cancel", "pause", "resume", "release")


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
            return True, f"Cancelling {name}: what waits will not start; what runs is waited for."
        case "pause":
            run.pause()
            return True, f"Pausing {name}: nothing new starts; what runs goes on to its end."
        case "resume":
            run.resume()
            return True, f"Going on with {name}."
        case _:
            held = run.held_bytes
            run.release()
            return True, f"Released {size(held)} of cluster memory that {name} held. Small results stay readable."


def _refusal(run: OrderedRun, order: str) -> str | None:
    """Why an order makes no sense now, as the rest of a sentence."""
    state = run.state
    if order == "release":
        if state not in RUN_ENDS:
            return "still needs what it holds. Release it when it has ended, or cancel it."
        return None if run.held_bytes else "holds nothing in cluster memory."
    if state in RUN_ENDS:
        return f"has ended already: {state.value}."
    if order == "pause" and state is not RunState.RUNNING:
        return f"cannot be paused: it is {state.value}."
    if order == "resume" and state is not RunState.PAUSED:
        return f"is not paused: it is {state.value}."
    return None
