"""Tracebacks in a notebook show the user's frames; those of wfkit itself are left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

_OURS: Final = f"{Path(__file__).parents[1]}{os.sep}"


def install_tracebacks(shell: Any) -> Callable[[], None]:
    """Leave our frames out of what a shell shows of an exception.

    Returns
    -------
    A function that undoes it.
    """
    formatter = shell.InteractiveTB
    structured = formatter.structured_traceback

    def without_our_frames(
        etype: Any, evalue: Any = None, etb: TracebackType | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        with _shortened_causes(evalue):
            return structured(etype, evalue, users_part(etb) or etb, *args, **kwargs)

    formatter.structured_traceback = without_our_frames

    def undo() -> None:
        if formatter.__dict__.get("structured_traceback") is without_our_frames:
            del formatter.structured_traceback

    return undo


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of wfkit."""
    kept: list[TracebackType] = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_OURS):
            kept.append(trace)
        trace = trace.tb_next
    rest: TracebackType | None = None
    for each in reversed(kept):
        rest = TracebackType(rest, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return rest


@contextmanager
def _shortened_causes(error: object) -> Iterator[None]:
    """Shorten the tracebacks of the exceptions behind one while it is shown; debuggers see them whole again."""
    whole: list[tuple[BaseException, TracebackType | None]] = []
    seen = {id(error)}
    while isinstance(error, BaseException):
        error = error.__cause__ or error.__context__
        if error is None or id(error) in seen:
            break
        seen.add(id(error))
        whole.append((error, error.__traceback__))
        error.__traceback__ = users_part(error.__traceback__)
    try:
        yield
    finally:
        for behind, trace in whole:
            behind.__traceback__ = trace
