"""The wire: the only codec of events, to lists that msgpack can pack and to JSON.

An event is `[tag, seq, at_s, cause, field, field, …]`, its fields in the order of the class. Nested facts (`GroupSpec`,
`Edge`, `ErrorInfo`, `LogLine`) are lists of their fields, tuples are lists, enums their text. In JSON, bytes are
`{"base64": "…"}`. Lone surrogates, which neither msgpack nor a database takes, travel as backslash escapes.

Both directions are hot (two events a task), so what can be found out about a class is found out once, at import.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from operator import attrgetter
from types import NoneType
from typing import Final, cast

from wfkit.core.events import (
    AnyEvent,
    Argument,
    BodyEnded,
    BodyLogged,
    BoundHandle,
    CodesAdded,
    CodeSpec,
    Edge,
    ErrorInfo,
    GroupSpec,
    How,
    Input,
    LogLine,
    LogLines,
    NodeCrashed,
    NodeFinished,
    NodeResumed,
    NodeRetrying,
    NodesAdded,
    NodesDecided,
    NodeStarted,
    NodeStopping,
    NodeWaiting,
    RunFinished,
    RunStarted,
    RunStateChanged,
    Verdict,
    WorkersSilent,
)
from wfkit.core.states import RUN_ENDS, TASK_ENDS, FailureKind, RunState, TaskState

#: What an encoded event is made of.
Packable = None | bool | int | float | str | bytes | list["Packable"]

#: An event as `encode` makes it, or as it came over the wire.
Encoded = Sequence[Packable]

_LIST: Final = (list, tuple)  #: Dask reads msgpack's lists as tuples

_Convert = Callable[[object], object]
_Fill = Callable[[object, object], None]


class _Malformed(ValueError):
    """A list that is not the event it says it is; the text becomes the end of a message."""


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field travels."""

    types: tuple[type, ...]  #: exact types of the encoded value
    encode: _Convert | None = None  #: None = travels as it is
    decode: _Convert | None = None
    natural: bool = False  #: a number that is never below zero


class _Shape:
    """How one class travels: its fields in order, and the signatures of lists that were found good."""

    def __init__(self, cls: type, **how: _Field) -> None:
        self.names = tuple(field.name for field in fields(cls))
        self.cls = cls
        #: The slots themselves: filling them takes half the time of a frozen class's `__init__`, which does the same.
        self.slots: tuple[_Fill, ...] = tuple(getattr(cls, name).__set__ for name in self.names)
        self.how = tuple(how[name] for name in self.names)
        self.read = cast(Callable[[object], tuple[object, ...]], attrgetter(*self.names))
        self.at_seq = self.names.index("seq") if "seq" in self.names else -1
        self.encoders = tuple((at, one.encode) for at, one in enumerate(self.how) if one.encode is not None)
        self.decoders = tuple((at, one.decode) for at, one in enumerate(self.how) if one.decode is not None)
        defaults = [field.default for field in fields(cls)]
        #: From here on fields have defaults, which a record that was written before they were there has not.
        self.least = max((at for at, one in enumerate(defaults, 1) if one is MISSING), default=0)
        self.defaults = defaults
        self.naturals = tuple(at for at, one in enumerate(self.how) if one.natural)
        #: Types of whole lists: checked field by field once, then known. As many as there are optional fields to mix.
        self.good: set[tuple[type, ...]] = set()

    def encode(self, thing: object) -> list[object]:
        values = list(self.read(thing))
        for at, convert in self.encoders:
            value = values[at]
            if value is not None:
                values[at] = convert(value)
        return values

    def decode(self, values: list[object]) -> object:
        """Make the object; changes `values`."""
        signature = tuple(map(type, values))
        if signature not in self.good:
            if len(values) >= self.least:
                values += self.defaults[len(values) :]
            self.check(tuple(map(type, values)))
        for at in self.naturals:
            value = values[at]
            if value is not None and value < 0:  # type: ignore[operator]  # the signature says it is an int
                raise _Malformed(f"{self.names[at]} is below zero")
        for at, convert in self.decoders:
            value = values[at]
            if value is not None:
                values[at] = convert(value)
        return self.make(values)

    def make(self, values: Sequence[object]) -> object:
        """Make the object of good values."""
        thing: object = object.__new__(self.cls)
        for fill, value in zip(self.slots, values, strict=True):
            fill(thing, value)
        return thing

    def check(self, signature: tuple[type, ...]) -> None:
        """Refuse a list of a wrong length or with a value of a wrong type; remember a good one."""
        if len(signature) != len(self.names):
            raise _Malformed(f"it has {len(signature)} fields where {len(self.names)} belong")
        for name, found, one in zip(self.names, signature, self.how, strict=True):
            if found not in one.types:
                wanted = " or ".join(kind.__name__ for kind in one.types)
                raise _Malformed(f"{name} is {found.__name__}, not {wanted}")
        self.good.add(signature)


