"""Own process: the process of one isolated attempt, seen from the worker."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from pathlib import Path
from typing import Final

from wfkit.engine.worker.deaths import Death, in_words, oom_kills
from wfkit.engine.worker.nurseries import start_process

#: Until a process that was killed is gone.
_GONE_S: Final = 10.0
_WORDS_BYTES: Final = 8_000
#: Lines of last words that tell nothing about the task.
_NOT_SHOWN: Final = (f'  File "{Path(__file__).parent}', '  File "<string>"', "Extension modules:")


class ProcessDied(Exception):
    """The process of an isolated task ended by itself.

    Attributes
    ----------
    reason : str
        As "its process was killed by signal 11 (SIGSEGV)".
    last_words : str
        Where it was then, as Python's faulthandler tells it; may be empty.
    """

    def __init__(self, reason: str, last_words: str = "") -> None:
        super().__init__(reason, last_words)
        self.reason = reason
        self.last_words = last_words

    def __str__(self) -> str:
        return f"{self.reason}\n{self.last_words}".rstrip()


class Gone(Exception):
    """The process has ended, and all it said was read."""


class TooLate(Exception):
    """The time has passed."""


class OwnProcess:
    """The process of one attempt."""

    def __init__(self, until_s: float) -> None:
        self.until_s: float | None = until_s
        self.begun = False
        self._oom_kills = oom_kills()
        self._words = os.memfd_create("wfkit-last-words")
        self._talk, theirs = socket.socketpair()
        self._control, theirs_too = socket.socketpair()
        self._end: Death | None = None
        try:
            start_process((theirs.fileno(), theirs_too.fileno(), self._words))
        except BaseException:
            self._close_files()
            raise
        finally:
            theirs.close()
            theirs_too.close()
        self._talk.setblocking(False)

    def kill(self) -> None:
        """End it and all that it has started; from any thread, at any time."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def send(self, parts: list[memoryview]) -> None:
        """Send a frame.

        Raises
        ------
        Gone, TooLate
        """
        for part in parts:
            left = part
            while left:
                self._wait(select.POLLOUT)
                try:
                    left = left[self._talk.send(left) :]
                except BlockingIOError:
                    pass
                except OSError:
                    raise Gone from None

    def read_into(self, room: memoryview) -> None:
        """Fill `room` with what the process says.

        Raises
        ------
        Gone, TooLate
        """
        while room:
            self._wait(select.POLLIN)
            try:
                size = self._talk.recv_into(room)
            except BlockingIOError:
                continue
            except OSError:
                raise Gone from None
            if not size:
                raise Gone
            room = room[size:]

    def _wait(self, what: int) -> None:
        """Wait until the process can be talked with; what it has said is read before its end is seen."""
        poll = select.poll()
        poll.register(self._talk, what)
        poll.register(self._control, select.POLLIN)
        left_s = None if self.until_s is None else self.until_s - time.monotonic()
        if left_s is not None and left_s <= 0:
            raise TooLate
        found = poll.poll(None if left_s is None else left_s * 1_000 + 1)
        if not found:
            raise TooLate
        if not any(descriptor == self._talk.fileno() for descriptor, _ in found):
            raise Gone

    def died(self) -> ProcessDied:
        """Why it ended by itself.

        Raises
        ------
        TooLate : it has not ended
        """
        end = self._wait_for_end(self.until_s)
        if end is None:
            return ProcessDied("its process could not be started or was lost")
        os.lseek(self._words, 0, os.SEEK_SET)
        lines = os.read(self._words, _WORDS_BYTES).decode(errors="replace").splitlines(keepends=True)
        words = "".join(line for line in lines if not line.startswith(_NOT_SHOWN)).strip()
        return ProcessDied(f"its process {in_words(end, oom_killed=oom_kills() > self._oom_kills)}", words)

    def _wait_for_end(self, until_s: float | None) -> Death | None:
        if self._end is None:
            left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
            self._control.settimeout(left_s)
            try:
                told = json.loads(self._control.recv(4096) or b"{}")
            except TimeoutError:
                raise TooLate from None
            except OSError:
                told = {}
            if "code" in told:
                self._end = Death(told["code"], told["rss"])
        return self._end

    def close(self) -> None:
        """Wait until nothing is left of it."""
        self.kill()
        with contextlib.suppress(TooLate):
            self._wait_for_end(time.monotonic() + _GONE_S)
        self._close_files()

    def _close_files(self) -> None:
        self._talk.close()
        self._control.close()
        os.close(self._words)
