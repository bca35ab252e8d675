"""Failure: an exception of user code as safe, bounded text without secrets, and as itself where that can travel."""

from __future__ import annotations

import asyncio
import io
import pickle
import re
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from wfkit.authoring.pickler import Pickler
from wfkit.authoring.secrets import is_labelled, labelled, redacted
from wfkit.core.events import ErrorInfo
from wfkit.engine.worker.stacks import frame_of

MESSAGE_CHARACTERS: Final = 4_000
TRACEBACK_CHARACTERS: Final = 20_000
EXCEPTION_BYTES: Final = 64_000
_LINE_CHARACTERS: Final = 200
_FRAMES_AT_EACH_END: Final = 25
#: Exceptions shown of a chain (one raised while another was handled), and of a group.
_CHAINED: Final = 10
_GROUPED: Final = 5
_REMOTE: Final = "On the worker:\n"
#: An exception that goes on from `.result()` to `.result()`: lines of the first tasks, and of the last.
_LEVELS_AT_EACH_END: Final = 8
_LEVELS_CHARACTERS: Final = 4_000
_LEVEL: Final = re.compile(r"  (?:File .*|…)\n")
_LEVELS: Final = re.compile(rf"\nRaised again by .result\(\) in:\n((?:{_LEVEL.pattern})+)\Z")
_OURS: Final = str(Path(__file__).parents[2])
_ASYNCIO: Final = str(Path(asyncio.__file__).parent)


def describe(error: BaseException, *, leaves_machine: bool = True) -> ErrorInfo:
    """Describe an exception whatever it does when it is printed or pickled.

    Parameters
    ----------
    error : BaseException
    leaves_machine : bool
        Whether the description becomes part of an event. An exception that holds a secret then stays behind.

    Returns
    -------
    ErrorInfo : type name, message of at most 4 kB, traceback of at most 20 kB without frames of ours
    """
    return ErrorInfo(
        type_name=type(error).__qualname__,
        message=_cut(safe_text(error), MESSAGE_CHARACTERS),
        traceback=_traceback_text(error),
        pickled=_travelling(error, leaves_machine=leaves_machine),
    )


def safe_text(thing: object) -> str:
    """What something of the user's says of itself, without secrets, or a note that it cannot."""
    try:
        text = str.__str__(str(thing))  # the second one: `__str__` may give a subclass, which runs code of its own
        return redacted(text)
    except BaseException as broken:  # noqa: BLE001 - user code, in a place where nothing may escape
        return f"<its text cannot be read: {type(broken).__name__} in __str__>"


def in_one_line(error: BaseException) -> str:
    """Type and message of an exception, short enough for a sentence."""
    first = safe_text(error).strip().partition("\n")[0]
    return _joined(error, first if len(first) <= _LINE_CHARACTERS else first[: _LINE_CHARACTERS - 1] + "…")


def revive(info: ErrorInfo) -> BaseException | None:
    """The exception itself, with the remote traceback as a note; None where it could not travel."""
    if info.pickled is None:
        return None
    try:
        error = pickle.loads(info.pickled)  # noqa: S301 - from our own worker
        note_remote(error, info)
    except BaseException:  # noqa: BLE001 - user code; the text stands in for it
        return None
    return error if isinstance(error, BaseException) else None


def note_remote(error: BaseException, info: ErrorInfo) -> None:
    """Note on an exception what its traceback was on the worker."""
    error.add_note(_REMOTE + info.traceback)


def _is_remote(note: object) -> bool:
    return isinstance(note, str) and str.startswith(note, _REMOTE)


class _Limited(io.BytesIO):
    """A file that refuses to grow beyond what may travel."""

    def write(self, data: object, /) -> int:
        size = memoryview(data).nbytes  # type: ignore[arg-type]  # pickle writes bytes
        if self.tell() + size > EXCEPTION_BYTES:
            raise OverflowError("too long to travel")
        return super().write(data)  # type: ignore[arg-type]


def _travelling(error: BaseException, *, leaves_machine: bool) -> bytes | None:
    """The pickle of an exception, where reading it back gives the same exception, and it may be kept.

    Distributed makes tracebacks picklable. Ours travels as text: a deep one as it is could not be pickled.
    """
    try:
        file = _Limited()
        with _bare(error):
            Pickler(file, protocol=5).dump(error)
        pickled = labelled(file.getvalue())
        if type(pickle.loads(pickled)) is type(error):  # noqa: S301 - just made
            return None if leaves_machine and is_labelled(pickled) else pickled
    except BaseException:  # noqa: BLE001 - user code
        return None
    return None


@contextmanager
def _bare(error: BaseException) -> Iterator[None]:
    """Take the tracebacks off an exception and those it came from, and the notes of them, for the time of the block."""
    taken: dict[int, tuple[BaseException, TracebackType | None, list[object]]] = {}
    waiting: list[BaseException | None] = [error]
    try:
        while waiting:
            one = waiting.pop()
            if one is not None and id(one) not in taken:
                notes = _notes(one)
                taken[id(one)] = one, one.__traceback__, notes
                BaseException.with_traceback(one, None)
                if any(map(_is_remote, notes)):
                    _set_notes(one, [note for note in notes if not _is_remote(note)])
                waiting += [one.__cause__, one.__context__]
                waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        yield
    finally:
        for one, its_traceback, notes in taken.values():
            BaseException.with_traceback(one, its_traceback)
            if any(map(_is_remote, notes)):
                _set_notes(one, notes)


