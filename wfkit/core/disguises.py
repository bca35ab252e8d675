"""Disguises: the forms in which a value may stand in a text: in base64, quoted for a URL, escaped in a string."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterator
from itertools import groupby
from typing import Final

#: Characters that nothing quotes or escapes.
_NEVER_CHANGED: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_URLSAFE: Final = str.maketrans("+/", "-_")
_NAMED: Final = {"\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
#: What begins an escape, however often it was escaped itself. Bounded: a search looks no further from each place.
_ESCAPE: Final = r"\\{1,8}"
_ASTRAL: Final = 0x10000


def encoded(value: str) -> bytes:
    """A value in UTF-8, half characters included."""
    return value.encode("utf-8", "surrogatepass")


def in_base64(value: str) -> tuple[str, ...]:
    """What each text in base64 contains that has a value in it, whatever stands around it there.

    A value may begin at each of three places within the three bytes of a group; characters that hold bits of its
    neighbours too are left out.
    """
    raw = encoded(value)
    forms: dict[str, None] = {}
    for before in range(3):
        text = b64encode(bytes(before) + raw).decode()
        inner = text[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        forms[inner] = forms[inner.translate(_URLSAFE)] = None
    return tuple(forms)


def escaped(value: str) -> str | None:
    """A regular expression for a value as it is and with any of its characters quoted, escaped, or neither.

    Returns
    -------
    str or None : None for a value whose characters never are
    """
    if _NEVER_CHANGED.fullmatch(value):
        return None
    runs = ((character, len(list(run))) for character, run in groupby(value))
    return "".join(_run(character, length) for character, length in runs)


def _run(character: str, length: int) -> str:
    if character == "\\":  # they are doubled by each escaping, so a run is one thing
        return rf"(?:\\{{{length},}}|(?i:(?:%(?:25)*5c|{_ESCAPE}(?:x|u00)5c){{{length}}}))"
    if _NEVER_CHANGED.fullmatch(character):
        return re.escape(character) * length
    return f"(?:{'|'.join(_forms(character))})" * length


def _forms(character: str) -> Iterator[str]:
    r"""One character: as it is, as `%2F`, `\'`, `\n`, `\xe9`, `\u00e9`, `&amp;`."""
    code = ord(character)
    yield rf"\\{{0,8}}{re.escape(character)}"
    yield "(?i:" + "".join(rf"%(?:25)*{byte:02x}" for byte in encoded(character)) + ")"
    yield "(?i:" + "".join(rf"{_ESCAPE}x{byte:02x}" for byte in encoded(character)) + ")"
    yield rf"(?i:{_ESCAPE}(?:x{code:02x}|u{code:04x}|U{code:08x}))"
    if code >= _ASTRAL:  # JSON writes two halves
        high, low = 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF)
        yield rf"(?i:{_ESCAPE}u{high:04x}{_ESCAPE}u{low:04x})"
    if character in _NAMED:
        yield _ESCAPE + _NAMED[character]
    if character == " ":
        yield r"\+"
    if (entity := html.escape(character)) != character:
        yield re.escape(entity)
        yield f"&#{code};"
