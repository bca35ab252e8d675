"""Texts: long ones are shown by their head and tail, bytes by their first lines in hexadecimal."""

from __future__ import annotations

from typing import Final

from wfkit.authoring.secrets import redacted_end, redacted_start
from wfkit.engine.worker.look.form import Look, cut, type_name
from wfkit.engine.worker.preview import bytes_start

_HEAD_BYTES: Final = 24_000
_TAIL_BYTES: Final = 8_000
_SHOWN_BYTES: Final = 512
#: Of text that is too long to be counted in a moment the lines are not told.
_COUNTED_CHARACTERS: Final = 50_000_000


def text_look(text: str, kind: str = "str") -> Look:
    """A text, or its head and its tail.

    Parameters
    ----------
    text : str
    kind : str
        The name of the type whose value it is, or stands for.
    """
    length = len(text)
    if length <= _HEAD_BYTES + _TAIL_BYTES:
        whole = redacted_start(text, length)
        if len(whole.encode("utf-8", "replace")) <= _HEAD_BYTES + _TAIL_BYTES:
            return Look("text", {"type": kind, "head": whole, "tail": "", "left_out": 0, "length": length})
    head = cut(redacted_start(text, _HEAD_BYTES), _HEAD_BYTES)
    tail = cut(redacted_end(text, _TAIL_BYTES)[::-1], _TAIL_BYTES)[::-1]
    left_out = max(0, length - len(head) - len(tail))
    lines = text.count("\n") + 1 if length <= _COUNTED_CHARACTERS else 0
    return Look(
        "text",
        {"type": kind, "head": head, "tail": tail, "left_out": left_out, "length": length, "lines": lines},
    )


def bytes_look(data: bytes | bytearray | memoryview) -> Look:
    """The first bytes in hexadecimal, beside the text that they may be."""
    start = bytes_start(data, _SHOWN_BYTES)
    return Look("bytes", {"type": type_name(data), "length": len(data), "start": start.hex()})
