"""Noticing: after each cell, views learn which functions are newer than what their runs have made of them."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final, Protocol
from weakref import WeakSet

_LOG = logging.getLogger("wfkit.notebook.noticing")
_LOG.addHandler(logging.NullHandler())

_REST: Final = 20  #: times as long as a look took nobody looks again: data that tasks read is hashed
_MOST_REST_S: Final = 60.0


class Noticed(Protocol):
    """A view."""

    def notice(self) -> None:
        """Compare the run with the code as it is now."""


class Noticing:
    """Looks for all views of a process, in a thread that lives while there is something to do."""

    def __init__(self, rest: float = _REST) -> None:
        self._rest = rest
        self._views: WeakSet[Noticed] = WeakSet()
        self._lock = threading.RLock()  # a view that is collected meanwhile, in this very thread, discards itself
        self._wanted = False
        self._thread: threading.Thread | None = None

    def add(self, view: Noticed) -> None:
        """Look for this view too, until it is gone."""
        with self._lock:
            self._views.add(view)

    def discard(self, view: Noticed) -> None:
        """Look for this view no more."""
        with self._lock:
            self._views.discard(view)

    def views(self) -> list[Noticed]:
        """Those that it looks for."""
        with self._lock:
            return list(self._views)

    def look(self) -> None:
        """Something may have changed. Cheap; the look itself is taken soon, and again if this is called meanwhile."""
        with self._lock:
            self._wanted = bool(self._views)
            if self._wanted and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wfkit-noticing", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                self._wanted = False
                views = list(self._views)
            begin_s = time.monotonic()
            for view in views:
                try:
                    view.notice()
                except Exception:  # noqa: BLE001 - the code is the user's; one view must not blind the others
                    _LOG.exception("A view could not compare its run with the code.")
            time.sleep(min(_MOST_REST_S, self._rest * (time.monotonic() - begin_s)))


#: Serves all views of this process.
NOTICING: Final = Noticing()
