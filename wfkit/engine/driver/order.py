"""Order: places of nodes, so that Dask runs a batch depth-first.

A node's place is that of the latest of its inputs; a fresh map starts at its element's own number, and a fresh single
call at the number of single calls before it. Sorted by place, and by order of creation within a place, each element
goes through all its stages before the next one starts, and every node stands behind its inputs.
"""

from __future__ import annotations

from collections.abc import Sequence


def places(length: int, *, mapped: bool, fresh_calls: int, inputs: Sequence[Sequence[int] | int]) -> Sequence[int]:
    """Places of the nodes of one group.

    Parameters
    ----------
    length : int
        Number of nodes.
    mapped : bool
        Whether the group is a map.
    fresh_calls : int
        Number of single calls without inputs before this one.
    inputs : sequence
        For each input the places that element i depends on (a sequence of `length`), or one place for all elements.

    Returns
    -------
    sequence of int : shape (length,)
    """
    if not inputs:
        return range(length) if mapped else (fresh_calls,) * length
    whole = max((one for one in inputs if isinstance(one, int)), default=0)
    elementwise = [one for one in inputs if not isinstance(one, int)]
    if len(elementwise) == 1 and not whole:
        return elementwise[0]
    if elementwise:
        return [max(whole, *at) for at in zip(*elementwise, strict=True)]
    return range(whole, whole + length) if mapped else (whole,) * length