def _clean(text: object) -> object:
    """Escape lone surrogates; all other text stays as it is. A text of a class of its own becomes plain."""
    if type(text) is not str:
        text = str.__str__(text)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _value(member: object) -> object:
    return member._value_  # type: ignore[attr-defined]  # `.value` is a descriptor in Python code and twice as slow


def _choice(allowed: Sequence[str]) -> _Convert:
    members: Mapping[object, object] = {str(member): member for member in allowed}

    def choose(text: object) -> object:
        try:
            return members[text]
        except KeyError:
            raise _Malformed(f"{text!r} is none of {', '.join(sorted(map(str, members)))}") from None

    return choose


def _enum(*allowed: str, optional: bool = False) -> _Field:
    return _Field(types=(str, NoneType) if optional else (str,), encode=_value, decode=_choice(allowed))


def _nested(shape: _Shape, *, optional: bool = False) -> _Field:
    def decode(value: object) -> object:
        return shape.decode(list(cast(list[object], value)))

    return _Field(types=(*_LIST, NoneType) if optional else _LIST, encode=shape.encode, decode=decode)


def _many(item: _Field) -> _Field:
    encode_item, decode_item = item.encode, item.decode

    def encode(value: object) -> object:
        items = cast(tuple[object, ...], value)
        return [encode_item(one) for one in items] if encode_item else list(items)

    def decode(value: object) -> object:
        items = cast(list[object], value)
        for one in items:
            if type(one) not in item.types:
                raise _Malformed(f"a list holds {type(one).__name__}, not {item.types[0].__name__}")
        return tuple(decode_item(one) for one in items) if decode_item else tuple(items)

    return _Field(types=_LIST, encode=encode, decode=decode)


def _pair(first: type, second: type, wrong: str, *, natural: bool = False, encode: _Convert | None = None) -> _Field:
    def decode(value: object) -> object:
        pair = cast(list[int], value)
        if [type(one) for one in pair] != [first, second] or (natural and min(pair) < 0):
            raise _Malformed(wrong)
        return tuple(pair)

    return _Field(types=_LIST, encode=encode or list, decode=decode)  # type: ignore[arg-type]  # it is only given pairs


def _clean_pair(value: object) -> object:
    return [_clean(one) for one in cast(tuple[str, str], value)]


def _whole_numbers(value: object) -> object:
    numbers = cast(list[object], value)
    if any(type(one) is not int for one in numbers):
        raise _Malformed("a list of whole numbers holds something else")
    return tuple(numbers)


