"""Pictures: draws any run for whoever holds it, live or from the record; Bokeh is loaded when it is first needed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from wfkit.core.still import still
from wfkit.core.view import RunView
from wfkit.notebook.comparison import Comparison, summed

if TYPE_CHECKING:
    from bokeh.plotting import figure


class DrawnRun(Protocol):
    """What a picture needs of a run."""

    @property
    def view_model(self) -> RunView:
        """What it looks like now; read under `lock`."""

    @property
    def lock(self) -> threading.RLock:
        """Held while the view model changes."""


class Pictures:
    """Draws runs."""

    def timeline(self, run: DrawnRun) -> figure:
        """What ran where and when."""
        from wfkit.notebook.plots import timeline_figure

        with run.lock:
            view = still(run.view_model)
        return timeline_figure(view)

    def compare(self, run: DrawnRun, other: DrawnRun) -> Comparison:
        """Two runs side by side."""
        now_s = time.time()
        sums = []
        for one in (run, other):  # one after the other: two locks at once could meet those of another thread
            with one.lock:
                view = still(one.view_model)
            sums.append(summed(view, now_s))
        return Comparison(*sums)
