"""What a browser may ask: messages are checked here, before anything is done about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wfkit.notebook.acts import Act, read_act
from wfkit.notebook.checks import BadMessage, group_of, is_index, is_int, request_of
from wfkit.notebook.feed import VERSION
from wfkit.notebook.plain import one_line

_MOST_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class Hello:
    """A browser that shows the view asks for its content."""

    have: int | None  #: version of the view that it knows already
    run: str | None = None  #: and the run that it is of


@dataclass(frozen=True, slots=True)
class AskDetail:
    """Somebody looks at one node."""

    request: str
    group: str  #: a card or a group
    index: int


@dataclass(frozen=True, slots=True)
class AskRows:
    """Somebody looks at a list of nodes."""

    request: str
    group: str  #: a card or a group
    indexes: tuple[int, ...]


#: What is answered from what is known of the run.
Question = AskDetail | AskRows


def read(content: object) -> Hello | Question | Act:
    """Check a message and take it apart.

    Raises
    ------
    BadMessage : it is not of the form that version 1 knows
    """
    if not isinstance(content, Mapping):
        raise BadMessage("A message must be an object.")
    if not is_int(content.get("v")) or content["v"] != VERSION:
        raise BadMessage(
            f"This kernel speaks version {VERSION} of the view's protocol. Reload the page and restart the kernel."
        )
    match content.get("op"):
        case "hello":
            have = content.get("have")
            if have is not None and not is_int(have):
                raise BadMessage("`have` must be a number or null.")
            run = content.get("run")
            return Hello(have, run if isinstance(run, str) else None)
        case "detail":
            index = content.get("index")
            if not is_index(index):
                raise BadMessage("A detail needs the index of an element.")
            return AskDetail(request_of(content), group_of(content), index)
        case "rows":
            indexes = content.get("indexes")
            if not isinstance(indexes, list) or len(indexes) > _MOST_ROWS or not all(map(is_index, indexes)):
                raise BadMessage("Rows need the indexes of elements.")
            return AskRows(request_of(content), group_of(content), tuple(indexes))
        case "command" | "plan" | "rerun" | "show" as op:
            return read_act(op, content)
        case op:
            raise BadMessage(f"There is no message {one_line(repr(op), 40)}.")
