"""What a browser may ask: messages are checked here, before anything is done about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wfkit import __version__
from wfkit.notebook.feed import VERSION
from wfkit.notebook.orders import ORDERS
from wfkit.notebook.plain import one_line

if TYPE_CHECKING:
    from typing_extensions import TypeIs

_LONGEST_ID: Final = 200
_LONGEST_GROUP: Final = 10_000  #: names of spawned groups grow with their depth
_MOST_ROWS: Final = 500


class BadMessage(ValueError):
    """A message that this version does not understand; its text is for the reader of the view."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A browser that shows the view asks for its content."""

    have: int | None  #: version of the view that it knows already


@dataclass(frozen=True, slots=True)
class Watch:
    """A browser shows when and where nodes ran; it says so again every few seconds."""

    have: int | None  #: number of the last message about it that the browser has


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


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody pressed a button."""

    request: str
    name: str


#: What is answered from what is known of the run.
Question = AskDetail | AskRows


def read(content: object) -> Hello | Watch | Question | Command:
    """Check a message and take it apart.

    Raises
    ------
    BadMessage : it is not of the form that version 1 knows
    """
    if not isinstance(content, Mapping):
        raise BadMessage("A message must be an object.")
    if not _is_int(content.get("v")) or content["v"] != VERSION:
        raise BadMessage(
            f"The page's view is not that of wfkit {__version__}, which the kernel has: restart the kernel, "
            "then reload the page."
        )
    match content.get("op"):
        case "hello":
            return Hello(_have(content))
        case "watch":
            return Watch(_have(content))
        case "detail":
            index = content.get("index")
            if not _is_index(index):
                raise BadMessage("A detail needs the index of an element.")
            return AskDetail(_request(content), _group(content), index)
        case "rows":
            indexes = content.get("indexes")
            if not isinstance(indexes, list) or len(indexes) > _MOST_ROWS or not all(map(_is_index, indexes)):
                raise BadMessage("Rows need the indexes of elements.")
            return AskRows(_request(content), _group(content), tuple(indexes))
        case "command":
            name = content.get("name")
            if not isinstance(name, str) or name not in ORDERS:
                raise BadMessage("There is no such command.")
            return Command(_request(content), name)
        case op:
            raise BadMessage(f"There is no message {one_line(repr(op), 40)}.")


def _have(content: Mapping[str, object]) -> int | None:
    have = content.get("have")
    if have is not None and not _is_int(have):
        raise BadMessage("`have` must be a number or null.")
    return have


def _request(content: Mapping[str, object]) -> str:
    request = content.get("request")
    if not isinstance(request, str) or not request or len(request) > _LONGEST_ID:
        raise BadMessage("A request needs an id.")
    return request


def _group(content: Mapping[str, object]) -> str:
    group = content.get("group")
    if not isinstance(group, str) or not 0 < len(group) <= _LONGEST_GROUP:
        raise BadMessage("A question needs the id of a group.")
    return group


def _is_index(value: object) -> TypeIs[int]:
    return _is_int(value) and value >= 0


def _is_int(value: object) -> TypeIs[int]:
    return isinstance(value, int) and not isinstance(value, bool)
