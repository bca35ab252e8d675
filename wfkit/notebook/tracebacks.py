"""Tracebacks in a notebook show the user's frames; those of wfkit itself are left out.

Of an error of wfkit, so are those of the libraries that it called: how they work is not what the user did.
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from wfkit.errors import WfkitError

_OURS: Final = f"{Path(__file__).parents[1]}{os.sep}"
_PYTHON: Final = f"{sysconfig.get_path('stdlib')}{os.sep}"
_PACKAGES: Final = re.compile(r"[/\\](?:site|dist)-packages[/\\]")
_LIBRARIES: Final = re.compile(
    _PACKAGES.pattern + r"(?:cloudpickle|dask|distributed|fsspec|msgpack|pydantic|sqlalchemy|tornado|traitlets)[/\\]"
)


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
        ours = isinstance(evalue, WfkitError)
        with _shortened_causes(evalue, without_libraries=ours):
            return structured(etype, evalue, users_part(etb, without_libraries=ours) or etb, *args, **kwargs)

    formatter.structured_traceback = without_our_frames

    def undo() -> None:
        if formatter.__dict__.get("structured_traceback") is without_our_frames:
            del formatter.structured_traceback

    return undo


def users_part(trace: TracebackType | None, *, without_libraries: bool = False) -> TracebackType | None:
    """A traceback without the frames of wfkit, and maybe without those of libraries that were called by it."""
    kept: list[TracebackType] = []
    below = without_libraries
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        ours = file.startswith(_OURS)
        below = without_libraries and (below or ours)
        if not ours and not (below and _is_library(file)):
            kept.append(trace)
            below = False
        trace = trace.tb_next
    rest: TracebackType | None = None
    for each in reversed(kept):
        rest = TracebackType(rest, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return rest


def _is_library(file: str) -> bool:
    if file.startswith("<frozen "):
        return True
    return bool(_LIBRARIES.search(file)) or (file.startswith(_PYTHON) and not _PACKAGES.search(file))


@contextmanager
def _shortened_causes(error: object, *, without_libraries: bool) -> Iterator[None]:
    """Shorten the tracebacks of the exceptions behind one while it is shown; debuggers see them whole again."""
    whole: list[tuple[BaseException, TracebackType | None]] = []
    seen = {id(error)}
    while isinstance(error, BaseException):
        error = error.__cause__ or error.__context__
        if error is None or id(error) in seen:
            break
        seen.add(id(error))
        whole.append((error, error.__traceback__))
        error.__traceback__ = users_part(error.__traceback__, without_libraries=without_libraries)
    try:
        yield
    finally:
        for behind, trace in whole:
            behind.__traceback__ = trace
