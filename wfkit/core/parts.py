"""Parts: where the items of each list are in a group whose elements come from a flatten."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate


class Parts:
    """Where in a group the elements of each part of a flatten are. Made once for a description, when first asked."""

    __slots__ = ("_by_part", "_starts", "counts")

    def __init__(self, counts: tuple[tuple[int, int], ...]) -> None:
        self.counts = counts  #: (part, count) in order of arrival
        self._starts = list(accumulate((count for _, count in counts), initial=0))
        self._by_part = {part: at for at, (part, _) in enumerate(counts)}

    def place(self, index: int) -> tuple[int, int] | None:
        """Part of an element and its place there; None if no part that is known has it."""
        at = bisect_right(self._starts, index) - 1
        return (self.counts[at][0], index - self._starts[at]) if at < len(self.counts) else None

    def elements(self, part: int) -> range:
        """Elements of the group that are the items of this part; none while it has not arrived."""
        at = self._by_part.get(part)
        return range(0) if at is None else range(self._starts[at], self._starts[at + 1])

    def index(self, part: int, item: int) -> int | None:
        """Element of the group that is this item of this part."""
        elements = self.elements(part)
        return elements[item] if item < len(elements) else None
