"""Waiting: a cell waits for a run, and the stop button ends the wait, not the run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final

from wfkit.core.states import RUN_ENDS

if TYPE_CHECKING:
    from wfkit.engine.driver.run import Run

#: How long a cell lingers after a first interrupt, for a second one that cancels the run.
LINGER_S: Final = 2.0


def wait_interruptibly(run: Run) -> None:
    """Wait for the end of a run; an interrupt ends the wait after a moment, a second one within it cancels the run.

    Raises
    ------
    KeyboardInterrupt : the user interrupted
    """

    def ended() -> bool:
        return run.state in RUN_ENDS

    with counted_interrupts() as interrupts:
        run.until(lambda: ended() or bool(interrupts), None)
        if not interrupts:
            return
        if not ended():
            print(f"The run goes on. Interrupt again within {LINGER_S:g} s to cancel it.", flush=True)  # noqa: T201 - for the user, in the cell
        run.until(lambda: ended() or len(interrupts) > 1, LINGER_S)
        if len(interrupts) > 1 and not ended():
            print("Cancelling the run.", flush=True)  # noqa: T201 - for the user, in the cell
            run.cancel("interrupted twice")
    raise KeyboardInterrupt


@contextmanager
def counted_interrupts() -> Iterator[list[int]]:
    """Note interrupts in a list instead of raising KeyboardInterrupt, which could hit while a lock is being taken.

    Only the main thread gets interrupts; in another one the list stays empty.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, _: FrameType | None) -> None:
        noted.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        # None: set by somebody who is not Python, so it cannot be put back.
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
