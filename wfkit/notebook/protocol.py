"""What a browser may ask: messages are checked here, before anything is done about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wfkit.notebook.acts import Act, read_act
from wfkit.notebook.checks import LONGEST_GROUP, BadMessage, group_of, is_index, is_int, request_of
from wfkit.notebook.feed import PACKAGE_VERSION, VERSION
from wfkit.notebook.plain import one_line

_LONGEST_TEXT: Final = 1_000  #: that is looked for
_MOST_ROWS: Final = 500
_FARTHEST: Final = 2**53  #: place in a list; more is no number of JavaScript


@dataclass(frozen=True, slots=True)
class Hello:
    """A browser that shows the view asks for its content."""

    have: int | None  #: version of the view that it knows already
    run: str | None = None  #: and the run that it is of


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
class AskStill:
    """An output shows the run, and was saved with an older picture of it."""

    request: str


#: What is answered from what is known of the run.
Question = AskDetail | AskGroup | AskSource | AskRows | AskFind | AskLogs


def read(content: object) -> Hello | Watch | Question | AskPreview | AskStill | Act:
    """Check a message and take it apart.

    Raises
    ------
    BadMessage : it is not of the form that version 1 knows
    """
    content = _of_this_version(content)
    match content.get("op"):
        case "hello":
            run = content.get("run")
            return Hello(_have(content), run if isinstance(run, str) else None)
        case "watch":
            return Watch(_have(content))
        case "preview":
            return AskPreview(request_of(content), group_of(content), _index(content))
        case "still":
            return AskStill(request_of(content))
        case "command" | "plan" | "rerun" | "show" as op:
            return read_act(op, content)
        case _:
            return _question(content)


def _question(content: Mapping[str, object]) -> Question:
    match content.get("op"):
        case "detail":
            return AskDetail(request_of(content), group_of(content), _index(content))
        case "group":
            return AskGroup(request_of(content), group_of(content))
        case "source":
            index = content.get("index")
            if index is not None and not is_index(index):
                raise BadMessage("`index` must be that of an element, or null.")
            return AskSource(request_of(content), group_of(content), index)
        case "rows":
            indexes = content.get("indexes")
            if not isinstance(indexes, list) or len(indexes) > _MOST_ROWS or not all(map(is_index, indexes)):
                raise BadMessage("Rows need the indexes of elements.")
            return AskRows(request_of(content), group_of(content), tuple(indexes))
        case "find":
            return AskFind(request_of(content), _text(content))
        case "logs":
            return _logs(content)
        case op:
            raise BadMessage(f"There is no message {one_line(repr(op), 40)}.")


def _have(content: Mapping[str, object]) -> int | None:
    have = content.get("have")
    if have is not None and not is_int(have):
        raise BadMessage("`have` must be a number or null.")
    return have


def _of_this_version(content: object) -> Mapping[str, object]:
    if not isinstance(content, Mapping):
        raise BadMessage("A message must be an object.")
    if not is_int(content.get("v")) or content["v"] != VERSION:
        raise BadMessage(
            f"The page's view is not that of wfkit {PACKAGE_VERSION}, which the kernel has: restart the kernel, "
            "then reload the page."
        )
    return content


def _logs(content: Mapping[str, object]) -> AskLogs:
    group = content.get("group")
    index, start, line = (content.get(name) for name in ("index", "start", "line"))
    level, limit = content.get("level"), content.get("limit")
    if group is not None and not (isinstance(group, str) and len(group) <= LONGEST_GROUP):
        raise BadMessage("Logs are those of a group, or of all.")
    if index is not None and not is_index(index):
        raise BadMessage("The index of an element must be a number.")
    if not (start is None or (is_int(start) and abs(start) <= _FARTHEST)) or not (line is None or is_index(line)):
        raise BadMessage("The place of a line must be a number.")
    if not is_int(level) or not is_index(limit) or limit > _MOST_ROWS:
        raise BadMessage("Level and number of lines must be numbers.")
    return AskLogs(request_of(content), group, index, level, _text(content), start, line, limit)


def _index(content: Mapping[str, object]) -> int:
    index = content.get("index")
    if not is_index(index):
        raise BadMessage("A question needs the index of an element.")
    return index


def _text(content: Mapping[str, object]) -> str:
    text = content.get("text")
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise BadMessage("What is looked for must be a short text.")
    return text
