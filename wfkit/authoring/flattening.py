"""Flattening: one list of all items of several lists, which tasks may still have to make."""

from __future__ import annotations

from itertools import chain
from typing import TypeVar, cast, overload

from wfkit.authoring.context import recorder_here
from wfkit.authoring.handle import Handle
from wfkit.authoring.inputs import allow_failure, unmapped
from wfkit.errors import HandleMisuse, NotMappable

T = TypeVar("T")


@overload
def flatten(lists: Handle) -> Handle: ...
@overload
def flatten(lists: list[list[T]]) -> list[T]: ...
def flatten(lists: object) -> object:
    """Chain lists of lists.

    Parameters
    ----------
    lists : Handle or list of lists
        A mapped handle whose elements are lists, or a handle of a list of lists.

    Returns
    -------
    Handle or list
        Of a handle: a mapped handle, at once. What is mapped over it starts for the items of a part when that part is
        there; how many items it has is known when all parts are. Of a plain list: the items.

    Raises
    ------
    NotInFlow : a handle was given outside of flows and tasks
    NotMappable, HandleMisuse : something else was given

    Examples
    --------
    >>> flatten([[1, 2], [], [3]])
    [1, 2, 3]
    """
    if isinstance(lists, Handle):
        return recorder_here("`flatten()`", "flatten the lists themselves").flatten(lists._now())
    if isinstance(lists, allow_failure | unmapped):
        raise HandleMisuse(
            f"flatten() got {type(lists).__name__}(...).", "Flatten the handle, and wrap what flatten() gives."
        )
    if not isinstance(lists, list | tuple):
        raise NotMappable(f"flatten() got the {type(lists).__name__} {lists!r:.40}.", "It takes a list of lists.")
    for place, part in enumerate(lists):
        _refuse_part(place, part)
    return list(chain.from_iterable(cast("list[list[object]]", lists)))


def _refuse_part(place: int, part: object) -> None:
    if isinstance(part, Handle):
        raise HandleMisuse(
            f"flatten() got a list with the handle `{part.name}` in it.",
            "Flatten one handle: that of a map, or of a task that takes these handles and returns a list of lists.",
        )
    if not isinstance(part, list | tuple | range):
        raise NotMappable(
            f"flatten() got a list whose item {place} is the {type(part).__name__} {part!r:.40}.",
            "It takes a list of lists.",
        )
