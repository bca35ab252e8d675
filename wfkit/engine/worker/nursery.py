"""Nursery: a small process that starts the processes of isolated tasks, and clears away what is left of them.

A worker has threads, so a copy of it made by `fork` could hang on any lock; a fresh interpreter for each task spends
its time on imports (180 ms). So each worker starts one nursery, once: it has one thread and none of the worker's files,
has imported what a task needs, and makes a copy of itself for each isolated task (4 ms with all that follows).
`multiprocessing` has such a server too, but not for Dask's workers, which it takes for daemons without children.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
from typing import Any, Final

from wfkit.engine.worker import isolated_child

#: From <sys/prctl.h>.
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_FILES: Final = 3


def serve(descriptor: int) -> None:
    """Start a process for each request, until the worker at the other end is gone; then kill them all.

    Parameters
    ----------
    descriptor : int
        Of a socket. A request is a byte with three files: to talk with the process, to end it, and for its last words.
    """
    _Nursery(socket.socket(fileno=descriptor)).run()


class _Nursery:
    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._controls: dict[int, socket.socket] = {}
        self._prctl: Any = ctypes.CDLL(None).prctl
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)

    def run(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what tasks started comes here when they are gone
        self._selector.register(self._requests, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._requests:
                    if not self._take_request():
                        return
                elif key.fileobj == self._woken:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._woken, 4096)
                    self._reap()
                elif self._controls.get(key.data) is key.fileobj:  # not cleared away a moment ago, in this round
                    # The worker wants no more of this one.
                    self._selector.unregister(key.fileobj)
                    _kill(key.data)

    def _take_request(self) -> bool:
        message, files, _, _ = socket.recv_fds(self._requests, 1, _FILES)
        if not message:
            for process in self._controls:
                _kill(process)
            return False
        talk, control, words = files
        ours = socket.socket(fileno=control)
        try:
            process = os.fork()
        except OSError as error:
            ours.send(json.dumps({"failed": str(error)}).encode())
            ours.close()
        else:
            if not process:
                self._become_a_task(ours, talk, words)
            with contextlib.suppress(OSError):  # it may have done so itself, and more
                os.setpgid(process, process)
            self._controls[process] = ours
            self._selector.register(ours, selectors.EVENT_READ, process)
        os.close(talk)
        os.close(words)
        return True

    def _become_a_task(self, control: socket.socket, talk: int, words: int) -> None:
        """In the copy: let go of all that is the nursery's, and never come back."""
        try:
            os.setpgid(0, 0)
            parent = os.getppid()
            self._prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._selector.close()
            for one in (self._requests, control, *self._controls.values()):
                one.close()
            os.close(self._woken)
            os.close(self._wake)
            if os.getppid() == parent:  # the nursery lived when the kernel was told to end us with it
                isolated_child.work(talk, words)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        """Clear away processes that ended, and what they have left running."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            if ended.si_pid in self._controls:
                _kill(ended.si_pid)  # while its number is still its own
            _, status, usage = os.wait4(ended.si_pid, 0)
            control = self._controls.pop(ended.si_pid, None)
            if control is not None:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(control)
                with contextlib.suppress(OSError):
                    code = os.waitstatus_to_exitcode(status)
                    control.send(json.dumps({"code": code, "rss": usage.ru_maxrss * 1024}).encode())
                control.close()


def _kill(process: int) -> None:
    """Kill a process that has not been waited for, and all of its group."""
    with contextlib.suppress(OSError):
        os.killpg(process, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.kill(process, signal.SIGKILL)
