"""Nanny: Dask's guardian of a worker process, taught to end what a lost worker has left, and to say how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any, Final

from distributed import Nanny

#: Under this name the scheduler's side of wfkit hears how a worker has ended.
ENDED: Final = "wfkit-worker-ended"
#: For how long the news of an end may hold up the next worker.
TELL_S: Final = 2.0


class ReapingNanny(Nanny):
    """A nanny that ends the process group of a worker when the worker has ended.

    Pools and programs that tasks have started would otherwise outlive a worker that was killed.
    """

    _group: int | None = None

    async def instantiate(self) -> Any:
        """Start the worker, and remember the group that it leads."""
        status = await super().instantiate()
        self._group = self.pid
        return status

    def _on_worker_exit_sync(self, exitcode: Any) -> None:
        group, self._group = self._group, None
        if group:
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)
        super()._on_worker_exit_sync(exitcode)  # type: ignore[no-untyped-call]  # distributed is typed in part

    async def _on_worker_exit(self, exitcode: Any) -> None:
        """Say how it ended before the next worker is there: that one could have the same address."""
        with contextlib.suppress(OSError):  # a timeout is one too; without a scheduler nobody wants to know
            async with asyncio.timeout(TELL_S):
                end = {"worker": self.worker_address, "exitcode": exitcode}
                await self._log_event(ENDED, end)  # type: ignore[no-untyped-call]  # distributed is typed in part
        await super()._on_worker_exit(exitcode)
