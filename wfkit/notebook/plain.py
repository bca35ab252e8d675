"""Text and numbers as people read them, free of what a terminal or a page would act on."""

from __future__ import annotations

import re
from typing import Final

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_JUST_MS_S: Final = 0.0995  #: below this a duration is told in milliseconds
_KILO: Final = 1000
_UNITS: Final = ("kB", "MB", "GB", "TB")
_TWO_DIGITS: Final = 9.95  #: from here on two digits stand before the point

#: Terminal sequences (CSI, OSC with its text, others), control characters, and marks that turn the writing direction.
_UNSAFE: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[@-_]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def clean(text: str, most: int | None = None) -> str:
    """Make text from users safe to send and to show: valid Unicode, no control sequences, at most `most` characters."""
    safe = _UNSAFE.sub("", text.replace("\r\n", "\n")).encode("utf-8", "replace").decode("utf-8")
    if most is None or len(safe) <= most:
        return safe
    return f"{safe[:most]}… ({len(safe) - most:,} characters more)"


def one_line(text: str, most: int) -> str:
    """Make text a single line of at most `most` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def duration(seconds: float) -> str:
    """Tell a duration: "12 ms", "3.2 s", "4:07", "1:02:09"."""
    seconds = max(0.0, seconds)
    if seconds < _JUST_MS_S:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE_S - 0.05:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}:{whole % _MINUTE_S:02}"
    return f"{whole // _HOUR_S}:{whole // _MINUTE_S % _MINUTE_S:02}:{whole % _MINUTE_S:02}"


def size(count: int) -> str:
    """Tell a number of bytes: "812 B", "3.4 kB", "12 MB"."""
    if count < _KILO:
        return f"{count} B"
    value = float(count)
    units = iter(_UNITS)
    unit = "B"
    while value >= _KILO - 0.5 and (larger := next(units, None)) is not None:
        value, unit = value / _KILO, larger
    return f"{value:.1f} {unit}" if value < _TWO_DIGITS else f"{value:.0f} {unit}"
