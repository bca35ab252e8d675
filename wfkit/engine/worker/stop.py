"""Stop: a way to stop the one call that runs in a thread, from any other thread."""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from wfkit.engine.worker.stacks import frame_of

#: Code that was asked to stop and goes on is asked again after so long.
AGAIN_S: Final = 0.5
#: A thread that is in delicate code is looked at again after so long. Code that logs all the time, beside threads that
#: do so too, is elsewhere in one look of a hundred.
_LOOK_S: Final = 0.001
_IDLE_S: Final = 0.02
#: Code that shares locks and queues with other threads, which all would hang if it were hit in the middle: ours, and
#: imports.
_DELICATE: Final = (f"{Path(__file__).parents[1]}/", "<frozen importlib._bootstrap")
#: Of logging only where it takes and releases its locks: in between it releases them whatever hits it.
_LOCKING: Final = frozenset({"acquire", "release", "_acquireLock", "_releaseLock"})
#: But not what is here, nor what calls the task.
_OUTERMOST: Final = str(Path(__file__).with_name("attempt.py"))


class Stopped(BaseException):
    """Raised where an attempt runs, and out of `call`, when it was asked to stop.

    Attributes
    ----------
    reason : str
        Why, as the request said; empty as long as user code sees it.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class StoppedByTimeLimit(BaseException):
    """Raised inside a thread whose time is over; its traceback says where the task was."""


_raise_in: Final = ctypes.pythonapi.PyThreadState_SetAsyncExc
_raise_in.argtypes = (ctypes.c_ulong, ctypes.py_object)
_STOPPED: Final = ctypes.py_object(Stopped)
_STOPPED_BY_TIME: Final = ctypes.py_object(StoppedByTimeLimit)
_NOTHING: Final = ctypes.py_object()  # NULL: takes back an exception that waits for a thread


class Stop:
    """A way to stop one attempt from another thread.

    An exception raised in another thread waits there until that thread executes its next Python instruction; it must
    not wait any more when the attempt is over, or it would hit the next one. No lock guards that, because a thread may
    be hit while it takes one. Instead the thread to hit is kept in a C variable, `target`:

    - *Raising* is one call into C that holds the interpreter's lock: it reads `target` and leaves the exception with
      that thread in one step, or finds 0 there and does nothing.
    - *Ending* sets `target` to 0 and then takes back what waits. An exception that was left before that either hits
      between the two, still within `call`, or is taken back. After it none can be left.
    - *Beginning* sets `target` and then looks for a request; a request is noted first and raised then. So a request
      in that moment is seen by one of the two, or by both, and then the end takes the second one back.

    A thread that is found in code which it shares with others is left alone for a moment, and looked at again. To look
    and to raise are two steps, but some microseconds apart in a thread that has just got the interpreter's lock for
    milliseconds; where that is not enough, use a `Shield`.

    Attributes
    ----------
    target : ctypes.c_ulong
        The thread that executes the attempt, or 0.
    running : bool
        It has begun and has not ended.
    asked : bool
        An exception may wait for the thread.
    expired : bool
        Its time is over.
    postponed : bool
        It was not hit when it was asked last, because of what it was doing.
    """

    __slots__ = ("_reason", "_way", "asked", "expired", "postponed", "running", "target")

    def __init__(self) -> None:
        self._reason = ""
        self._way: Callable[[], None] | None = None
        self.target = ctypes.c_ulong(0)
        self.running = self.asked = self.expired = self.postponed = False

    @property
    def requested(self) -> str:
        """The reason; empty as long as nobody asked."""
        return self._reason

    def request(self, reason: str) -> None:
        """Stop the attempt, or keep it from beginning; from any thread. Only the first request counts.

        Parameters
        ----------
        reason : str
        """
        if self._reason:
            return
        self._reason = reason or "stopped"
        self.ask()
        if self.running:
            _REMINDER.add(self)

    def ask(self) -> None:
        """Ask the code that runs, once more."""
        way = self._way
        if way is None:
            self.strike()
        else:
            way()

    def strike(self, *, always: bool = False) -> None:
        """Raise an exception in the thread of the attempt, if it runs: `Stopped`, or that its time is over.

        Parameters
        ----------
        always : bool
            Whatever the thread is doing.
        """
        self.postponed = not always and _is_delicate(self.target.value)
        if not self.postponed:
            self.asked = True
            _raise_in(self.target, _STOPPED if self._reason else _STOPPED_BY_TIME)

    def expire(self) -> None:
        """Raise `StoppedByTimeLimit` in the thread of the attempt, if it runs."""
        self.expired = True
        self.strike()
        _REMINDER.add(self)

    def begin(self) -> None:
        """From here on the calling thread may be hit, until its `target` is 0.

        Raises
        ------
        Stopped : it was asked before
        """
        self.running = True
        thread = threading.get_ident()
        _last_begun[thread] = self
        self.target.value = thread
        if self._reason:
            raise Stopped(self._reason)

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Within the block, before the attempt begins, shields see a request, and nothing else is raised."""
        self.running = True
        _last_begun[threading.get_ident()] = self
        try:
            yield
        finally:
            self.running = False

    @property
    def has_own_way(self) -> bool:
        """Whether a request is handled within a block of `by` just now."""
        return self._way is not None

    @contextmanager
    def by(self, way: Callable[[], None]) -> Iterator[None]:
        """Within the block a request calls `way`, in the thread that asks, instead of raising in this one.

        Parameters
        ----------
        way : callable
            May be called several times, and once more just after the block.

        Raises
        ------
        Stopped : it was asked before
        """
        outer = self._way, self.running
        self._way, self.running = way, True
        try:
            if self._reason:
                raise Stopped(self._reason)
            yield
        finally:
            self._way, self.running = outer


