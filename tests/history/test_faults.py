"""What a storage raises is told in words, and tried again where that may help."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from wfkit.errors import ResultLost, StoreFailed
from wfkit.history.faults import ATTEMPTS, Unsound, is_transient, retried, told, words


def failing(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/secret/path")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (failing(errno.ENOSPC), "the disk is full"),
        (failing(errno.EACCES), "not permitted"),
        (failing(errno.EIO), "Input/output error"),
        (OSError("bucket on fire"), "OSError: bucket on fire"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("x" * 1000), "ValueError: " + "x" * 300),
        (Unsound("its file is missing"), "its file is missing"),
    ],
)
def test_words(error: Exception, said: str) -> None:
    assert words(error) == said


def test_whatever_is_raised_becomes_one_error_with_a_way_out() -> None:
    with pytest.raises(StoreFailed) as caught, told("The result of `a` could not be stored in /data"):
        raise failing(errno.ENOSPC)
    assert str(caught.value) == (
        "The result of `a` could not be stored in /data: the disk is full."
        " Make room there, or keep results in another place."
    )
    with pytest.raises(StoreFailed, match="this machine reaches the store"), told("It failed"):
        raise RuntimeError("no credentials")


@pytest.mark.parametrize("error", [ResultLost("It is lost."), KeyboardInterrupt()])
def test_errors_of_ours_and_interrupts_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, told("It failed"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (OSError("503: slow down"), True),
        (failing(errno.EIO), True),
        (failing(errno.ENOENT), False),
        (PermissionError("expired"), False),
        (failing(errno.ENOSPC), False),
        (ValueError("no"), False),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient


def counting(errors: list[Exception]) -> Callable[[], int]:
    calls = 0

    def call() -> int:
        nonlocal calls
        calls += 1
        if errors:
            raise errors.pop(0)
        return calls

    return call


def test_what_may_pass_is_tried_again_a_few_times() -> None:
    assert retried(counting([])) == 1
    assert retried(counting([ConnectionResetError()] * (ATTEMPTS - 1))) == ATTEMPTS
    with pytest.raises(ConnectionResetError):
        retried(counting([ConnectionResetError() for _ in range(ATTEMPTS)]))


@pytest.mark.parametrize("error", [PermissionError("expired"), ValueError("no")])
def test_what_will_not_pass_is_not_tried_again(error: Exception) -> None:
    call = counting([error])
    with pytest.raises(type(error)):
        retried(call)
    assert call() == 2
