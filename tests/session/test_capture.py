"""Capture: prints, logs and displays of one thread become lines, and those of others go where they went."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import SimpleNamespace
from typing import Any

import pytest

from wfkit.core.events import LogLine
from wfkit.session.capture import captured


@pytest.fixture
def lines() -> list[LogLine]:
    return []


@contextmanager
def bare_root() -> Iterator[logging.Logger]:
    """The root logger as a fresh Python has it, without pytest's handlers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.root, "handlers", [])
        yield logging.root


def told(lines: list[LogLine]) -> list[tuple[int, str, str]]:
    return [(line.level, line.source, line.text) for line in lines]


def test_prints_become_lines_and_streams_are_put_back(lines: list[LogLine]) -> None:
    before = sys.stdout, sys.stderr
    with captured(lines.extend):
        print("one\ntwo", end="")
        print(" and more")
        print("three", file=sys.stderr)
        sys.stdout.writelines(["four", "\n"])
        sys.stdout.flush()
        print("end", end="")
    assert told(lines) == [
        (logging.INFO, "print", "one"),
        (logging.INFO, "print", "two and more"),
        (logging.WARNING, "print", "three"),
        (logging.INFO, "print", "four"),
        (logging.INFO, "print", "end"),
    ]
    assert (sys.stdout, sys.stderr) == before


def test_other_threads_keep_printing_where_they_did(lines: list[LogLine], capsys: pytest.CaptureFixture[str]) -> None:
    with captured(lines.extend):
        thread = threading.Thread(target=print, args=("cell",))
        thread.start()
        thread.join()
        print("body")
    assert [line.text for line in lines] == ["body"]
    assert capsys.readouterr().out == "cell\n"


def test_two_at_once_do_not_mix(lines: list[LogLine]) -> None:
    other: list[LogLine] = []
    inside, leave = threading.Event(), threading.Event()

    def second() -> None:
        with captured(other.extend):
            inside.set()
            leave.wait(5)
            print("second")

    thread = threading.Thread(target=second)
    before = sys.stdout
    with captured(lines.extend):
        thread.start()
        inside.wait(5)
        print("first")
    leave.set()
    thread.join()
    assert ([line.text for line in lines], [line.text for line in other]) == (["first"], ["second"])
    assert sys.stdout is before


def test_lines_come_while_the_block_runs(lines: list[LogLine]) -> None:
    come = threading.Event()

    def take(new: tuple[LogLine, ...]) -> None:
        lines.extend(new)
        come.set()

    with captured(take):
        print("early")
        assert come.wait(5)
        assert [line.text for line in lines] == ["early"]


def test_a_stream_that_somebody_else_replaced_is_left_alone(lines: list[LogLine]) -> None:
    before = sys.stdout
    cell = io.StringIO()
    with redirect_stdout(cell):
        with captured(lines.extend):
            print("body")
        print("cell")
    assert (cell.getvalue(), sys.stdout) == ("cell\n", before)

    block = captured(lines.extend)
    block.__enter__()
    capture = redirect_stdout(cell)
    capture.__enter__()
    block.__exit__(None, None, None)
    assert sys.stdout is cell
    capture.__exit__(None, None, None)  # puts our stand-in back, which now only hands on
    assert sys.stdout is not before
    with captured(lines.extend):
        print("again")
    sys.stdout = before
    assert [line.text for line in lines] == ["body", "again"]


def test_streams_do_not_pile_up_where_a_worker_in_this_process_captures_too(lines: list[LogLine]) -> None:
    before = sys.stdout

    class Prints:
        """As that of a worker (engine.worker.capture)."""

        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def write(self, text: str) -> int:
            return int(self._stream.write(text))

    with captured(lines.extend):
        sys.stdout = Prints(sys.stdout)
        print("one")
    layered = sys.stdout
    for text in ("two", "three"):
        with captured(lines.extend):
            assert sys.stdout is layered
            print(text)
    sys.stdout = before
    assert [line.text for line in lines] == ["one", "two", "three"]


def test_logs_without_handlers_are_lines_as_python_shows_them(lines: list[LogLine]) -> None:
    with bare_root(), captured(lines.extend):
        logging.getLogger("a").warning("heard")
        logging.getLogger("a").info("not heard: nobody asked for it")
    assert told(lines) == [(logging.WARNING, "print", "heard")]


def test_logs_go_to_the_run_and_not_to_handlers_that_write_into_a_cell(lines: list[LogLine]) -> None:
    cell = io.StringIO()
    with bare_root() as root:
        root.addHandler(logging.StreamHandler(cell))
        with captured(lines.extend):
            logging.getLogger("a.b").warning("of the %s", "body")
            thread = threading.Thread(target=logging.getLogger("a").warning, args=("of a cell",))
            thread.start()
            thread.join()
        logging.getLogger("a").warning("later")
        assert len(root.handlers) == 1
    assert told(lines) == [(logging.WARNING, "a.b", "of the body")]
    assert cell.getvalue() == "of a cell\nlater\n"


def test_what_is_displayed_is_kept_as_text(lines: list[LogLine], monkeypatch: pytest.MonkeyPatch) -> None:
    hooks: list[Any] = []
    publisher = SimpleNamespace(register_hook=hooks.append, unregister_hook=hooks.remove)
    shell = SimpleNamespace(display_pub=publisher)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    shown = {"header": {"msg_type": "display_data"}, "content": {"data": {"text/plain": "   a\n0  1"}}}
    other = {"header": {"msg_type": "comm_open"}, "content": {}}
    with captured(lines.extend):
        (hook,) = hooks
        assert hook(shown) is None
        assert hook(other) is other
    assert hooks == []
    assert told(lines) == [(logging.INFO, "display", "   a"), (logging.INFO, "display", "0  1")]


def test_an_exception_passes_through_and_everything_is_put_back(lines: list[LogLine]) -> None:
    before = sys.stdout

    def broken() -> None:
        with captured(lines.extend):
            print("so far")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        broken()
    assert sys.stdout is before
    assert [line.text for line in lines] == ["so far"]


PRINTING_MEANWHILE = """
import sys, threading
from wfkit.session.capture import captured

sys.setswitchinterval(1e-6)
end = threading.Event()

def print_on():
    while not end.is_set():
        print("a", 1, "b", 2)

threads = [threading.Thread(target=print_on) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(3_000):
    with captured(lambda lines: None):
        pass
end.set()
for thread in threads:
    thread.join()
print("lived", file=sys.stderr)
"""


def test_a_thread_that_prints_while_a_body_ends_does_not_end_the_process() -> None:
    told = subprocess.run([sys.executable, "-c", PRINTING_MEANWHILE], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "lived\n")
