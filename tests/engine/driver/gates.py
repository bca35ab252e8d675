"""Gates: tasks in this process come by and are noted, and wait at a gate until the test opens it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from wfkit.engine.driver.engine import LATEST_FLUSH_S
from wfkit.engine.driver.run import Run

PATIENCE_S = 8.0
_SLICE_S = 0.002

#: What came by, in order; lists and sets only, which no exception that stops a task can leave locked.
_came: list[str] = []
_going: list[tuple[str, int]] = []
_opened: set[str] = set()
_epoch = [0]


def reset() -> None:
    """Begin a test: what waited for an earlier one goes on."""
    _epoch[0] += 1
    _came.clear()
    _going.clear()
    _opened.clear()


def come(name: object) -> None:
    """Note that a task came by."""
    _came.append(str(name))


def wait_at(name: object) -> None:
    """Come by, and wait until the gate is opened."""
    come(name)
    epoch, until = _epoch[0], time.monotonic() + 2 * PATIENCE_S
    while str(name) not in _opened and epoch == _epoch[0]:
        assert time.monotonic() < until, f"nobody opened {name}"
        time.sleep(_SLICE_S)  # between two looks, until the deadline


def counted(name: str, seconds: float = 0.01) -> None:
    """Be counted as one who is inside, for a moment."""
    _going.append((name, 1))
    try:
        time.sleep(seconds)  # the work of a task
    finally:
        _going.append((name, -1))


def most(name: str) -> int:
    """How many were inside at once, at most."""
    inside, found = 0, 0
    for one, step in tuple(_going):
        inside += step if one == name else 0
        found = max(found, inside)
    return found


def open_gates(*names: object) -> None:
    """Let go what waits, and what will come."""
    _opened.update(map(str, names))


def came() -> list[str]:
    """What came by so far, in order."""
    return list(_came)


def until(holds: Callable[[], object], what: str = "") -> None:
    """Wait for something that tasks bring about."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"{what or 'it'} never came about; there came {came()}"
        time.sleep(_SLICE_S)  # between two looks, until the deadline


def until_came(*names: object) -> None:
    """Wait until tasks have come by."""
    until(lambda: set(map(str, names)) <= set(_came), f"all of {names}")


def until_quiet(run: Run) -> None:
    """Wait until the engine's thread has done what was asked of it for a run so far."""
    done = threading.Event()
    run.engine.call_later(run, 2 * LATEST_FLUSH_S, done.set)
    assert done.wait(PATIENCE_S), "the engine's thread is busy"
