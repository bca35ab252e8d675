"""Failures described: whatever an exception does when it is printed or pickled, its text is safe and short."""

from __future__ import annotations

import pickle
import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.system import hostile
from wfkit.authoring.secrets import learn
from wfkit.core.events import ErrorInfo
from wfkit.engine.worker.failure import (
    EXCEPTION_BYTES,
    MESSAGE_CHARACTERS,
    TRACEBACK_CHARACTERS,
    describe,
    in_one_line,
    revive,
    safe_text,
    stack_of,
)


def described(action: Any) -> ErrorInfo:
    """What is told of the exception that an action raises."""
    with pytest.raises(BaseException) as caught:
        action()
    trace = caught.value.__traceback__
    info = describe(caught.value)
    assert caught.value.__traceback__ is trace
    return info


@pytest.mark.parametrize("fault", hostile.RAISES)
def test_any_exception_is_described(fault: str) -> None:
    action, type_name, message = hostile.RAISES[fault]
    info = described(action)
    assert info.type_name == type_name
    assert message.replace("\\udc80", "\udc80") in info.message
    assert len(info.message) <= MESSAGE_CHARACTERS
    assert len(info.traceback) <= TRACEBACK_CHARACTERS
    assert info.pickled is None or len(info.pickled) <= EXCEPTION_BYTES


@pytest.mark.parametrize("fault", hostile.RAISES)
def test_an_exception_comes_back_as_itself_or_not_at_all(fault: str) -> None:
    action, type_name, _ = hostile.RAISES[fault]
    info = described(action)
    error = revive(info)
    if error is None:
        assert fault in {"broken __init__", "not picklable", "50 MB"}
    else:
        assert type(error).__name__ == type_name
        assert error.__notes__ == [f"On the worker:\n{info.traceback}"]


@given(st.text())
def test_messages_are_kept_as_they_are(text: str) -> None:
    assert describe(ValueError(text)).message == text


@given(st.text(alphabet="ab\n", min_size=1, max_size=30), st.integers(0, 3))
def test_one_line_is_one_line(text: str, times: int) -> None:
    line = in_one_line(ValueError(text * 10**times))
    assert "\n" not in line
    assert len(line) <= 220
    assert line.startswith("ValueError")


def test_an_exception_without_words_is_its_name() -> None:
    assert in_one_line(KeyboardInterrupt()) == "KeyboardInterrupt"


class OddText(str):
    """A string with a will of its own."""

    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError

    def isascii(self) -> bool:
        raise RuntimeError


class Odd(Exception):
    def __str__(self) -> str:
        return OddText("odd")


def test_text_is_a_plain_string() -> None:
    assert type(safe_text(Odd())) is str
    assert safe_text(Odd()) == "odd"
    assert safe_text(hostile.Destructive()) == "<its text cannot be read: SystemExit in __str__>"


def test_long_messages_keep_both_ends() -> None:
    message = describe(ValueError("a" * 10_000 + "z")).message
    assert message.startswith("aaa")
    assert message.endswith("az")
    assert "characters left out" in message


def test_deep_recursion_shows_both_ends_of_the_stack() -> None:
    def deep(depth: int) -> int:
        return 1 // depth if depth == 0 else deep(depth - 1)

    lines = described(lambda: deep(200)).traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert sum("more frames" in line for line in lines) == 1
    assert lines[-1] == "ZeroDivisionError: integer division or modulo by zero"


def test_causes_come_first_and_are_told_apart_from_contexts() -> None:
    text = described(hostile.raise_chain).traceback
    assert text.index("KeyError: 'inner'") < text.index("direct cause") < text.index("ValueError: outer")

    def handle() -> None:
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError("outer")  # noqa: B904 - the point

    text = described(handle).traceback
    assert text.index("KeyError: 'inner'") < text.index("While handling it came") < text.index("ValueError: outer")


def test_a_suppressed_context_is_not_told() -> None:
    def hide() -> None:
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError("outer") from None

    assert "inner" not in described(hide).traceback


def test_a_long_chain_keeps_its_newest_exceptions() -> None:
    def chain() -> None:
        error: Exception = ValueError("number 0")
        for number in range(1, 3_000):
            following = ValueError(f"number {number}")
            following.__cause__ = error
            error = following
        raise error

    text = described(chain).traceback
    assert text.startswith("… earlier exceptions left out …")
    assert "number 2999" in text
    assert "number 2990\n" in text
    assert "number 2989\n" not in text


def test_a_chain_that_bites_its_tail_ends() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert describe(one).traceback.count("ValueError: two") == 1


def test_members_of_groups_are_told_and_counted() -> None:
    text = describe(
        ExceptionGroup("many", [ExceptionGroup("inner", [KeyError("k")]), *map(OSError, range(8))])
    ).traceback
    assert "  | ExceptionGroup: inner (1 sub-exception)" in text
    assert "  |   | KeyError: 'k'" in text
    assert "  | … and 4 more" in text


def test_notes_are_told_whatever_they_are() -> None:
    error = ValueError("x")
    error.add_note("look here")
    error.__notes__.append(hostile.Speechless())  # type: ignore[arg-type]  # the point
    text = describe(error).traceback
    assert "look here" in text
    assert "RuntimeError in __str__" in text