_TEXT: Final = _Field(types=(str,), encode=_clean)
_MAYBE_TEXT: Final = _Field(types=(str, NoneType), encode=_clean)
_ID: Final = _Field(types=(str,))
_MAYBE_ID: Final = _Field(types=(str, NoneType))
_NATURAL: Final = _Field(types=(int,), natural=True)
_NUMBERS: Final = _Field(types=_LIST, encode=list, decode=_whole_numbers)  # type: ignore[arg-type]  # given tuples only
_INT: Final = _Field(types=(int,))
_MAYBE_NATURAL: Final = _Field(types=(int, NoneType), natural=True)
_FLOAT: Final = _Field(types=(float, int))  #: JavaScript writes 1.0 as 1
_FLAG: Final = _Field(types=(bool,))
_MAYBE_BYTES: Final = _Field(types=(bytes, NoneType))
_PREVIEWED: Final = _pair(str, str, "a parameter is not a name and a preview", encode=_clean_pair)
_PART: Final = _pair(int, int, "a part is not two numbers from zero up", natural=True)
_LOOK: Final = _pair(str, int, "a look is not a group and an element")

_EDGE: Final = _Shape(Edge, group=_ID, how=_enum(*How), index=_NATURAL, at=_MAYBE_NATURAL, items=_NUMBERS)
_INPUT: Final = _Shape(Input, name=_TEXT, tokens=_Field(types=(bytes,)))
_ARGUMENT: Final = _Shape(Argument, name=_TEXT, preview=_TEXT, uses=_NATURAL)
_CODE: Final = _Shape(
    CodeSpec, id=_ID, task=_TEXT, fingerprint=_TEXT, unknown=_TEXT, parts=_many(_PREVIEWED), source=_TEXT
)
_VERDICT: Final = _Shape(Verdict, nodes=_NUMBERS, reused=_FLAG, reason=_TEXT, stale=_TEXT)
_BOUND: Final = _Shape(
    BoundHandle,
    name=_TEXT,
    group=_ID,
    index=_MAYBE_NATURAL,
    item=_MAYBE_NATURAL,
    mapped=_FLAG,
    n_outputs=_MAYBE_NATURAL,
)
_SPEC: Final = _Shape(
    GroupSpec,
    id=_ID,
    order=_NATURAL,
    name=_TEXT,
    task=_TEXT,
    kind=_TEXT,
    mapped=_FLAG,
    length=_MAYBE_NATURAL,
    parent=_MAYBE_ID,
    edges=_many(_nested(_EDGE)),
    labels=_many(_TEXT),
    parts=_many(_PART),
    code=_ID,
    inputs=_many(_nested(_INPUT)),
    uses=_many(_nested(_EDGE)),
    spelled=_many(_nested(_EDGE)),
    looks=_many(_LOOK),
    arguments=_many(_nested(_ARGUMENT)),
)
_ERROR: Final = _Shape(ErrorInfo, type_name=_TEXT, message=_TEXT, traceback=_TEXT, pickled=_MAYBE_BYTES)
_LINE: Final = _Shape(LogLine, at_s=_FLOAT, level=_INT, source=_TEXT, text=_TEXT)


def _event(cls: type, **how: _Field) -> _Shape:
    return _Shape(cls, seq=_NATURAL, at_s=_FLOAT, cause=_TEXT, **how)


def _attempt_event(cls: type, **how: _Field) -> _Shape:
    return _event(cls, group=_ID, index=_NATURAL, attempt=_NATURAL, **how)


