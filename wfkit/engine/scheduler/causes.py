"""Causes: why a worker is gone, in words, from what Dask, its nanny and the system have let us know."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from distributed.scheduler import WorkerState

#: Under this name wfkit's nanny says how the process of a worker has ended.
ENDED: Final = "wfkit-worker-ended"
#: Dask's own events, by topic.
_OVER_LIMIT: Final = "worker-restart-memory"
_FAILED: Final = "worker-fail-hard"
_SCHEDULER: Final = "scheduler"
#: A worker whose memory was last seen beyond this part of its limit has probably been killed for it.
NEAR_LIMIT: Final = 0.9
_PROCESS_UNKNOWN: Final = 255


class Kind(Enum):
    """What kind of loss it was."""

    CLOSED = "closed"  #: somebody wanted it so: scaled down, retired, preempted
    CRASH = "crash"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a worker is gone."""

    kind: Kind
    words: str


@dataclass(slots=True)
class Evidence:
    """What is known of a worker that is going, or gone."""

    closing: bool = False  #: it said so itself
    rss_bytes: int = 0  #: what it used when its nanny killed it for that
    silent_s: float = 0  #: the scheduler gave it up because it did not answer for so long
    failure: str = ""  #: Dask's own code in it failed
    exit_code: int | None = None  #: as multiprocessing says it: below zero is a signal
    system_killed: bool = False  #: the system's out-of-memory killer was at work
    limit_bytes: int = 0
    seen_bytes: int = 0  #: its memory by its last heartbeat

    def hear(self, topic: str, message: Mapping[str, Any]) -> None:
        """Add what an event says."""
        if topic == _OVER_LIMIT:
            self.rss_bytes = int(message["rss"])
        elif topic == _FAILED:
            self.failure = str(message.get("exception_text") or message.get("exception") or "unknown")
        elif topic == _SCHEDULER:
            self.silent_s = float(message["ttl"])
        elif topic == ENDED:
            self.exit_code = int(message["exitcode"])
        else:
            self.closing = True

    def see(self, ws: WorkerState) -> None:
        """Add what the scheduler knows of a worker."""
        self.limit_bytes = ws.memory_limit
        self.seen_bytes = int(ws.metrics.get("memory") or 0)

    @property
    def is_silent(self) -> bool:
        """Whether nobody has said anything yet."""
        return self.exit_code is None and not (self.rss_bytes or self.silent_s or self.failure or self.closing)

    def cause(self) -> Cause:
        """The best explanation."""
        if self.rss_bytes:
            return Cause(Kind.MEMORY, f"out of memory: {self._of_limit(self.rss_bytes)}")
        if self.silent_s:
            return Cause(Kind.CRASH, f"did not answer for {self.silent_s:g} s")
        if self.failure:
            return Cause(Kind.CRASH, f"failed inside Dask: {self.failure:.200}")
        if self.closing:
            return Cause(Kind.CLOSED, "was closed")
        return self._end_of_process()

    def _end_of_process(self) -> Cause:
        code = self.exit_code
        if code is None or code in {-signal.SIGKILL, _PROCESS_UNKNOWN}:
            if self.system_killed:
                return Cause(Kind.MEMORY, "killed (probably memory: the system's out-of-memory killer was at work)")
            if self.limit_bytes and self.seen_bytes > NEAR_LIMIT * self.limit_bytes:
                return Cause(Kind.MEMORY, f"killed (probably memory: last seen with {self._of_limit(self.seen_bytes)})")
        if code is None:
            return Cause(Kind.CRASH, "its process ended, or its connection broke")
        if code == -signal.SIGTERM:
            return Cause(Kind.CLOSED, "was asked to end (signal 15)")
        return Cause(Kind.CRASH, _ended_how(code))

    def _of_limit(self, size_bytes: int) -> str:
        return f"{_size(size_bytes)} of {_size(self.limit_bytes) if self.limit_bytes else 'no limit'}"


def _size(size_bytes: int) -> str:
    mib = size_bytes / 2**20
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"  # noqa: PLR2004 - MiB in a GiB


def _ended_how(code: int) -> str:
    if code == _PROCESS_UNKNOWN:
        return "its process ended"
    if code >= 0:
        return f"its process exited with status {code}"
    with suppress(ValueError):
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    return f"killed by signal {-code}"


def workers_of(topic: str, message: object) -> list[str]:
    """The workers that an event says something about; none, if it is not about the end of any."""
    if not isinstance(message, Mapping):
        return []
    if topic in {_OVER_LIMIT, _FAILED, ENDED}:
        return [str(message.get("worker"))]
    action = message.get("action")
    if topic == _SCHEDULER and action == "worker-ttl-timed-out":
        return list(message["workers"])
    if action == "worker-status-change" and message.get("status") == "closing":
        return [topic]
    return []


def oom_kills(cgroup: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> int:
    """How many processes of this container the system has killed for want of memory; 0 where that is not told."""
    with suppress(OSError, ValueError):
        for line in cgroup.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                file, base = "memory.events", root
            elif "memory" in controllers.split(","):
                file, base = "memory.oom_control", root / "memory"
            else:
                continue
            # Inside a container the path may be the one outside, and its files at the top.
            for place in (base / path.lstrip("/") / file, base / file):
                with suppress(OSError):
                    counts = dict(row.split(maxsplit=1) for row in place.read_text().splitlines())
                    return int(counts.get("oom_kill", 0))
    return 0
