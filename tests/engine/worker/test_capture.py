"""Capture: what the code of a task logs, prints and warns goes to its own log, and that of others where it went."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import logging
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest

from wfkit.engine.worker import capture
from wfkit.engine.worker.capture import captured
from wfkit.engine.worker.logs import LogSink


@pytest.fixture(autouse=True)
def tidy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take back everything that capturing puts in place."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(capture, "_PREVIOUS_HOOK", [])
    with warnings.catch_warnings():
        warnings.resetwarnings()
        yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Lines:
    """A sink, and the texts it got."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.sink = LogSink(
            lambda _, lines: self.got.extend((line.source, line.text) for line in lines), lambda *_: None
        )


def test_prints_go_to_the_log_where_it_is_asked_for() -> None:
    silent, loud = Lines(), Lines()
    with contextlib.redirect_stdout(io.StringIO()) as output:
        with captured(silent.sink, prints=False):
            print("not asked for")
        with captured(loud.sink, prints=True):
            print("asked for")
            print("too", file=sys.stderr)
        print("outside")
    assert silent.got == []
    assert loud.got == [("print", "asked for"), ("print", "too")]
    assert output.getvalue() == "not asked for\noutside\n"


def test_what_another_thread_does_is_its_own() -> None:
    lines = Lines()
    with contextlib.redirect_stdout(io.StringIO()) as output, captured(lines.sink, prints=True):
        thread = threading.Thread(target=print, args=("elsewhere",))
        thread.start()
        thread.join()
        with_context = threading.Thread(target=contextvars.copy_context().run, args=(print, "here"))
        with_context.start()
        with_context.join()
    assert lines.got == [("print", "here")]
    assert output.getvalue() == "elsewhere\n"


def test_a_coroutine_writes_to_the_same_log_and_its_last_line_needs_no_end() -> None:
    async def speak() -> None:
        print("one")
        await asyncio.sleep(0)
        print("two", end="")

    lines = Lines()
    with captured(lines.sink, prints=True):
        asyncio.run(speak())
    assert lines.got == [("print", "one"), ("print", "two")]


def test_log_records_keep_their_logger_and_their_level_decides() -> None:
    lines = Lines()
    with captured(lines.sink, prints=False):
        logging.getLogger("a.b").info("%s and %s", 1, 2)
        logging.getLogger("a.b").debug("too quiet")
        try:
            raise ValueError("no")
        except ValueError:
            logging.getLogger("a").exception("failed")
    assert lines.got[0] == ("a.b", "1 and 2")
    assert lines.got[1] == ("a", "failed")
    assert lines.got[-1] == ("a", "ValueError: no")


def test_each_attempt_hears_each_warning_once() -> None:
    for _ in range(2):
        lines = Lines()
        with captured(lines.sink, prints=False):
            for _ in range(3):
                warnings.warn("careful", stacklevel=1)
            warnings.warn("other", RuntimeWarning, stacklevel=1)
        assert [(source, text.partition(" (")[0]) for source, text in lines.got] == [
            ("warnings", "UserWarning: careful"),
            ("warnings", "RuntimeWarning: other"),
        ]


def test_the_filters_of_the_user_come_first() -> None:
    lines = Lines()
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    with captured(lines.sink, prints=False):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("for the task", stacklevel=1)
    assert lines.got == []
    assert len(caught) == 1


def test_the_routers_come_back_when_user_code_took_them_away() -> None:
    for _ in range(2):
        lines = Lines()
        with captured(lines.sink, prints=True):
            print("printed")
            logging.getLogger().info("logged")
        assert lines.got == [("print", "printed"), ("root", "logged")]
        logging.getLogger().handlers.clear()
        sys.stdout = io.StringIO()
