"""Process: a value is shown by its own code in a process, which is killed when it takes too long."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from typing import Final

from wfkit.authoring.whereabouts import import_path, working_folder
from wfkit.engine.worker import frames
from wfkit.engine.worker.look.child import DRAWN, DRAWN_S, WRITTEN_S
from wfkit.engine.worker.look.form import MOST_BYTES, Fields, Look, hidden, nothing
from wfkit.engine.worker.outcome import Held
from wfkit.engine.worker.own_process import Gone, OwnProcess, TooLate

#: Until the value is loaded: imports take their time, and the nursery may have to start.
_LOAD_S: Final = 20.0
#: The time that passes may be longer than what is computed in it: the machine is busy, or the code sleeps.
_PATIENCE: Final = 12
#: Larger pickles are not copied into another process to be looked at.
MOST_PICKLED_BYTES: Final = 256_000_000
_KINDS: Final = frozenset({"text", "bytes", "tree", "table", "array", "image", "html", "none"})


def look_in_process(held: Held) -> Look:
    """Show a value that is known by its pickle. Never raises, and leaves nothing running."""
    payload, buffers = held
    size = len(payload) + sum(memoryview(one).nbytes for one in buffers)
    if size > MOST_PICKLED_BYTES:
        return too_large(size)
    try:
        with tempfile.TemporaryDirectory(prefix="wfkit-look-", ignore_cleanup_errors=True) as scratch:
            told = json.dumps([import_path(), working_folder() or scratch, dict(os.environ), scratch]).encode()
            process = OwnProcess(time.monotonic() + _LOAD_S)
            try:
                return _shown(process, frames.parts_of(frames.LOOK, told, [payload, *buffers]))
            finally:
                process.close()
    except Exception as error:  # noqa: BLE001 - no file may be left, or no room for one
        return nothing(f"no process could show it: {type(error).__name__}")


def too_large(size: int) -> Look:
    """Nothing: so many bytes, or more, are not copied to be looked at."""
    return nothing(f"too large: {size / 1e6:,.0f} MB would have to be copied to look at it")


def _shown(process: OwnProcess, question: list[memoryview]) -> Look:
    allowed_s = WRITTEN_S
    try:
        process.send(question)
        while True:
            kind, payload, buffers = frames.read(process.read_into, 4 * MOST_BYTES)
            if kind == frames.BEGUN:
                allowed_s = DRAWN_S if payload == DRAWN else WRITTEN_S
                process.begun = True
                process.until_s = time.monotonic() + allowed_s * _PATIENCE
            else:
                return _look(payload, buffers)
    except TooLate:
        return _too_late(allowed_s) if process.begun else nothing(f"it was not loaded within {_LOAD_S:g} s")
    except Gone:
        return _died(process, allowed_s)
    except (ValueError, TypeError, RecursionError):
        return nothing("its process did not keep to the rules")


def _died(process: OwnProcess, allowed_s: float) -> Look:
    try:
        reason = process.died().reason
    except TooLate:
        return _too_late(allowed_s)
    if signal.Signals.SIGPROF.name in reason:
        return _too_late(allowed_s)
    return nothing(reason)


def _too_late(allowed_s: float) -> Look:
    return nothing(f"timeout: it took longer than {allowed_s * 1000:.0f} ms")


def _look(payload: bytearray, buffers: list[bytearray]) -> Look:
    """What the process says, which its user's code may have made up.

    Raises
    ------
    ValueError, TypeError, RecursionError : it is no look
    """
    kind, fields = json.loads(payload)
    (image,) = buffers
    if kind not in _KINDS or not isinstance(fields, dict):
        raise ValueError(kind)
    shown: Fields = {name: hidden(value) for name, value in fields.items()}
    return Look(kind, shown, bytes(image))
