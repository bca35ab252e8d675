"""Frames: a traceback's text taken apart, so that the lines of the user stand out from those of libraries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from IPython.core.getipython import get_ipython

from wfkit.notebook.plain import clean, one_line

_FRAME: Final = re.compile(r'  File "(?P<file>[^"\n]*)", line (?P<line>\d+)(?:, in (?P<function>.*))?')
_REPEATED: Final = re.compile(r"  \[Previous line repeated \d+ more times?\]")
#: What `engine.worker.failure` writes where it leaves something out.
_GAP: Final = re.compile(r"\s*… \d+ (?:more frames|characters left out) …")
_LINKS: Final = (
    "The above exception was the direct cause of the following exception:",
    "While handling it came the following exception:",
)
_PACKAGE: Final = re.compile(r".*[\\/](?:site|dist)-packages[\\/](?P<name>[^\\/]+)")
_STANDARD: Final = re.compile(
    r"<frozen |.*[\\/]lib[\\/]python3\.\d+[\\/]|.*[\\/]python3\d+[\\/]lib[\\/]", re.IGNORECASE
)
#: The file that ipykernel names for a cell: by its process, and by what is in the cell.
_CELL: Final = re.compile(r".*[\\/]ipykernel_\d+[\\/](?P<name>\d+\.py)")
_TERMINAL_CELL: Final = re.compile(r"<ipython-input-\d+-\w+>")
_NAME_CHARS: Final = 300
_TEXT_CHARS: Final = 5_000


def cell_numbers() -> dict[str, int]:
    """Numbers of the cells that were executed in this kernel, by the names of their files in tracebacks."""
    compiler: Any = getattr(get_ipython(), "compile", None)
    known: Mapping[str, int] = getattr(compiler, "_filename_map", {})  # no other place tells
    return {_cell_name(file): number for file, number in list(known.items())}


def _cell_name(file: str) -> str:
    """The part of a cell's file name that is the same in each kernel that executes the cell."""
    found = _CELL.fullmatch(file)
    return file if found is None else found["name"]


def errors_in(traceback: str, cells: Mapping[str, int]) -> list[dict[str, object]]:
    """Take apart a traceback as `engine.worker.failure` writes it.

    Parameters
    ----------
    traceback : str
    cells : mapping
        Of `cell_numbers`.

    Returns
    -------
    list of dict : an exception each, oldest first: how it came from the one before, its frames, and its own text.
        Of the last one the frame that the reader looks for is marked: the innermost of the user's, else the innermost.
    """
    errors = [_Error("")]
    for line in clean(traceback).splitlines():
        if line in _LINKS:
            errors.append(_Error(line))
        else:
            errors[-1].read(line)
    told = [one.told(cells) for one in errors]
    frames: Any = told[-1]["frames"]
    own = [frame for frame in frames if not frame["package"] and frame["line"]]
    for frame in (own or frames)[-1:]:
        frame["failing"] = True
    return told


class _Error:
    """One exception of a chain, read line by line."""

    def __init__(self, link: str) -> None:
        self.link = link
        self._frames: list[dict[str, Any]] = []
        self._text: list[str] = []

    def read(self, line: str) -> None:
        frame = None if self._text else _FRAME.fullmatch(line)
        if frame is not None:
            self._add(frame["file"], int(frame["line"]), frame["function"] or "")
        elif self._text:
            self._text.append(line)
        elif _GAP.fullmatch(line) or line.startswith('  File "'):  # a frame that was cut
            self._add(line.strip(), 0, "")
        elif self._frames and self._goes_on(line):
            self._frames[-1]["code"].append(line.removeprefix("    "))
        elif line.strip() and not line.startswith("Traceback (most recent call last)"):
            self._text.append(line)

    def _add(self, file: str, line: int, function: str) -> None:
        self._frames.append({"file": file, "line": line, "function": function, "code": []})

    def _goes_on(self, line: str) -> bool:
        """Whether a line belongs to the frame before: its code, a repetition, or the rest of a frame that was cut."""
        return line.startswith("    ") or bool(_REPEATED.fullmatch(line)) or self._frames[-1]["line"] == 0

    def told(self, cells: Mapping[str, int]) -> dict[str, object]:
        return {
            "link": self.link,
            "frames": [_told(frame, cells) for frame in self._frames],
            "text": clean("\n".join(self._text).strip(), _TEXT_CHARS),
        }


def _told(frame: dict[str, Any], cells: Mapping[str, int]) -> dict[str, Any]:
    file, line = frame["file"], frame["line"]
    is_cell = _CELL.fullmatch(file) or _TERMINAL_CELL.fullmatch(file)
    cell = cells.get(_cell_name(file)) if is_cell else None
    if not line:
        where = file
    elif cell is not None:
        where = f"cell {cell}, line {line}"
    else:
        where = f"{'a cell' if is_cell else _base(file)}, line {line}"
    return {
        "where": one_line(where, _NAME_CHARS),
        "file": one_line(file, _NAME_CHARS),
        "line": line,
        "function": one_line(frame["function"], _NAME_CHARS),
        "code": clean("\n".join(frame["code"]), _TEXT_CHARS),
        "package": "" if is_cell else _package(file),
        "cell": cell,
        "failing": False,
    }


def _base(file: str) -> str:
    path = PureWindowsPath(file) if "\\" in file else PurePosixPath(file)
    return path.name or file


def _package(file: str) -> str:
    """The library that a file belongs to; empty for a file of the user."""
    installed = _PACKAGE.match(file)
    if installed is not None:
        return one_line(installed["name"].removesuffix(".py"), 60)
    return "Python" if _STANDARD.match(file) else ""
