"""Worker setup: what every process of our local cluster does before its first task (loaded as a Dask preload)."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import sys
from typing import Final

import dask.config

#: Full collections come a tenth as often as usual: after 700,000 more objects. Dask asks for one when memory is short.
_THRESHOLDS: Final = (700, 10, 100)
#: The loggers that Dask gives a handler to standard error, which in a notebook is the cell's output.
NOISY = ("distributed", "distributed.client", "distributed.gc", "bokeh", "tornado", "tornado.application")


def be_quiet() -> None:
    """Keep Dask's log lines in its own memory (`client.get_worker_logs()`) instead of the notebook."""
    for name in NOISY:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if isinstance(handler, logging.StreamHandler):
                logger.removeHandler(handler)
        # Without any handler, logging falls back to standard error for warnings and above.
        logger.addHandler(logging.NullHandler())


def lead_a_group() -> None:
    """Make this process the leader of a process group, so that it can be ended with all it has started."""
    if sys.platform != "win32" and os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def allow_children() -> None:
    """Let tasks use `multiprocessing`: Dask starts its workers as daemons, and daemons may not have children.

    The flag is cleared on this side only: to its parent the worker stays a daemon, which is ended, never waited for.
    """
    multiprocessing.current_process().daemon = False


def collect_less() -> None:
    """Have full garbage collections come seldom, and pass over what is there already: modules, for the most part.

    One goes through all that it knows, and all threads wait for it: 80 to 120 ms with the modules, 25 without, and each
    task whose result is held adds to it. What hangs together in no circle is freed without them. And pages that a
    worker shares with the process it was forked from stay shared.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def prefetch() -> None:
    """Allow wfkit to have Dask begin tasks that wait for a thread, where tasks are short.

    On other clusters the number of threads may be what keeps a library safe that is not safe for threads.
    """
    dask.config.set({"wfkit.prefetch": True})


def dask_setup(_worker: object) -> None:
    """Called by Dask when the worker has started."""
    be_quiet()
    lead_a_group()
    allow_children()
    collect_less()
    prefetch()
