"""Nurseries: the worker's side of its nursery, which is started at first need and again where it was lost."""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from threading import Lock
from typing import Final

from wfkit.authoring.whereabouts import import_path

#: What the fresh interpreter executes: it finds its modules where the worker finds them.
_CODE: Final = """
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from wfkit.engine.worker.nursery import serve
serve(int(sys.argv[1]))
"""


def start_process(files: Sequence[int]) -> None:
    """Have the nursery start the process of an isolated task.

    Parameters
    ----------
    files : sequence of int
        Three descriptors; see `nursery.serve`.
    """
    with _lock:
        if _running and _running[0].owner == os.getpid():
            try:
                socket.send_fds(_running[0].requests, [b"+"], files)
            except OSError:  # it was lost
                _running.pop().close()
            else:
                return
        _running[:] = [_Nursery()]
        socket.send_fds(_running[0].requests, [b"+"], files)


class _Nursery:
    """A nursery that this process has started."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        # Packets, not a stream: requests of several threads do not run into each other.
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CODE, str(theirs.fileno()), json.dumps(import_path())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # an interrupt from the terminal is not meant for it
            )

    def close(self) -> None:
        self.requests.close()
        if self.owner == os.getpid():
            self._process.wait()


_lock: Final = Lock()
_running: Final[list[_Nursery]] = []


@atexit.register
def close_nursery() -> None:
    """End the nursery of this process, with all that it has started."""
    while _running:
        _running.pop().close()
