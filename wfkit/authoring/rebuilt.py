"""Rebuilt: how a class that has travelled finds its place in the process that it comes to.

A class keeps one identity in each process. One that was known here stays the same object; one of a local module that
this process can import is the one of that module, with its methods as they were where it comes from; any other is made.
The process where a class was defined takes nothing back: there it stays as it is.
"""

from __future__ import annotations

import enum
import importlib
import types
import uuid
import weakref
from collections.abc import Callable, Iterable
from typing import Final, cast

import cloudpickle

from wfkit.authoring.locality import MAIN, is_local_name

#: Where a pickle comes from.
HERE: Final = uuid.uuid4().hex
#: Classes that were made from a pickle.
_MADE: Final[weakref.WeakSet[type]] = weakref.WeakSet()
_UPDATED: Final = (types.FunctionType, property, staticmethod, classmethod)

_inner: Final = cloudpickle.cloudpickle
_tracker_id: Final = cast("Callable[[type], str]", _inner._get_or_create_tracker_id)
_tracked_as: Final = cast("Callable[[str, type], type]", _inner._lookup_class_or_track)
_by_tracker: Final = cast("weakref.WeakValueDictionary[str, type]", _inner._DYNAMIC_CLASS_TRACKER_BY_ID)
_set_state: Final = cast("Callable[[type, object], object]", _inner._class_setstate)
_SKELETONS: Final = (_inner._make_skeleton_class, _inner._make_skeleton_enum)

Maker = Callable[..., type]
#: What cloudpickle makes of a class: how to make it, with what, and how to fill it.
Reduced = tuple[Maker, tuple[object, ...], tuple[dict[str, object], object]]


def reduced_by_name(cls: type) -> tuple[object, ...]:
    """How a class of a local module travels by name: one that the receiver was sent before is preferred to its own."""
    return (class_named, (cls.__module__, cls.__qualname__, _tracker_id(cls)))


def reduced_by_value(cls: type, reduced: tuple[object, ...], *, renew: bool) -> tuple[object, ...]:
    """How a class travels with all that is in it.

    Parameters
    ----------
    cls : type
    reduced : tuple
        What cloudpickle makes of it.
    renew : bool
        A receiver that has a class of that name shall give it these methods.
    """
    if reduced[0] not in _SKELETONS:  # such as that of None
        return reduced
    make, arguments, state = cast("Reduced", reduced[:3])
    nameable = cls.__module__ not in MAIN and "<locals>" not in cls.__qualname__ and is_local_name(cls.__module__)
    place = (cls.__module__, cls.__qualname__) if nameable else ("", "")
    identity = (*place, _tracker_id(cls), vars(cls).get("__slots__"))
    return (_class_here, (identity, make, arguments), (state, renew, HERE), None, None, _fill)


def travels_well(cls: type) -> bool:
    """Whether a class can be made again: one with a library's metaclass is known to that library, as are its models."""
    return issubclass(cls, enum.Enum) or type(cls).__module__ in ("builtins", "abc")


def class_named(module: str, qualname: str, tracker_id: str) -> type:
    """A class that was sent here before, else the one that can be imported.

    Raises
    ------
    ImportError, AttributeError : it is not here
    """
    tracked = _by_tracker.get(tracker_id)
    return _tracked_as(tracker_id, _imported(module, qualname)) if tracked is None else tracked


def _imported(module: str, qualname: str) -> type:
    found: object = importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return cast("type", found)


def _class_here(identity: tuple[str, str, str, object], make: Maker, arguments: tuple[object, ...]) -> type:
    module, qualname, tracker_id, slots = identity
    tracked = _by_tracker.get(tracker_id)
    if tracked is not None:
        return tracked
    if module:
        try:
            own = _imported(module, qualname)
        except Exception:  # noqa: BLE001 - whatever an import of the user's module raises: then it is made here
            own = None
        if isinstance(own, type) and vars(own).get("__slots__") == slots and _fits(own, make, arguments):
            return _tracked_as(tracker_id, own)
    made = make(*arguments)
    _MADE.add(made)
    return made


def _fits(own: type, make: Maker, arguments: tuple[object, ...]) -> bool:
    """Whether a class of this process has the shape of one that travels."""
    if make is _SKELETONS[1]:
        bases, _, _, members, *_ = arguments
        known = [(one.name, one.value) for one in own] if issubclass(own, enum.Enum) else []
        return own.__bases__ == bases and known == list(cast("dict[str, object]", members).items())
    kind, _, bases, *_ = arguments
    return type(own) is kind and own.__bases__ == types.resolve_bases(cast("Iterable[object]", bases))


def _fill(cls: type, told: tuple[tuple[dict[str, object], object], bool, str]) -> None:
    """Give a class its attributes, where it is not at home."""
    state, renew, origin = told
    if cls in _MADE:
        _set_state(cls, state)
    elif renew and origin != HERE and cls.__module__ not in MAIN:
        _set_state(cls, state)
        for name, value in list(vars(cls).items()):
            if name not in state[0] and isinstance(value, _UPDATED):
                delattr(cls, name)
