"""Output: what a cell shows of a run, and the picture that it ends with, for the saved notebook."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

from IPython.display import DisplayHandle, display

from wfkit.core.states import RUN_ENDS, RunState
from wfkit.core.view import RunView
from wfkit.notebook.display import run_html, run_text

#: What is shown by the types of what can show it, and what is to be known of these.
Bundle = tuple[dict[str, Any], dict[str, Any]]


class ShownRun(Protocol):
    """What an output needs of a run."""

    @property
    def view_model(self) -> RunView:
        """What it looks like now; read under `lock`."""

    @property
    def state(self) -> RunState:
        """Where it stands."""

    @property
    def held_bytes(self) -> int:
        """What it holds in the memory of the cluster."""

    @property
    def lock(self) -> threading.RLock:
        """Held while the view model changes."""


def bundle_of(run: ShownRun, note: str = "") -> dict[str, Any]:
    """The run as it is now, as text and as HTML."""
    held = run.held_bytes
    with run.lock:
        now_s, view = time.time(), run.view_model
        return {"text/plain": run_text(view, now_s, held), "text/html": run_html(view, now_s, note, held)}


class Output:
    """An output that is displayed once, and brought to its final form once when its run has ended.

    To make a picture takes the run's lock, which threads that report an end already hold: it comes before our own.
    """

    def __init__(self, run: ShownRun) -> None:
        self._run = run
        self._handle: DisplayHandle | None = None
        self._settled = False
        self._updating = threading.RLock()

    def show(self, thing: object) -> None:
        """Display it, once."""
        with self._run.lock, self._updating:
            self._handle = cast(DisplayHandle, display(thing, display_id=True))  # type: ignore[no-untyped-call]

    def turn_to(self, run: ShownRun) -> None:
        """The output is of another run from now on."""
        with self._updating:
            self._run, self._settled = run, False

    def settle(self, picture: Callable[[ShownRun], Bundle]) -> None:
        """Put the outcome there; when this returns it is on its way, whichever thread made it.

        The picture is of the run that is given: an output may be turned to another one, with another lock, meanwhile.
        """
        run = self._run
        with run.lock, self._updating:
            if self._handle is not None and run is self._run and not self._settled and run.state in RUN_ENDS:
                self._settled = True
                data, metadata = picture(run)
                self._handle.update(data, raw=True, metadata=metadata)  # type: ignore[no-untyped-call]

    def leave(self) -> None:
        """Put the picture alone there, for good: what was displayed is going to be closed."""
        run = self._run
        with run.lock, self._updating:
            if self._handle is not None:
                self._handle.update(bundle_of(run), raw=True)  # type: ignore[no-untyped-call]
                self._handle = None


class StaticView:
    """A run as text and HTML where nobody can click: leaves no widget and no script in the saved notebook.

    Parameters
    ----------
    run : ShownRun
        The run to show.
    """

    def __init__(self, run: ShownRun) -> None:
        self._run = run
        self._output = Output(run)

    def show(self) -> None:
        """Display the run as an output of the running cell."""
        self._output.show(self)

    def settle(self) -> None:
        """Put the outcome into the output that `show` made; once, when the run has ended."""
        self._output.settle(lambda run: (bundle_of(run), {}))

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return bundle_of(self._run)
