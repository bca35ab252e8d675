"""Resolving: handles anywhere inside lists, tuples, sets, dicts and dataclasses are replaced by their values."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final, cast

from wfkit.authoring.handle import Handle
from wfkit.authoring.inputs import Missing, allow_failure, unmapped
from wfkit.core.states import TaskState

#: Gives what stands in the place of a handle or of a wrapper around one.
Swap = Callable[[object], object]
_CONTAINERS: Final = (list, tuple, dict, set, frozenset)
_PLAIN: Final = frozenset({int, float, bool, str, bytes, complex, type(None)})


def resolved(value: object) -> object:
    """Replace the handles in a value by their results, which waits for them.

    Where no handle is inside, the very same object comes back; else only the containers around handles are copied.
    """
    return replaced(value, _result)


def replaced(value: object, swap: Swap) -> object:
    """Replace what is a `Handle`, `allow_failure` or `unmapped` in a value by what `swap` gives for it."""
    return _walk(value, swap, set())


def holds_handle(value: object) -> bool:
    """Whether a handle is anywhere in a value.

    Asked of all that tasks return, so it looks at types, a level of nesting at a time, and into containers only.
    """
    level, seen = [value], set[int]()
    while kinds := set(map(type, level)) - _PLAIN:
        if any(issubclass(kind, Handle) for kind in kinds):
            return True
        level = list(chain.from_iterable([_contents(kind, level, seen) for kind in kinds]))
    return False


def _contents(kind: type, level: list[object], seen: set[int]) -> Iterable[object]:
    """What is directly in the containers of one type that were not looked into before; one may hold itself."""
    if not (issubclass(kind, _CONTAINERS) or dataclasses.is_dataclass(kind)):
        return ()
    inner = {id(item): item for item in level if type(item) is kind}
    fresh = list(inner.values()) if seen.isdisjoint(inner) else [inner[key] for key in inner.keys() - seen]
    seen.update(inner)
    if issubclass(kind, dict):
        return chain.from_iterable(map(dict.values, cast("list[dict[object, object]]", fresh)))
    if issubclass(kind, _CONTAINERS):
        return chain.from_iterable(cast("list[Iterable[object]]", fresh))
    names = [entry.name for entry in dataclasses.fields(kind)]
    return (getattr(item, name, None) for item in fresh for name in names)


def _result(item: object) -> object:
    if isinstance(item, Handle):
        return item.result()
    if isinstance(item, allow_failure):
        return replaced(item.value, _result_or_missing)
    return resolved(cast("unmapped[object]", item).value)


def _result_or_missing(item: object) -> object:
    if not isinstance(item, Handle):
        return replaced(cast("unmapped[object]", item).value, _result_or_missing)
    if item._mapped:
        elements = [element.wait() for element in item.wait()]
        return [_result_or_missing(element) for element in elements if element.state is not TaskState.SKIPPED]
    error = item.exception()
    if isinstance(error, BaseException):
        return Missing(item.state, str(error), error)
    return item.result()


def _walk(value: object, swap: Swap, above: set[int]) -> object:
    """`above`: the containers around the value, since one may hold itself."""
    if type(value) in _PLAIN or id(value) in above:
        return value
    if isinstance(value, Handle | allow_failure | unmapped):
        return swap(value)
    if isinstance(value, list | tuple | set | frozenset | dict) or _is_dataclass(value):
        above.add(id(value))
        try:
            return _copied(value, lambda item: _walk(item, swap, above))
        finally:
            above.discard(id(value))
    return value


def _is_dataclass(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _copied(value: object, inner: Callable[[object], object]) -> object:
    """A copy of a container with its items replaced; itself where no item changed."""
    if isinstance(value, dict):
        pairs = [(key, inner(item)) for key, item in value.items()]
        if all(item is value[key] for key, item in pairs):
            return value
        changed = copy.copy(value)  # keeps the class, as of a defaultdict
        changed.update(pairs)
        return changed
    if isinstance(value, list | tuple | set | frozenset):
        before = list(value)
        items = [inner(item) for item in before]
        if all(item is old for item, old in zip(items, before, strict=True)):
            return value
        make = getattr(value, "_make", type(value))  # a namedtuple
        return cast("Callable[[list[object]], object]", make)(items)
    names = [entry.name for entry in dataclasses.fields(cast("type", value)) if hasattr(value, entry.name)]
    fresh = {name: inner(getattr(value, name)) for name in names}
    if all(item is getattr(value, name) for name, item in fresh.items()):
        return value
    other = copy.copy(value)
    for name, item in fresh.items():
        object.__setattr__(other, name, item)  # a frozen one too
    return other
