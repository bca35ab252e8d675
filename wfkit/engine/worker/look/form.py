"""Form: what is shown of a value, as plain data that any wire carries, and how much of it there may be."""

from __future__ import annotations

import json
from typing import Final, NamedTuple, TypeAlias

from wfkit.authoring.secrets import redacted, redacted_start
from wfkit.core.redaction import HIDDEN, is_secret_name
from wfkit.engine.worker.preview import preview
from wfkit.engine.worker.scalars import scalar_words

#: The fields of a look, as the browser gets them, and its picture.
MOST_BYTES: Final = 64_000
#: One cell of a table, one leaf of a tree.
_CELL_CHARACTERS: Final = 80
_CELL_BYTES: Final = 80
_NAME_CHARACTERS: Final = 60

#: What JSON can say.
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
Fields = dict[str, Plain]


class Look(NamedTuple):
    """What is shown of one value.

    Attributes
    ----------
    kind : str
        "text", "bytes", "tree", "table", "array", "image", "html", or "none": nothing can be shown, for a reason.
    fields : dict
        What the kind needs, and "type", the name of the value's type.
    image : bytes
        The picture, of kind "image".
    """

    kind: str
    fields: Fields
    image: bytes = b""


def nothing(reason: str) -> Look:
    """Nothing can be shown; the reason is a clause, for the reader: "timeout: …"."""
    return Look("none", {"reason": reason})


def fitting(look: Look) -> Look:
    """The look, unless it is too large to be sent."""
    size = max(len(json.dumps(look.fields, ensure_ascii=False).encode("utf-8", "replace")), len(look.image))
    return look if size <= MOST_BYTES else nothing(f"too large: it would take {size:,} bytes to show")


def hidden(fields: Plain) -> Plain:
    """The same with all secrets that this process knows taken out of its texts."""
    if isinstance(fields, str):
        return redacted(fields)
    if isinstance(fields, list):
        return [hidden(each) for each in fields]
    return {name: hidden(each) for name, each in fields.items()} if isinstance(fields, dict) else fields


def type_name(value: object) -> str:
    """The name of a value's type with its module: "pandas.DataFrame", "dict", "Model"."""
    package, name = package_of(value), type(value).__qualname__.rpartition(".")[2]
    return (name if package in {"builtins", "__main__", ""} else f"{package}.{name}")[:_NAME_CHARACTERS]


def package_of(value: object) -> str:
    """The package that a value's type comes from."""
    return str(type(value).__module__).partition(".")[0]  # a class may set it to anything


def cell(value: object, name: str = "") -> str:
    """One value in a few words, without calling its own code; nothing of it where its name says that it is secret."""
    if name and is_secret_name(name):
        return HIDDEN
    text = _words(value)
    if len(text) <= _CELL_CHARACTERS and len(text.encode("utf-8", "replace")) <= _CELL_BYTES:
        return text
    return f"{cut(text[:_CELL_CHARACTERS], _CELL_BYTES)}…"


def _words(value: object) -> str:
    if type(value) is str:
        return redacted_start(value, _CELL_CHARACTERS + 1)
    if type(value) is float:
        return f"{value:.6g}"
    words = scalar_words(value, _words)
    return preview(value) if words is None else words


def label(value: object) -> str:
    """The name of a column or the key of an item, in a few words."""
    text = value if type(value) is str else preview(value)
    start = redacted_start(text, _NAME_CHARACTERS)
    return start if len(text) <= _NAME_CHARACTERS else f"{start}…"


def cut(text: str, most_bytes: int) -> str:
    """The start of a text that takes no more bytes than this."""
    data = text[:most_bytes].encode("utf-8", "replace")
    return data[:most_bytes].decode("utf-8", "ignore")
