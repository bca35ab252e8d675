"""Nanny: Dask's guardian of a worker process, taught to end what a lost worker has left behind."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

from distributed import Nanny


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