def take_back() -> None:
    """Take back an exception that waits for the calling thread."""
    _raise_in(threading.get_ident(), _NOTHING)


#: The attempt that each thread executes, or executed last.
_last_begun: Final[dict[int, Stop]] = {}


class Shield:
    """Within the block nothing is raised in this thread for its attempt; what came meanwhile is raised at its end.

    Code that shares locks, queues or lists with others belongs into one: `with queue_lock:` in Python code, as in
    `queue` and `threading`, may be hit between the taking of the lock and the block, and the lock is then held for
    ever. A thread that waits in a shield looks at `wanted` now and then.
    """

    __slots__ = ("_stop", "_thread")

    def __enter__(self) -> Self:
        stop = _last_begun.get(threading.get_ident())
        self._stop = stop if stop is not None and stop.running else None
        self._thread = 0
        if stop is not None and stop.running:
            self._thread = stop.target.value
            stop.target.value = 0
            try:
                if stop.asked:
                    take_back()
            except BaseException:
                stop.target.value = self._thread
                raise
        return self

    def __exit__(self, *_: object) -> None:
        stop = self._stop
        if stop is None or not self._thread:
            return
        stop.target.value = self._thread
        if stop.expired or (stop.requested and not stop.has_own_way):
            stop.strike(always=True)

    @property
    def wanted(self) -> bool:
        """Whether the attempt shall stop."""
        return self._stop is not None and bool(self._stop.requested or self._stop.expired)

    def raise_if_wanted(self) -> None:
        """Raise here what the shield keeps away; code of ours that waits must do so, because it is never hit.

        Raises
        ------
        Stopped, StoppedByTimeLimit
        """
        if self.wanted:
            assert self._stop is not None
            raise Stopped(self._stop.requested) if self._stop.requested else StoppedByTimeLimit


def _is_delicate(thread: int) -> bool:
    """Whether a thread executes code in which it must not be hit."""
    frame = frame_of(thread)
    if frame is not None and frame.f_code.co_name in _LOCKING and frame.f_code.co_filename == logging.__file__:
        return True
    while frame is not None and (name := frame.f_code.co_filename) != _OUTERMOST:
        if name != __file__ and name.startswith(_DELICATE):
            return True
        frame = frame.f_back
    return False


class _Reminder:
    """Asks those again that were asked to stop and still run; one thread for all, as long as there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due_s: dict[Stop, float] = {}
        self._thread: threading.Thread | None = None

    def add(self, stop: Stop) -> None:
        """Ask it again, until it has ended."""
        with self._lock:
            self._due_s[stop] = _next_s(stop)
            if self._thread is None:
                self._thread = threading.Thread(target=self._remind, name="wfkit-reminder", daemon=True)
                self._thread.start()

    def _remind(self) -> None:
        while True:
            time.sleep(_LOOK_S if any(stop.postponed for stop in tuple(self._due_s)) else _IDLE_S)
            now_s = time.monotonic()
            with self._lock:
                self._due_s = {stop: due_s for stop, due_s in self._due_s.items() if stop.running}
                if not self._due_s:
                    self._thread = None
                    return
                due = [stop for stop, due_s in self._due_s.items() if due_s <= now_s]
            for stop in due:
                stop.ask()
                with self._lock:
                    self._due_s[stop] = _next_s(stop)


def _next_s(stop: Stop) -> float:
    return time.monotonic() + (_LOOK_S if stop.postponed else AGAIN_S)


_REMINDER: Final = _Reminder()
