"""Edges: both ends of an edge tell the same, and flattens lead to what they lack."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.histories import G0, G1, G2, added, folded, group
from wfkit.core.edges import Node, differs, known, single, through_flattens, touches, used, users
from wfkit.core.events import Edge, GroupSpec, How
from wfkit.core.graph import ancestors, descendants, downstream, upstream
from wfkit.core.ids import GroupId
from wfkit.core.view import RunView

G3, G4, G5 = GroupId("g3"), GroupId("g4"), GroupId("g5")


def flat(number: int, source: Edge, *parts: tuple[int, int]) -> GroupSpec:
    """A flatten of which these parts have arrived."""
    return replace(group(number, sum(count for _, count in parts), source, kind="flatten"), parts=parts)


@st.composite
def graphs(draw: st.DrawFn) -> RunView:
    """Groups of tasks and flattens, each with edges to earlier ones; some parts and elements are not known yet."""
    groups: list[GroupSpec] = []
    for number in range(draw(st.integers(1, 5))):
        earlier = st.sampled_from([one.id for one in groups]) if groups else st.nothing()
        flatten: bool = draw(st.booleans())
        if groups and flatten:
            arrived = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), unique_by=lambda part: part[0]))
            groups.append(flat(number, Edge(draw(earlier), How.ALL), *arrived))
            continue
        at = st.none() | st.integers(0, 3)
        edges = st.builds(Edge, group=earlier, how=st.sampled_from(How), index=st.integers(0, 3), at=at)
        found = draw(st.lists(edges, max_size=3)) if groups else []
        groups.append(group(number, draw(st.integers(0, 3)), *found, mapped=draw(st.booleans())))
    return folded(added(*groups))


def nodes(view: RunView) -> list[Node]:
    return [(one.spec.id, index) for one in view.groups.values() for index in range(len(one))]


@given(graphs())
def test_what_a_node_uses_is_what_has_it_as_a_user(view: RunView) -> None:
    every = nodes(view)
    forth = [(source, node) for node in every for source in upstream(view, *node)]
    back = [(node, user) for node in every for user in downstream(view, *node)]
    assert sorted(forth) == sorted(back)


@given(graphs())
def test_ancestors_and_descendants_are_all_that_steps_lead_to(view: RunView) -> None:
    for node in nodes(view):
        for whole, step in ((ancestors, upstream), (descendants, downstream)):
            reached, left = set[Node](), [node]
            while left:
                new = set(step(view, *left.pop())) - reached
                reached |= new
                left += new
            assert whole(view, *node) == reached


@pytest.mark.parametrize(
    ("edge", "element"),
    [
        (Edge(G0, How.ONE, 2), 2),
        (Edge(G0, How.ONE, 2, at=0), 2),
        (Edge(G0, How.EACH), None),
        (Edge(G0, How.EACH, at=1), 1),
        (Edge(G0, How.ALL), None),
        (Edge(G0, How.ALL, at=1), None),
    ],
)
def test_an_edge_uses_one_element_or_several(edge: Edge, element: int | None) -> None:
    assert single(edge) == element
    assert [touches(edge, index) for index in range(3)] == [element in {None, index} for index in range(3)]
    assert known(edge, {0, 2}) == ({0, 2} if element is None else {0, 2} & {element})


def test_the_elements_of_a_flatten_are_those_of_the_part_they_come_from() -> None:
    edge = Edge(G0, How.ALL)
    view = folded(added(group(0, 3), flat(1, edge, (2, 2), (0, 1))))
    flatten = view.groups[G1]
    assert [list(used(view, flatten, edge, index)) for index in range(3)] == [[2], [2], [0]]
    assert [list(users(view, flatten, edge, index)) for index in range(3)] == [[2], [], [0, 1]]
    assert differs(view, flatten, edge)


def test_all_elements_of_a_flatten_of_one_value_come_from_that_value() -> None:
    for edge in (Edge(G0, How.ALL), Edge(G0, How.ONE, 0)):
        view = folded(added(group(0, 1, mapped=False), flat(1, edge, (0, 1), (1, 2))))
        assert [list(used(view, view.groups[G1], edge, index)) for index in range(3)] == [[0], [0], [0]]
        assert not differs(view, view.groups[G1], edge)


def test_who_takes_a_flatten_whole_also_takes_what_it_lacks() -> None:
    source, each = Edge(G0, How.ALL), Edge(G1, How.EACH)
    view = folded(
        added(
            group(0, 3),
            flat(1, source, (0, 2)),
            group(2, 2, each),
            group(3, 1, Edge(G2, How.ALL), mapped=False),
            group(4, 2, Edge(G1, How.ALL, at=1), Edge(G2, How.ONE, 0)),
        )
    )
    assert through_flattens(view) == {
        G0: (),
        G2: (each,),
        G3: (Edge(G2, How.ALL), source),
        G4: (Edge(G1, How.ALL, at=1), Edge(G2, How.ONE, 0), Edge(G0, How.ALL, at=1)),
    }


def test_a_flatten_of_a_map_over_a_flatten_lacks_what_both_lack_once() -> None:
    view = folded(
        added(
            group(0, 1, mapped=False),
            flat(1, Edge(G0, How.ONE, 0)),
            group(2, 0, Edge(G1, How.EACH), Edge(G1, How.EACH)),
            flat(3, Edge(G2, How.EACH)),
            group(4, 0, Edge(G3, How.EACH)),
            group(5, 1, Edge(G4, How.ALL), mapped=False),
        )
    )
    assert through_flattens(view)[G5] == (Edge(G4, How.ALL), Edge(G2, How.ALL), Edge(G0, How.ONE, 0))
