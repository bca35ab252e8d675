"""Queue: the nodes that are to be sent, in depth-first order."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Container, Sequence
from typing import Final

from wfkit.engine.driver.group import Group
from wfkit.engine.driver.order import position


class Stream:
    """Nodes of one group, in the order in which they are sent; `at` is the next one."""

    __slots__ = ("at", "group", "indices")

    def __init__(self, group: Group, indices: Sequence[int]) -> None:
        self.group = group
        self.indices = indices
        self.at = 0

    @property
    def next(self) -> int:
        """The element that is sent next."""
        return self.indices[self.at]

    @property
    def left(self) -> int:
        """How many there are."""
        return len(self.indices) - self.at


_Rank = tuple[int, int, int, int]


class Queue:
    """Streams, merged: first the higher priority, then by place, and inputs before what is made from them."""

    def __init__(self) -> None:
        #: By how deep in spawning their nodes are.
        self._heaps: dict[int, list[tuple[_Rank, int, Stream]]] = {}
        self._ties: Final = itertools.count()

    def add(self, group: Group, indices: Sequence[int]) -> None:
        """Queue nodes of a group."""
        if indices:
            numbers = group.numbers
            ordered = isinstance(indices, range) and isinstance(numbers, range)
            in_order = indices if ordered else sorted(indices, key=lambda index: (position(numbers[index]), index))
            self.put(Stream(group, in_order))

    def put(self, stream: Stream) -> None:
        """Queue what is left of a stream."""
        if stream.left:
            group = stream.group
            rank = (-group.priority, *position(group.numbers[stream.next]), group.spec.order)
            heapq.heappush(self._heaps.setdefault(group.work.depth, []), (rank, next(self._ties), stream))

    def take(self, full: Container[int] = ()) -> Stream | None:
        """The stream whose node is next, of those at depths that are not full; it leaves the queue."""
        heaps = [heap for depth, heap in self._heaps.items() if heap and depth not in full]
        return heapq.heappop(min(heaps, key=lambda heap: heap[0][:2]))[2] if heaps else None

    def clear(self) -> None:
        """Forget all."""
        self._heaps.clear()

    def __bool__(self) -> bool:
        return any(self._heaps.values())
