"""Order: the number of each node, so that Dask runs a whole run depth-first, however and whenever it is submitted.

Dask runs what is ready by the lowest number. A number is made of three parts, the first one weighs most:

- *place*: which branch. A fresh map's elements start branches at their own number, a fresh single call at the number
  of single calls before it. Whatever is made from a node, and whatever its body spawns, stays at its place.
- *depth*, counted down: how many nodes stand between it and the start of its branch. What is deeper goes first.
- *sub*: which element, where a place holds several: the items of a list that a node of that place returned, the
  elements of a map that it spawned.

Numbers are absolute, so it does not matter in how many pieces, in which order or with which options for Dask nodes are
submitted, and a node that is sent again has the number that it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

PLACE: Final = 1 << 32
_DEPTH: Final = 1 << 20
_DEEPEST: Final = (1 << 12) - 1
_SUBS: Final = _DEPTH - 1
#: The number of a node without inputs, at place 0.
FIRST: Final = _DEEPEST * _DEPTH


def numbers(length: int, *, mapped: bool, start: int | None, inputs: Sequence[Sequence[int] | int]) -> Sequence[int]:
    """Numbers of the nodes of one group.

    Parameters
    ----------
    length : int
        Number of nodes.
    mapped : bool
        Whether the group is a map.
    start : int or None
        The number of a node without inputs that is made here: of a body's next single call, or of what a task or a
        branch spawns; None: each element of a map without inputs starts a place of its own.
    inputs : sequence
        For each input the numbers of what element i depends on (a sequence of at least `length`), or one number for
        all elements.

    Returns
    -------
    sequence of int : shape (length,)
    """
    if not inputs:
        if start is None:
            return range(FIRST, FIRST + length * PLACE, PLACE) if mapped else (FIRST,) * length
        return _spread(start, length) if mapped else (start,) * length
    whole = [one for one in inputs if isinstance(one, int)]
    elementwise = [one for one in inputs if not isinstance(one, int)]
    if not elementwise:
        behind = deeper(latest(whole))
        return _spread(behind, length) if mapped else (behind,) * length
    if len(elementwise) == 1 and not whole:
        (one,) = elementwise
        if isinstance(one, range):
            step = one.step
            return range(one.start - _DEPTH, one.start - _DEPTH + length * step, step) if one.start & FIRST else one
        return [deeper(number) for number in one[:length]]
    return [deeper(latest([*whole, *at])) for at in zip(*(one[:length] for one in elementwise), strict=True)]


def deeper(number: int) -> int:
    """The number of what is made from a node."""
    return number - _DEPTH if number & FIRST else number


def position(number: int) -> tuple[int, int]:
    """Place and sub: the order in which nodes are submitted, inputs before what is made from them."""
    return number // PLACE, number & _SUBS


def _spread(number: int, length: int) -> Sequence[int]:
    """Numbers of elements that share a place."""
    return [item_of(number, item) for item in range(length)]


def item_of(number: int, item: int) -> int:
    """The number of an item of a node's value."""
    sub = number & _SUBS
    return number - sub + min(sub + max(item, 0), _SUBS)


def latest(inputs: Sequence[int]) -> int:
    """Of several inputs: the latest place, its deepest node, its latest element."""
    place = max(inputs) // PLACE
    here = [number for number in inputs if number // PLACE == place]
    depth = min(number & FIRST for number in here)
    return place * PLACE + depth + max(number & _SUBS for number in here)
