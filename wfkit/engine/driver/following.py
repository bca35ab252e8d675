"""Following: tells those who listen to a recorded run what has changed; a thread looks as long as somebody listens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from wfkit.core.states import RUN_ENDS, RunState
from wfkit.core.view import RunView
from wfkit.errors import NoSuchRun, WfkitError

_EVERY_S: Final = 0.5


class FollowedRun(Protocol):
    """What is needed of a run."""

    @property
    def view_model(self) -> RunView:
        """The picture, as it was read last."""

    @property
    def state(self) -> RunState:
        """Where the run stood then."""

    def refresh(self) -> object:
        """Read what has been recorded meanwhile."""


class Follower:
    """Calls back in a thread of its own, which lives until the run has ended or nobody listens any more."""

    def __init__(self, run: FollowedRun) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._at_end: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after changes; the returned function ends that."""
        with self._lock:
            self._listeners.append(callback)
        self._follow()

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = [known for known in self._listeners if known is not callback]

        return unsubscribe

    def when_ended(self, callback: Callable[[], None]) -> None:
        """Call back once when the run has ended."""
        if self._run.state in RUN_ENDS:
            callback()
            return
        with self._lock:
            self._at_end.append(callback)
        self._follow()

    def tell(self) -> None:
        """Call all who listen."""
        with self._lock:
            listeners = list(self._listeners)
        for callback in listeners:
            with suppress(Exception):  # one that fails must not silence the others
                callback()

    def _follow(self) -> None:
        if self._run.state in RUN_ENDS:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="wfkit-follow", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        told = -1
        while self._is_wanted():
            try:
                self._run.refresh()
            except NoSuchRun:  # somebody has deleted it
                self._end()
                return
            except WfkitError:  # the database cannot be read now; it may come back
                pass
            version, has_ended = self._run.view_model.version, self._run.state in RUN_ENDS
            if version != told:
                told = version
                self.tell()
            if has_ended:
                self._end()
                return
            time.sleep(_EVERY_S)

    def _is_wanted(self) -> bool:
        with self._lock:
            if not self._listeners and not self._at_end:
                self._thread = None
            return self._thread is not None

    def _end(self) -> None:
        with self._lock:
            waiting, self._at_end, self._thread = self._at_end, [], None
        for callback in waiting:
            with suppress(Exception):  # as above
                callback()