def passed_on(error: BaseException) -> ErrorInfo:
    """What is told of an exception of a child that a task lets through."""

    def task_body() -> None:
        raise error

    return described(task_body)


def revived(info: ErrorInfo) -> BaseException:
    error = revive(info)
    assert error is not None
    return error


def test_through_many_tasks_an_exception_stays_itself_and_tells_where_it_was_raised_first() -> None:
    original = ValueError("deep cause")
    original.data = bytes(EXCEPTION_BYTES - 1_000)  # type: ignore[attr-defined]
    info = passed_on(original)
    first = info.traceback
    assert "in task_body" in first
    for _ in range(200):
        info = passed_on(revived(info))
    error = revived(info)
    assert type(error) is ValueError
    assert error.__notes__ == [f"On the worker:\n{info.traceback}"]
    told, _, levels = info.traceback.partition("\nRaised again by .result() in:\n")
    assert told == first
    assert 3 <= levels.count("in task_body") <= 20
    assert len(info.traceback) < len(first) + 4_000


def test_the_longest_traceback_loses_nothing_more_on_its_way() -> None:
    error = ValueError("long")
    for number in range(5):
        error.add_note(f"note {number} " * 800)
    info = passed_on(error)
    first = info.traceback
    assert first.count("characters left out") == 5
    for _ in range(30):
        info = passed_on(revived(info))
    assert info.traceback.startswith(f"{first}\nRaised again")
    assert len(info.traceback) <= TRACEBACK_CHARACTERS


def test_what_a_task_notes_on_the_exception_of_a_child_is_told_before_the_levels() -> None:
    error = revived(passed_on(ValueError("x")))
    error.add_note("of month 3")
    info = passed_on(error)
    error = revived(passed_on(revived(info)))
    assert error.__notes__[0] == "of month 3"
    lines = error.__notes__[1].splitlines()
    assert lines[-5:-3] == ["of month 3", ""]
    assert lines[-3] == "Raised again by .result() in:"


def test_telling_of_an_exception_leaves_its_notes_alone() -> None:
    error = revived(passed_on(ValueError("x")))
    error.add_note("mine")
    before = list(error.__notes__)
    passed_on(error)
    assert error.__notes__ == before


def test_an_exception_that_carries_much_does_not_travel() -> None:
    error = ValueError("small")
    error.data = bytes(EXCEPTION_BYTES)  # type: ignore[attr-defined]
    assert describe(error).pickled is None
    error.data = bytes(100)  # type: ignore[attr-defined]
    assert revive(describe(error)).data == bytes(100)  # type: ignore[union-attr]


@pytest.mark.parametrize("pickled", [b"junk", pickle.dumps("no exception"), pickle.dumps(hostile.Unloadable())])
def test_what_is_no_exception_any_more_is_not_revived(pickled: bytes) -> None:
    assert revive(replace(describe(ValueError()), pickled=pickled)) is None


def test_the_stack_of_a_thread_shows_where_its_code_is() -> None:
    gate = threading.Event()

    def stand_here() -> None:
        gate.wait()

    thread = threading.Thread(target=stand_here)
    thread.start()
    try:
        assert "in stand_here" in stack_of(thread)
    finally:
        gate.set()
        thread.join()
    assert stack_of(thread) == ""


CANARY = "canary-in-an-error/7f3a"


def chained() -> None:
    try:
        raise KeyError(CANARY)
    except KeyError as error:
        error.add_note(f"noted {CANARY}")
        raise ValueError(f"second {CANARY}") from ExceptionGroup(CANARY, [OSError(f"in {CANARY}"), error])


def test_no_secret_is_in_what_is_told_of_an_exception() -> None:
    learn((CANARY,))
    info = described(chained)
    assert info.message == "second ***"
    assert info.traceback.count("***") == 5
    assert "noted ***" in info.traceback
    assert CANARY not in repr(info)


@pytest.mark.parametrize("most", [200, MESSAGE_CHARACTERS // 2 - 30, MESSAGE_CHARACTERS])
def test_no_part_of_a_secret_is_left_where_a_message_is_cut(most: int) -> None:
    learn((CANARY,))
    for place in range(most - len(CANARY), most + 2):
        error = ValueError("." * place + CANARY + "." * 30_000)
        assert "cana" not in f"{describe(error)!r}{in_one_line(error)}"
        error = ValueError("." * 30_000 + CANARY + "." * place)
        assert "7f3a" not in repr(describe(error))


def test_an_exception_that_holds_a_secret_stays_behind_and_text_stands_for_it() -> None:
    learn((CANARY,))
    for error in (ValueError(CANARY), ValueError("x", {"dsn": f"db://u:{CANARY.replace('/', '%2F')}@h"})):
        assert describe(error).pickled is None
        kept = describe(error, leaves_machine=False)
        assert CANARY not in kept.message
        assert str(revive(kept)) == str(error)
    assert describe(ValueError("harmless")).pickled is not None


def test_what_has_the_name_of_a_secret_is_hidden_in_errors_also_in_lines_of_code() -> None:
    def connect(password: str = "literal") -> None:
        raise ConnectionError(f"db://me:{password}@host refused")

    info = described(lambda: connect(password="abcdef"))
    assert info.message == "db://me:***@host refused"
    assert "connect(password=***" in info.traceback
    assert "abcdef" not in info.traceback
