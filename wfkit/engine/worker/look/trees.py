"""Trees: collections and records as a tree that folds, made without calling any code of the values."""

from __future__ import annotations

import enum
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from types import MappingProxyType, MemberDescriptorType, SimpleNamespace
from typing import Any, Final

from wfkit.core.redaction import HIDDEN, is_secret_name
from wfkit.engine.worker.look.form import Fields, Look, Plain, cell, label, type_name

_LEVELS: Final = 6
_FIRST_ITEMS: Final = 100
_ITEMS: Final = 25
_NODES: Final = 400
_BYTES: Final = 40_000

_MAPPINGS: Final = frozenset({dict, defaultdict, OrderedDict, MappingProxyType})
_SEQUENCES: Final = frozenset({list, tuple, deque, set, frozenset})
# `isinstance` would ask the value for its `__class__`, which may be code.

#: A key or name, and the value below it.
_Items = Iterable[tuple[str, object]]


def tree_look(value: object) -> Look | None:
    """A collection or record as a tree; None for anything else."""
    if _items_of(value) is None:
        return None
    left = _Left()
    root = _node("", value, _LEVELS, _FIRST_ITEMS, left)
    return Look("tree", {"type": type_name(value), "root": root})


class _Left:
    """How much may still be shown."""

    def __init__(self) -> None:
        self.nodes = _NODES
        self.bytes = _BYTES

    def take(self, node: Fields) -> None:
        self.nodes -= 1
        self.bytes -= 40 + sum(len(text.encode("utf-8", "replace")) for text in node.values() if isinstance(text, str))

    def __bool__(self) -> bool:
        return self.nodes > 0 and self.bytes > 0


def _node(name: str, value: object, levels: int, most: int, left: _Left) -> Fields:
    """One value of a tree: `key`, `type`, and either `text`, or `length` and as many `items` as fit."""
    node: Fields = {"key": name, "type": type_name(value)}
    found = None if name and is_secret_name(name) else _items_of(value)
    if found is None:
        node["text"] = HIDDEN if name and is_secret_name(name) else cell(value)
        left.take(node)
        return node
    length, items = found
    left.take(node)
    shown: list[Plain] = []
    if levels:
        for key, item in islice(items, most):
            if not left:
                break
            shown.append(_node(key, item, levels - 1, _ITEMS, left))
    node |= {"length": length, "items": shown}
    return node


def _items_of(value: object) -> tuple[int, _Items] | None:
    """How many items a value has, and these; None for what is shown as a whole."""
    kind = type(value)
    held: Any = value
    if kind in _MAPPINGS:
        return len(held), ((label(key), item) for key, item in held.items())
    if kind in _SEQUENCES:
        return len(held), ((str(number), item) for number, item in enumerate(held))
    if issubclass(kind, tuple) and type(fields := kind.__dict__.get("_fields")) is tuple:
        return len(fields), zip(map(str, fields), tuple.__iter__(held), strict=False)
    if kind is SimpleNamespace or "__dataclass_fields__" in kind.__dict__:
        return _record(value)
    return None


def _record(value: object) -> tuple[int, _Items]:
    """What a dataclass or namespace holds, wherever it keeps it: never by a property, which is code."""
    held: dict[str, object] = {}
    for owner in type(value).__mro__:
        for name, member in owner.__dict__.items():
            if type(member) is MemberDescriptorType and not name.startswith("__"):
                held |= dict(_slot(value, name, member.__get__))
    with suppress(AttributeError):  # all of it may be in slots
        held |= object.__getattribute__(value, "__dict__")
    return len(held), held.items()


def _slot(value: object, name: str, get: Callable[[object], object]) -> Iterator[tuple[str, object]]:
    try:
        yield name, get(value)
    except AttributeError:
        return  # nothing is in it


def scalar_look(value: object) -> Look | None:
    """A number, a date, a member of an enum: one line; None for anything else."""
    kind = type(value)
    member: Any = value
    if issubclass(kind, enum.Enum):
        text = f"{kind.__name__}.{member._name_}"
    elif kind.__module__ in {"builtins", "datetime", "decimal"} and not (shown := cell(value)).startswith("<"):
        text = shown
    else:
        return None
    return Look("text", {"type": type_name(value), "head": text, "tail": "", "left_out": 0, "length": len(text)})