_SHAPES: Final[Mapping[str, _Shape]] = {
    RunStarted.tag: _event(RunStarted, run_id=_ID, flow_name=_TEXT, parent_id=_MAYBE_ID, parameters=_many(_PREVIEWED)),
    CodesAdded.tag: _event(CodesAdded, codes=_many(_nested(_CODE))),
    NodesAdded.tag: _event(NodesAdded, groups=_many(_nested(_SPEC))),
    NodesDecided.tag: _event(NodesDecided, group=_ID, verdicts=_many(_nested(_VERDICT))),
    NodeStarted.tag: _attempt_event(NodeStarted, worker=_TEXT),
    NodeRetrying.tag: _attempt_event(NodeRetrying, delay_s=_FLOAT, error=_nested(_ERROR, optional=True)),
    NodeWaiting.tag: _attempt_event(NodeWaiting, children=_many(_ID), handles=_many(_nested(_BOUND)), is_list=_FLAG),
    NodeResumed.tag: _attempt_event(NodeResumed),
    NodeStopping.tag: _attempt_event(NodeStopping, worker=_TEXT),
    NodeFinished.tag: _attempt_event(
        NodeFinished,
        state=_enum(*(TASK_ENDS - {TaskState.CRASHED})),
        kind=_enum(*FailureKind, optional=True),
        reason=_TEXT,
        error=_nested(_ERROR, optional=True),
        worker=_TEXT,
        wall_s=_FLOAT,
        result_bytes=_NATURAL,
        length=_MAYBE_NATURAL,
        preview=_TEXT,
        inline=_MAYBE_BYTES,
        stored=_ID,
        made_by=_ID,
        memory_bytes=_NATURAL,
    ),
    NodeCrashed.tag: _attempt_event(NodeCrashed, kind=_enum(*FailureKind), reason=_TEXT, worker=_TEXT),
    WorkersSilent.tag: _event(WorkersSilent, workers=_many(_TEXT)),
    LogLines.tag: _attempt_event(LogLines, part=_NATURAL, lines=_many(_nested(_LINE))),
    BodyLogged.tag: _event(BodyLogged, lines=_many(_nested(_LINE))),
    BodyEnded.tag: _event(BodyEnded, handles=_many(_nested(_BOUND)), value=_MAYBE_BYTES, cut_short=_FLAG),
    RunStateChanged.tag: _event(RunStateChanged, state=_enum(*(set(RunState) - RUN_ENDS)), reason=_TEXT),
    RunFinished.tag: _event(RunFinished, state=_enum(*RUN_ENDS), reason=_TEXT),
}


def number(event: AnyEvent, seq: int) -> AnyEvent:
    """Give the event its number, in place: until then it is its maker's alone, and a copy takes ten times as long."""
    shape = _SHAPES[event.tag]
    shape.slots[shape.at_seq](event, seq)
    return event


def seq_of(encoded: Encoded) -> int:
    """The number of an event."""
    return cast("int", encoded[1])


def with_seq(encoded: Encoded, seq: int) -> Encoded:
    """The event as the one of that number. A tuple: collections of garbage pass over tuples of plain values."""
    return (encoded[0], seq, *encoded[2:])


def encode(event: AnyEvent) -> list[Packable]:
    """Turn an event into a list of plain values that starts with its tag."""
    tag = event.tag
    return [tag, *_SHAPES[tag].encode(event)]  # type: ignore[list-item]  # the fields' encoders see to it


def decode(values: Sequence[object]) -> AnyEvent:
    """Turn a list made by `encode` back into the event.

    Parameters
    ----------
    values : sequence
        As it came out of msgpack or JSON.

    Raises
    ------
    ValueError : the tag is unknown, or the list is not an event of that tag; names the tag
    """
    tag = values[0] if values else None
    shape = _SHAPES.get(tag) if type(tag) is str else None
    if shape is None:
        raise ValueError(f"no event has the tag {tag!r}")
    rest = list(values)
    del rest[0]
    try:
        return cast(AnyEvent, shape.decode(rest))
    except _Malformed as error:
        raise ValueError(f"malformed {tag!r} event: {error}") from error


def to_json(event: AnyEvent) -> str:
    """Write an event as one line of JSON."""
    return json.dumps(encode(event), default=_bytes_to_json, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> AnyEvent:
    """Read an event that `to_json` wrote.

    Raises
    ------
    ValueError : not JSON, or not an event
    """
    values: object = json.loads(text, object_hook=_bytes_from_json)
    if not isinstance(values, list):
        raise ValueError(f"an event is a JSON list, not {type(values).__name__}")  # noqa: TRY004  # the text is at fault
    return decode(values)


def _bytes_to_json(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} has no place in an event")
    return {"base64": base64.b64encode(value).decode("ascii")}


def _bytes_from_json(found: Mapping[str, object]) -> bytes:
    text = found.get("base64")
    if len(found) != 1 or not isinstance(text, str):
        raise ValueError('an event holds no JSON objects but {"base64": "…"}')
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"bytes are not in base64: {error}") from error
