"""Failure: an exception of user code as safe, bounded text, and as itself where it survives a pickle."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final

import cloudpickle

from wfkit.core.events import ErrorInfo

MESSAGE_BYTES: Final = 4_000
TRACEBACK_BYTES: Final = 20_000
EXCEPTION_BYTES: Final = 64_000
_FRAMES_AT_EACH_END: Final = 25
_OURS: Final = str(Path(__file__).parents[2])


def describe(error: BaseException) -> ErrorInfo:
    """Describe an exception whatever it does when it is printed or pickled.

    Returns
    -------
    ErrorInfo : type name, message of at most 4 kB, traceback of at most 20 kB without frames of ours
    """
    return ErrorInfo(
        type_name=type(error).__qualname__,
        message=_cut(safe_text(error), MESSAGE_BYTES),
        traceback=_cut(_traceback_text(error), TRACEBACK_BYTES),
        pickled=_travelling(error),
    )


def safe_text(error: BaseException) -> str:
    """The message of an exception, or a note that it has none that can be read."""
    try:
        return str(error)
    except BaseException as broken:  # noqa: BLE001 - user code, in a place where nothing may escape
        return f"<its message cannot be read: {type(broken).__name__} in __str__>"


def revive(info: ErrorInfo) -> BaseException | None:
    """The exception itself, with the remote traceback as a note; None where it could not travel."""
    if info.pickled is None:
        return None
    try:
        error = pickle.loads(info.pickled)  # noqa: S301 - from our own worker
    except BaseException:  # noqa: BLE001 - user code; the text stands in for it
        return None
    if not isinstance(error, BaseException):
        return None
    error.add_note(f"On the worker:\n{info.traceback}")
    return error


def _travelling(error: BaseException) -> bytes | None:
    try:
        pickled = cloudpickle.dumps(error)
        if len(pickled) <= EXCEPTION_BYTES and type(pickle.loads(pickled)) is type(error):  # noqa: S301 - just made
            return bytes(pickled)
    except BaseException:  # noqa: BLE001 - user code
        return None
    return None


def _traceback_text(error: BaseException) -> str:
    try:
        return "".join(_lines(error, set()))
    except BaseException as broken:  # noqa: BLE001 - user code
        return f"<the traceback cannot be shown: {type(broken).__name__}>"


def _lines(error: BaseException, seen: set[int]) -> Iterable[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _lines(before, seen)
        how = "The above exception was the direct cause of" if error.__cause__ else "While handling it came"
        yield f"\n{how} the following exception:\n\n"
    frames = _user_frames(error.__traceback__)
    if frames:
        yield "Traceback (most recent call last):\n"
    hidden = len(frames) - 2 * _FRAMES_AT_EACH_END
    if hidden > 0:
        yield from traceback.format_list(frames[:_FRAMES_AT_EACH_END])
        yield f"  … {hidden} more frames …\n"
        frames = frames[-_FRAMES_AT_EACH_END:]
    yield from traceback.format_list(frames)
    yield f"{type(error).__qualname__}: {_cut(safe_text(error), MESSAGE_BYTES)}\n"
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions[:5]:
            yield from ("  | " + line + "\n" for text in _lines(member, seen) for line in text.splitlines())


def _user_frames(tb: TracebackType | None) -> list[traceback.FrameSummary]:
    summary = traceback.StackSummary.extract(traceback.walk_tb(tb), lookup_lines=True)
    return [frame for frame in summary if not frame.filename.startswith(_OURS)]


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
