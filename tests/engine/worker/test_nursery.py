"""The nursery: starts a process for each request, ends what it is told to, and all of them at its own end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.engine.worker.isolating import alive, until

pytestmark = pytest.mark.timeout(60)


class Served:
    """A nursery of a test's own."""

    def __init__(self, before: str = "") -> None:
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = f"{before}\nfrom wfkit.engine.worker.nursery import serve; serve({theirs.fileno()})"
        with theirs:
            self.process = subprocess.Popen([sys.executable, "-c", code], pass_fds=[theirs.fileno()])

    def start(self) -> tuple[socket.socket, socket.socket]:
        """Start a process, which waits to be told what to do."""
        talk, theirs = socket.socketpair()
        control, theirs_too = socket.socketpair()
        words = os.memfd_create("words")
        socket.send_fds(self.requests, [b"+"], [theirs.fileno(), theirs_too.fileno(), words])
        os.close(words)
        theirs.close()
        theirs_too.close()
        control.settimeout(20)
        return talk, control

    @property
    def children(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.requests.close()
    served.process.wait(20)


def test_each_process_is_a_group_of_its_own_and_ends_by_itself(served: Served) -> None:
    started = [served.start(), served.start()]
    until(lambda: len(served.children) == 2)
    assert {os.getpgid(pid) for pid in served.children} == set(served.children)
    for talk, control in started:
        talk.close()  # nobody will tell it anything
        assert json.loads(control.recv(4096))["code"] == 1
        control.close()
    assert served.children == []


def test_a_closed_control_is_the_end_of_its_process_alone(served: Served) -> None:
    (talk, control), (other_talk, other_control) = served.start(), served.start()
    until(lambda: len(served.children) == 2)
    control.shutdown(socket.SHUT_WR)
    told = json.loads(control.recv(4096))
    assert told["code"] == -signal.SIGKILL
    assert told["rss"] > 1_000_000
    assert len(served.children) == 1
    for one in (talk, control, other_talk, other_control):
        one.close()


def test_its_end_is_the_end_of_all(served: Served) -> None:
    started = [served.start() for _ in range(3)]
    until(lambda: len(served.children) == 3)
    children = served.children
    served.requests.close()
    served.process.wait(20)
    until(lambda: not any(map(alive, children)))
    for pair in started:
        for one in pair:
            one.close()


def test_an_interrupt_from_the_terminal_does_not_reach_it(served: Served) -> None:
    talk, control = served.start()
    until(lambda: len(served.children) == 1)
    served.process.send_signal(signal.SIGINT)
    other_talk, other_control = served.start()
    until(lambda: len(served.children) == 2)
    for one in (talk, control, other_talk, other_control):
        one.close()


#: A nursery is held up in its second request until there is a file.
_HELD_UP = """
import os, pathlib, time
copies = []
def held_up(fork=os.fork):
    process = fork()
    copies.append(process)
    while process and len(copies) == 2 and not pathlib.Path({gate!r}).exists():
        time.sleep(0.01)
    return process
os.fork = held_up
"""


def test_a_process_that_ends_while_it_is_given_up_ends_alone(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    served = Served(_HELD_UP.format(gate=str(gate)))
    talk, control = served.start()
    until(lambda: len(served.children) == 1)
    (first,) = served.children
    other_talk, other_control = served.start()
    until(lambda: len(served.children) == 2)
    talk.close()
    until(lambda: not alive(first))
    control.close()
    gate.touch()  # it learns of both at once
    until(lambda: first not in served.children)
    other_talk.close()
    assert json.loads(other_control.recv(4096))["code"] == 1
    other_control.close()
    served.requests.close()
    assert served.process.wait(20) == 0
