"""Tracebacks in a notebook show the user's frames; those of wfkit itself are left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

_OURS: Final = str(Path(__file__).parents[1])


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
        return structured(etype, evalue, users_part(etb), *args, **kwargs)

    formatter.structured_traceback = without_our_frames

    def undo() -> None:
        if formatter.__dict__.get("structured_traceback") is without_our_frames:
            del formatter.structured_traceback

    return undo


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of wfkit."""
    if trace is None:
        return None
    rest = users_part(trace.tb_next)
    if trace.tb_frame.f_code.co_filename.startswith(_OURS):
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
