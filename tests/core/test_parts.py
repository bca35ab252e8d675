"""Parts: every element has one place, and every place one element."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.parts import Parts


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=5, unique_by=lambda part: part[0]))
def test_every_element_has_its_place_in_one_part(counts: list[tuple[int, int]]) -> None:
    parts = Parts(tuple(counts))
    places = [(part, item) for part, count in counts for item in range(count)]
    assert [parts.place(index) for index in range(len(places) + 1)] == [*places, None]
    assert [parts.index(part, item) for part, item in places] == list(range(len(places)))
    assert [index for part, _ in counts for index in parts.elements(part)] == list(range(len(places)))
    assert all(parts.index(part, count) is None for part, count in counts)
    assert list(parts.elements(10)) == []
