"""Faults: what may be wrong with a store or with a file in it, in words; and when trying again may help."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from wfkit.errors import StoreFailed, WfkitError

T = TypeVar("T")

#: How often a remote store is asked in all, and what the pauses between grow from.
ATTEMPTS: Final = 4
_PAUSE_S: Final = 0.1

_WORDS: Final = {
    errno.EACCES: "not permitted",
    errno.EPERM: "not permitted",
    errno.EROFS: "it is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this process may write",
    errno.ENOENT: "it is not there on this machine",
    errno.ENOTDIR: "a part of its path is no folder",
    errno.EEXIST: "a file of that name is in the way",
    errno.ENAMETOOLONG: "its path is too long",
}
_FIXES: Final = {
    errno.ENOSPC: "Make room there, or keep results in another place.",
    errno.EDQUOT: "Make room there, or keep results in another place.",
    errno.EFBIG: "Raise the limit (`ulimit -f`), or return a smaller value.",
    errno.ENOENT: "Keep results in a place that this machine sees, too.",
}
_FIX: Final = "See to it that this machine reaches the store and may write there, or keep results in another place."
#: Another attempt would end the same way.
_FINAL: Final = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


class Unsound(Exception):
    """A stored file is not what it should be, which its text says; so its result is lost."""


def words(error: BaseException) -> str:
    """What an error of a storage means, without paths and addresses where the system has a number for it."""
    if isinstance(error, OSError) and error.errno is not None:
        return _WORDS.get(error.errno) or error.strerror or type(error).__name__
    if isinstance(error, Unsound):
        return str(error)
    return f"{type(error).__name__}: {error!s:.300}".removesuffix(": ")


@contextmanager
def told(deed: str) -> Iterator[None]:
    """Turn whatever a storage raises into one class of errors.

    Parameters
    ----------
    deed : str
        What was not possible, as "The result of `clean[3]` could not be stored in /data/results".

    Raises
    ------
    StoreFailed : the body raised something else than an error of ours
    """
    try:
        yield
    except WfkitError:
        raise
    except Exception as error:
        fix = _FIXES.get(error.errno or 0, _FIX) if isinstance(error, OSError) else _FIX
        raise StoreFailed(f"{deed}: {words(error)}.", fix) from error


def is_transient(error: BaseException) -> bool:
    """Whether the same call to a remote store may succeed a little later."""
    if not isinstance(error, OSError) or isinstance(error, _FINAL):
        return False
    return error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


def retried(call: Callable[[], T]) -> T:
    """What the call returns, after a few attempts where its errors may pass.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return call()
        except OSError as error:
            if not is_transient(error):
                raise
        time.sleep(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311 - jitter, not a secret
    return call()
