"""Checks of what a browser sends, whatever it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing_extensions import TypeIs

LONGEST_ID: Final = 200
LONGEST_GROUP: Final = 10_000  #: names of spawned groups grow with their depth


class BadMessage(ValueError):
    """A message that this version does not understand; its text is for the reader of the view."""


def request_of(content: Mapping[str, object]) -> str:
    """The id under which an answer is waited for."""
    request = content.get("request")
    if not isinstance(request, str) or not request or len(request) > LONGEST_ID:
        raise BadMessage("A request needs an id.")
    return request


def group_of(content: Mapping[str, object]) -> str:
    """The id of a card or a group."""
    group = content.get("group")
    if not isinstance(group, str) or not 0 < len(group) <= LONGEST_GROUP:
        raise BadMessage("A question needs the id of a group.")
    return group


def is_index(value: object) -> TypeIs[int]:
    """Whether it is a number from 0."""
    return is_int(value) and value >= 0


def is_int(value: object) -> TypeIs[int]:
    """Whether it is a whole number, which True is not."""
    return isinstance(value, int) and not isinstance(value, bool)
