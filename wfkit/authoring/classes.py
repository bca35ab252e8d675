"""Classes: what counts of one, without what Python and libraries keep in it for themselves."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Iterator
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Final

from wfkit.authoring.contents import part, plain
from wfkit.authoring.locality import is_local

if TYPE_CHECKING:
    from wfkit.authoring.meaning import Walk
    from wfkit.authoring.unfolding import Node

_KEPT_BY_PYTHON: Final = frozenset(
    {
        "__abstractmethods__",
        "__annotate__",
        "__annotate_func__",
        "__annotations__",
        "__annotations_cache__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__module__",
        "__qualname__",
        "__signature__",
        "__slotnames__",  # pickle's
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
    }
)


def described(walk: Walk, cls: type, node: Node) -> bytes:
    """The data of a class's node: its name, bases, annotations and attributes."""
    name = node.name
    written = [plain(cls.__name__), *(walk.value(node, base, "") for base in (type(cls), *cls.__bases__))]
    notes = inspect.get_annotations(cls)
    if notes:
        written.append(walk.value(node, list(notes.items()), f"annotations of `{name}`"))
    for key, value in sorted(_attributes(cls), key=lambda pair: pair[0]):
        inner = f"{name}.{key}"
        if isinstance(value, FunctionType):
            written.append(part(key.encode(), walk.code(node, value, f"method `{inner}`")))
        else:
            written.append(part(key.encode(), walk.value(node, value, f"attribute `{inner}`")))
    return part(b"class", *written)


def _attributes(cls: type) -> Iterator[tuple[str, object]]:
    if issubclass(cls, enum.Enum):
        yield from _of_enum(cls)
        return
    for name, value in vars(cls).items():
        if name in _KEPT_BY_PYTHON or isinstance(value, MemberDescriptorType | GetSetDescriptorType):
            continue
        if name.startswith("__pydantic_"):
            continue
        yield name, value
    yield from _of_model(cls)


def _of_enum(cls: type[enum.Enum]) -> Iterator[tuple[str, object]]:
    """The members in their order, and what the user wrote beside them."""
    yield "", [(name, member.value) for name, member in cls.__members__.items()]
    for name, value in vars(cls).items():
        inner = getattr(value, "fget", None) or getattr(value, "__func__", None) or value
        of_the_user = isinstance(inner, FunctionType) and is_local(inner)
        kept_by_enum = name in cls.__members__ or (name.startswith("_") and name.endswith("_"))
        if of_the_user or not kept_by_enum:
            yield name, value


def _of_model(cls: type) -> Iterator[tuple[str, object]]:
    """What pydantic made of a model: its fields, and what its decorators say; the rest follows from them."""
    fields = vars(cls).get("__pydantic_fields__")
    if isinstance(fields, dict):
        yield "fields", list(fields.items())
    decorators = vars(cls).get("__pydantic_decorators__")
    for field in dataclasses.fields(decorators) if dataclasses.is_dataclass(decorators) else ():
        found = getattr(decorators, field.name)
        if isinstance(found, dict):
            yield field.name, [(name, one.info) for name, one in found.items()]
