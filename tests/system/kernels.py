"""Real kernels as a front end sees them: cells whose messages can be read while they run, and the processes below."""

from __future__ import annotations

import contextlib
import queue
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psutil  # type: ignore[import-untyped]  # no types shipped
from jupyter_client.manager import start_new_kernel
from jupyter_core.utils import ensure_event_loop

LIMIT_S: Final = 30.0
#: What the notebooks of these tests begin with.
SETUP: Final = """
import os, sys, threading, time
from wfkit import task, flow, unmapped
import wfkit

def client():
    return wfkit.session.session.session().engine().cluster.client

@task
def inc(x): return x + 1

@task
def total(xs): return sum(xs)

@task
def picky(x):
    if x == 3:
        raise ValueError("three")
    return x

@task
def hold(path, x=0):
    while not os.path.exists(path):
        time.sleep(0.01)
    return x
"""
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


class Kernel:
    """A kernel, and every message that it has sent."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager = manager
        self.client = client
        self.messages: list[dict[str, Any]] = []

    def begin(self, code: str, *, stdin: bool = False) -> Cell:
        """Send a cell; `stdin` is what tells the kernel that somebody sits there and can click."""
        return Cell(self, self.client.execute(code, allow_stdin=stdin))

    def run(self, code: str, *, stdin: bool = False) -> Cell:
        """Run a cell to its end."""
        return self.begin(code, stdin=stdin).end()

    def value(self, expression: str) -> Any:
        """The value of an expression whose repr is Python."""
        cell = self.run(expression)
        assert cell.traceback == []
        return eval(cell.shown[-1]) if cell.shown else None

    def read(self, until: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Take in messages until something holds."""
        deadline = time.monotonic() + limit_s
        while not until():
            try:
                self.messages.append(self.client.get_iopub_msg(timeout=0.05) | {"at_s": time.monotonic()})
            except queue.Empty:
                assert time.monotonic() < deadline, f"nothing came of it in {limit_s:g} s"

    def interrupt(self) -> float:
        """Do what the stop button does; when that was."""
        self.manager.interrupt_kernel()
        return time.monotonic()

    # Widgets

    def subshell(self) -> str:
        """Ask for a subshell, as JupyterLab does for the messages of widgets."""
        asked = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(asked)
        while (reply := self.client.get_control_msg(timeout=LIMIT_S))["parent_header"].get("msg_id") != asked["msg_id"]:
            pass
        return str(reply["content"]["subshell_id"])

    def tell(self, comm_id: str, subshell: str | None, **content: object) -> float:
        """Send a view what its page would; when that was."""
        data = {"method": "custom", "content": {"v": 1, **content}}
        message = self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return time.monotonic()

    def told(self, comm_id: str, operation: str) -> list[dict[str, Any]]:
        """What a view has sent to its page, of one kind; each with its `at_s`."""
        return [
            message["content"]["data"]["content"] | {"at_s": message["at_s"]}
            for message in self.messages
            if message["msg_type"] == "comm_msg"
            and message["content"]["comm_id"] == comm_id
            and message["content"]["data"].get("content", {}).get("op") == operation
        ]

    # Processes

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.manager.provisioner.pid)

    @property
    def children(self) -> set[psutil.Process]:
        """All processes below the kernel."""
        return set(self.process.children(recursive=True))

    @property
    def workers(self) -> list[int]:
        """Process ids of Dask's workers."""
        return list(self.value("sorted(client().run(os.getpid).values())"))


class Cell:
    """A cell that was sent, and what came back so far."""

    def __init__(self, kernel: Kernel, identity: str) -> None:
        self._kernel = kernel
        self._identity = identity

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [each for each in self._kernel.messages if each["parent_header"].get("msg_id") == self._identity]

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [message["content"] for message in self.messages if message["msg_type"] == kind]

    @property
    def printed(self) -> str:
        return "".join(content["text"] for content in self._of("stream"))

    @property
    def shown(self) -> list[str]:
        """The value of the cell, and what it displayed, as text."""
        both = [*self._of("display_data"), *self._of("execute_result")]
        return [content["data"]["text/plain"] for content in both]

    @property
    def traceback(self) -> list[str]:
        lines = [line for content in self._of("error") for line in content["traceback"]]
        return _COLOURS.sub("", "\n".join(lines)).splitlines()

    @property
    def comm_id(self) -> str:
        """Of the live view that the cell shows."""
        (opened,) = [each for each in self._of("comm_open") if "_esm" in each["data"]["state"]]
        return str(opened["comm_id"])

    @property
    def has_ended(self) -> bool:
        return any(content["execution_state"] == "idle" for content in self._of("status"))

    @property
    def ended_s(self) -> float:
        return float(self.messages[-1]["at_s"])

    def end(self, limit_s: float = LIMIT_S) -> Cell:
        """Wait for the end of the cell."""
        self._kernel.read(lambda: self.has_ended, limit_s)
        return self

    def prints(self, text: str) -> Cell:
        """Wait until the cell has printed a text."""
        self._kernel.read(lambda: text in self.printed or self.has_ended)
        assert text in self.printed, (self.printed, self.traceback)
        return self


@contextlib.contextmanager
def open_kernel(**how: Any) -> Iterator[Kernel]:
    """Start a kernel, and end it however the test ended it."""
    manager, client = start_new_kernel(
        kernel_name="python3", extra_arguments=["--HistoryManager.enabled=False", "--log-level=ERROR"], **how
    )
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        ensure_event_loop().close()


@contextlib.contextmanager
def open_notebook() -> Iterator[Kernel]:
    """Start a kernel with wfkit and some tasks in it."""
    with open_kernel() as kernel:
        assert kernel.run("%load_ext wfkit").traceback == []
        assert kernel.run(SETUP).traceback == []
        yield kernel


def gone(processes: set[psutil.Process], seconds: float = 10) -> bool:
    """Whether processes end in time."""
    deadline = time.monotonic() + seconds
    while any(alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie does not."""
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