def _notes(error: BaseException) -> list[object]:
    return list(getattr(error, "__notes__", None) or ())


def _set_notes(error: BaseException, notes: list[object]) -> None:
    error.__notes__ = notes  # type: ignore[assignment]  # some are no texts, where users left such


def _traceback_text(error: BaseException) -> str:
    lines: list[str] = []
    try:
        lines.extend(_lines(error, {id(error)}))
    except BaseException as broken:  # noqa: BLE001 - user code
        lines.append(f"<the traceback cannot be shown: {type(broken).__name__}>\n")
    first, levels = _without_levels(redacted("".join(lines)))
    return _cut(first, TRACEBACK_CHARACTERS - _LEVELS_CHARACTERS) + levels


def _without_levels(text: str) -> tuple[str, str]:
    """The traceback of where an exception was raised first, and the lines of where it went on from there."""
    found = _LEVELS.search(text)
    return (text, "") if found is None else (text[: found.start()], found.group())


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    """The exceptions of a chain, oldest first."""
    chain = [error]
    while (before := _before(chain[-1])) is not None and id(before) not in seen and len(chain) <= _CHAINED:
        seen.add(id(before))
        chain.append(before)
    if len(chain) > _CHAINED:
        chain.pop()
        yield "… earlier exceptions left out …\n\n"
    for place, one in enumerate(reversed(chain), 1):
        yield from _own_lines(one, seen)
        if place < len(chain):
            direct = chain[-place - 1].__cause__ is one
            how = "The above exception was the direct cause of" if direct else "While handling it came"
            yield f"\n{how} the following exception:\n\n"


def _before(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _own_lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    notes = _notes(error)
    place = next((place for place, note in enumerate(notes) if _is_remote(note)), None)
    if place is not None:
        yield from _lines_of_remote(error, safe_text(notes[place]).removeprefix(_REMOTE), notes[place + 1 :])
        return
    frames = _user_frames(error.__traceback__)
    if frames:
        yield "Traceback (most recent call last):\n"
    hidden = len(frames) - 2 * _FRAMES_AT_EACH_END
    if hidden > 0:
        yield from traceback.format_list(frames[:_FRAMES_AT_EACH_END])
        yield f"  … {hidden} more frames …\n"
        frames = frames[-_FRAMES_AT_EACH_END:]
    yield from traceback.format_list(frames)
    yield _joined(error, _cut(safe_text(error), MESSAGE_CHARACTERS)) + "\n"
    yield from _note_lines(notes)
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions[:_GROUPED]:
            seen.add(id(member))
            yield from ("  | " + line + "\n" for text in _lines(member, seen) for line in text.splitlines())
        if len(error.exceptions) > _GROUPED:
            yield f"  | … and {len(error.exceptions) - _GROUPED} more\n"


def _lines_of_remote(error: BaseException, told: str, later_notes: Iterable[object]) -> Iterator[str]:
    """What was told of an exception that came from another task, and a line for where it went on in this one."""
    first, levels = _without_levels(told)
    yield first
    yield from _note_lines(later_notes)
    lines = _LEVEL.findall(levels)
    if frames := _user_frames(error.__traceback__):
        last = frames[-1]
        lines.append(f'  File "{last.filename}", line {last.lineno}, in {last.name}'[:_LINE_CHARACTERS] + "\n")
    if len(lines) > 2 * _LEVELS_AT_EACH_END:
        lines = [*lines[:_LEVELS_AT_EACH_END], "  …\n", *lines[-_LEVELS_AT_EACH_END:]]
    if lines:
        yield "\nRaised again by .result() in:\n" + "".join(lines)


def _note_lines(notes: Iterable[object]) -> Iterator[str]:
    return (_cut(safe_text(note), MESSAGE_CHARACTERS) + "\n" for note in notes)


def _user_frames(tb: TracebackType | None) -> list[traceback.FrameSummary]:
    """The frames of user code, without those of ours and of the loop that ran it."""
    summary = traceback.StackSummary.extract(traceback.walk_tb(tb), lookup_lines=True)
    return _without_loop([frame for frame in summary if not frame.filename.startswith(_OURS)])


def _without_loop(frames: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    while frames and frames[0].filename.startswith(_ASYNCIO):
        del frames[0]
    return frames


def stack_of(thread: threading.Thread) -> str:
    """Where a thread of user code is just now."""
    frame = frame_of(thread.ident or 0)
    if frame is None:
        return ""
    summary = traceback.StackSummary.extract(traceback.walk_stack(frame), lookup_lines=True)
    frames = [one for one in reversed(summary) if not one.filename.startswith((_OURS, threading.__file__))]
    return "".join(traceback.format_list(_without_loop(frames)[-_FRAMES_AT_EACH_END:]))


def _joined(error: BaseException, message: str) -> str:
    name = type(error).__qualname__
    return f"{name}: {message}" if message else name


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2 - 30  # room for the line between the halves
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
