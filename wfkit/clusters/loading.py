"""Loading: distributed is imported by one thread at a time.

Its modules import each other in circles. Where two threads are in such a circle at once, Python hands one of them a
module that is half made, and its import fails; whoever waited for that import then finds names missing.
"""

from __future__ import annotations

import threading
from typing import Final

_LOCK: Final = threading.Lock()


def load_distributed() -> None:
    """Import distributed, all of it that importing it brings; waits for a thread that is at it."""
    with _LOCK:
        import distributed  # noqa: F401
