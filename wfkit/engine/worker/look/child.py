"""Child: what the process does that shows one value, by the value's own code."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, Final

from wfkit.engine.worker import frames
from wfkit.engine.worker.look.confined import confine, limit_memory, limit_time
from wfkit.engine.worker.look.form import Look, fitting, nothing, package_of
from wfkit.engine.worker.look.own import is_drawn, own_look, said
from wfkit.engine.worker.look.scripted import PHOTOGRAPHED

#: What the value's own code may compute, and what a library that draws a picture may.
WRITTEN_S: Final = 0.25
DRAWN_S: Final = 5.0
#: Beyond what the value takes.
_MORE_BYTES: Final = 1_000_000_000

#: What the process says when it begins: how much time it will take.
WRITTEN: Final = b"written"
DRAWN: Final = b"drawn"


def show(send: Callable[[list[memoryview]], None], payload: bytearray, buffers: Sequence[Any]) -> None:
    """Load a value, say so, and say what is shown of it.

    Parameters
    ----------
    send : callable
        To the worker.
    payload : bytearray
        As `process` makes it: where the worker finds modules and files, and a folder for files that nobody keeps.
    buffers : sequence of buffers
        The pickle of the value, and its buffers.
    """
    _keep_quiet()
    path, folder, environment, scratch = json.loads(payload)
    sys.path[:] = path
    os.environ.clear()
    os.environ.update(environment, TMPDIR=scratch)
    tempfile.tempdir = None
    os.chdir(folder)
    try:
        value = pickle.loads(buffers[0], buffers=buffers[1:])  # noqa: S301 - from our own worker, or verified
        drawn = is_drawn(value)
        if drawn:
            _prepare(value)
    except BaseException as error:  # noqa: BLE001 - the value's own code
        send(parts_of(nothing(f"it cannot be loaded: {said(error).fields['reason']}")))
        return
    send(frames.parts_of(frames.BEGUN, DRAWN if drawn else WRITTEN))
    photographed = package_of(value) in PHOTOGRAPHED
    confine(scratch if photographed else "")
    limit_memory(_MORE_BYTES, for_good=not photographed)
    limit_time(DRAWN_S if drawn else WRITTEN_S)
    try:
        look = own_look(value)
    except BaseException as error:  # noqa: BLE001 - the same
        look = said(error)
    send(parts_of(look))


def parts_of(look: Look) -> list[memoryview]:
    """A look as a frame. In JSON: who reads it runs nothing."""
    kind, fields, image = fitting(look)
    text = json.dumps([kind, fields]).encode()
    return frames.parts_of(frames.VALUE, text, [image])


def _keep_quiet() -> None:
    """What the value prints is nobody's log."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


def _prepare(value: object) -> None:
    """Import what draws, which may write its caches, before writing is forbidden."""
    if package_of(value) == "matplotlib":
        importlib.import_module("matplotlib.backends.backend_agg")
