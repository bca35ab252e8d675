"""Deaths: how a process of an isolated task ended, in words."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # no types shipped

#: A process that was killed with so much of all memory in use was probably killed for it.
_MUCH: Final = 0.8


@dataclass(frozen=True)
class Death:
    """What the system says of a process that ended: its exit code, negative for a signal, and its most memory."""

    code: int
    rss_bytes: int


def in_words(end: Death, *, oom_killed: bool) -> str:
    """As "was killed by signal 11 (SIGSEGV)".

    Parameters
    ----------
    end : Death
    oom_killed : bool
        Whether a process of this worker was killed for want of memory meanwhile.
    """
    if end.code >= 0:
        return f"ended with exit code {end.code} before it had a result"
    number = -end.code
    if number == signal.SIGKILL and (oom_killed or end.rss_bytes > _MUCH * _memory_bytes()):
        return f"was killed by signal 9, probably out of memory: it used {end.rss_bytes / 2**30:.1f} GiB"
    try:
        return f"was killed by signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"was killed by signal {number}"


def _cgroup() -> Path:
    """The folder of this process's control group (version 2), which may not exist."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::/"):
                own = Path("/sys/fs/cgroup") / line[4:]
                return own if own.exists() else Path("/sys/fs/cgroup")
    return Path("/sys/fs/cgroup")


def oom_kills() -> int:
    """How many processes of this control group were killed for want of memory."""
    with contextlib.suppress(OSError, ValueError):
        for line in (_cgroup() / "memory.events").read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def _memory_bytes() -> int:
    total = psutil.virtual_memory().total
    with contextlib.suppress(OSError, ValueError):
        return min(int(total), int((_cgroup() / "memory.max").read_text()))
    return int(total)
