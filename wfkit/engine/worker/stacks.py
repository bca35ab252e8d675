"""Stacks: where another thread is just now, asked in a way that cannot stop the process."""

from __future__ import annotations

import gc
import sys
import threading
from types import FrameType
from typing import Final

#: Up to 3.11.8 a collection that begins while Python lists the frames may hold, for good, a lock that each thread needs
#: for its start and its end: the process stands still (python/cpython#106883). Later ones do what is done here.
_COLLECTS_INSIDE: Final = sys.version_info < (3, 11, 9)
_looking: Final = threading.Lock()


def frame_of(thread: int) -> FrameType | None:
    """The innermost frame of a thread, by its `ident`; None where there is no such thread."""
    if not _COLLECTS_INSIDE:
        return sys._current_frames().get(thread)
    with _looking:
        collects = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames().get(thread)
        finally:
            if collects:
                gc.enable()
