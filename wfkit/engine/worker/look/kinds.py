"""Kinds: what is shown of values of the types that are known, without calling any code of a user."""

from __future__ import annotations

from typing import Final

from wfkit.engine.worker.look.arrays import array_look
from wfkit.engine.worker.look.form import Look
from wfkit.engine.worker.look.images import image_look
from wfkit.engine.worker.look.tables import table_look
from wfkit.engine.worker.look.texts import bytes_look, text_look
from wfkit.engine.worker.look.trees import scalar_look, tree_look

_BYTES: Final = frozenset({bytes, bytearray, memoryview})


def known_look(value: object) -> Look | None:
    """What is shown of a value; None where only its own code can tell.

    Raises
    ------
    Exception : another thread changes the value meanwhile
    """
    if type(value) is str:
        return text_look(value)
    if type(value) in _BYTES:
        return bytes_look(value)  # type: ignore[arg-type]  # one of these, exactly
    return tree_look(value) or scalar_look(value) or table_look(value) or array_look(value) or image_look(value)
