"""What a browser may ask: messages are checked here, before anything is done about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wfkit.notebook.feed import VERSION
from wfkit.notebook.orders import ORDERS
from wfkit.notebook.plain import one_line

if TYPE_CHECKING:
    from typing_extensions import TypeIs

_LONGEST_ID: Final = 200
_LONGEST_GROUP: Final = 10_000  #: names of spawned groups grow with their depth
_LONGEST_TEXT: Final = 1_000  #: that is looked for
_MOST_ROWS: Final = 500
_FARTHEST: Final = 2**53  #: place in a list; more is no number of JavaScript


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
class AskGroup:
    """Somebody looks at all nodes of a call together."""

    request: str
    group: str  #: a card or a group


@dataclass(frozen=True, slots=True)
class AskSource:
    """Somebody looks at the code of a task."""

    request: str
    group: str  #: a card or a group
    index: int | None  #: the node whose value it made; None: what the call has


@dataclass(frozen=True, slots=True)
class AskRows:
    """Somebody looks at a list of nodes."""

    request: str
    group: str  #: a card or a group
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskFind:
    """Somebody looks for nodes by a text."""

    request: str
    text: str


@dataclass(frozen=True, slots=True)
class AskLogs:
    """Somebody reads the log of the run: some of the lines that are looked for, in order of time."""

    request: str
    group: str | None  #: a card or a group; "" = the body of the flow; None = all
    index: int | None  #: None = all its nodes
    level: int  #: the least
    text: str  #: that the lines contain, however it is capitalised
    start: int | None  #: place of the first one; None = so that the last one is among them
    line: int | None  #: place 0 is that of this line, where it is given
    limit: int


@dataclass(frozen=True, slots=True)
class AskPreview:
    """Somebody wants to see the value of one node."""

    request: str
    group: str  #: a card or a group
    index: int


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody pressed a button."""

    request: str
    name: str


#: What is answered from what is known of the run.
Question = AskDetail | AskGroup | AskSource | AskRows | AskFind | AskLogs


def read(content: object) -> Hello | Watch | Question | AskPreview | Command:
    """Check a message and take it apart.

    Raises
    ------
    BadMessage : it is not of the form that version 1 knows
    """
    content = _of_this_version(content)
    match content.get("op"):
        case "hello":
            return Hello(_have(content))
        case "watch":
            return Watch(_have(content))
        case "preview":
            return AskPreview(_request(content), _group(content), _index(content))
        case "command":
            name = content.get("name")
            if not isinstance(name, str) or name not in ORDERS:
                raise BadMessage("There is no such command.")
            return Command(_request(content), name)
        case _:
            return _question(content)


def _question(content: Mapping[str, object]) -> Question:
    match content.get("op"):
        case "detail":
            return AskDetail(_request(content), _group(content), _index(content))
        case "group":
            return AskGroup(_request(content), _group(content))
        case "source":
            index = content.get("index")
            if index is not None and not _is_index(index):
                raise BadMessage("`index` must be that of an element, or null.")
            return AskSource(_request(content), _group(content), index)
        case "rows":
            indexes = content.get("indexes")
            if not isinstance(indexes, list) or len(indexes) > _MOST_ROWS or not all(map(_is_index, indexes)):
                raise BadMessage("Rows need the indexes of elements.")
            return AskRows(_request(content), _group(content), tuple(indexes))
        case "find":
            return AskFind(_request(content), _text(content))
        case "logs":
            return _logs(content)
        case op:
            raise BadMessage(f"There is no message {one_line(repr(op), 40)}.")


def _have(content: Mapping[str, object]) -> int | None:
    have = content.get("have")
    if have is not None and not _is_int(have):
        raise BadMessage("`have` must be a number or null.")
    return have


def _of_this_version(content: object) -> Mapping[str, object]:
    if not isinstance(content, Mapping):
        raise BadMessage("A message must be an object.")
    if not _is_int(content.get("v")) or content["v"] != VERSION:
        raise BadMessage(
            f"This kernel speaks version {VERSION} of the view's protocol. Reload the page and restart the kernel."
        )
    return content


def _logs(content: Mapping[str, object]) -> AskLogs:
    group = content.get("group")
    index, start, line = (content.get(name) for name in ("index", "start", "line"))
    level, limit = content.get("level"), content.get("limit")
    if group is not None and not (isinstance(group, str) and len(group) <= _LONGEST_GROUP):
        raise BadMessage("Logs are those of a group, or of all.")
    if index is not None and not _is_index(index):
        raise BadMessage("The index of an element must be a number.")
    if not (start is None or (_is_int(start) and abs(start) <= _FARTHEST)) or not (line is None or _is_index(line)):
        raise BadMessage("The place of a line must be a number.")
    if not _is_int(level) or not _is_index(limit) or limit > _MOST_ROWS:
        raise BadMessage("Level and number of lines must be numbers.")
    return AskLogs(_request(content), group, index, level, _text(content), start, line, limit)


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


def _index(content: Mapping[str, object]) -> int:
    index = content.get("index")
    if not _is_index(index):
        raise BadMessage("A question needs the index of an element.")
    return index


def _text(content: Mapping[str, object]) -> str:
    text = content.get("text")
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise BadMessage("What is looked for must be a short text.")
    return text


def _is_index(value: object) -> TypeIs[int]:
    return _is_int(value) and value >= 0


def _is_int(value: object) -> TypeIs[int]:
    return isinstance(value, int) and not isinstance(value, bool)
