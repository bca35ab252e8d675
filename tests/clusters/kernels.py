"""A real notebook kernel to interrupt and to kill, and the processes below it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil  # type: ignore[import-untyped]  # no types shipped
from jupyter_client.manager import start_new_kernel
from jupyter_core.utils import ensure_event_loop


class Kernel:
    """A kernel process of its own; code runs in it as cells do."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager = manager
        self.client = client

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.manager.provisioner.pid)

    def interrupt_after(self, seconds: float) -> None:
        """Do what the stop button does, a little later."""

        def interrupt() -> None:
            self.manager.interrupt_kernel()
            ensure_event_loop().close()  # jupyter_client opens one for each thread that calls it, and leaves it

        threading.Timer(seconds, interrupt).start()

    def run(self, code: str, timeout: float = 30, interrupt_s: float | None = None) -> str:
        """What the cell wrote, to standard output and error, and the name of its exception.

        It is interrupted so long after it has begun: an idle kernel does not hear an interrupt.
        """
        said: list[str] = []

        def hear(message: Any) -> None:
            content = message["content"]
            if message["msg_type"] == "execute_input" and interrupt_s is not None:
                self.interrupt_after(interrupt_s)
            if message["msg_type"] == "stream":
                said.append(content["text"])
            if message["msg_type"] == "error":
                said.append(content["ename"])

        self.client.execute_interactive(code, timeout=timeout, output_hook=hear, allow_stdin=False)
        return "".join(said)


@contextlib.contextmanager
def kernel() -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        ensure_event_loop().close()


def until(what: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)  # between two looks, until the deadline
    return True


def running(pids: list[int]) -> list[int]:
    """Those that still run; a zombie does not."""
    alive = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                alive.append(pid)
    return alive
