"""Digests of things that refer to one another."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from wfkit.authoring.unfolding import Node, quoted, unfolded

#: Of each node: what it says, and which nodes it refers to.
Drawn = list[tuple[int, list[int]]]


@st.composite
def graphs(draw: st.DrawFn) -> Drawn:
    size = draw(st.integers(1, 6))
    return [(draw(st.integers(0, 2)), draw(st.lists(st.integers(0, size - 1), max_size=3))) for _ in range(size)]


def built(graph: Drawn) -> list[Node]:
    """The nodes that can be reached from the first."""
    nodes = [Node(str(at), str(said).encode()) for at, (said, _) in enumerate(graph)]
    for node, (_, links) in zip(nodes, graph, strict=True):
        node.links = [nodes[link] for link in links]
    reached = [nodes[0]]
    for node in reached:
        reached += [link for link in dict.fromkeys(node.links) if link not in reached]
    return reached


def root(graph: Drawn) -> bytes:
    nodes = built(graph)
    return unfolded(nodes)[nodes[0]]


def alike(one: Drawn, other: Drawn) -> bool:
    """Whether nobody who walks from the first node can tell the two graphs apart."""
    seen, waiting = set(), [(0, 0)]
    while waiting:
        a, b = waiting.pop()
        if (a, b) in seen:
            continue
        seen.add((a, b))
        if one[a][0] != other[b][0] or len(one[a][1]) != len(other[b][1]):
            return False
        waiting += zip(one[a][1], other[b][1], strict=True)
    return True


@given(graphs(), graphs())
def test_graphs_are_equal_where_a_walk_cannot_tell_them_apart(one: Drawn, other: Drawn) -> None:
    assert (root(one) == root(other)) == alike(one, other)


@given(graphs(), st.data())
def test_a_copy_of_a_node_changes_nothing(graph: Drawn, data: st.DataObject) -> None:
    twin = data.draw(st.integers(0, len(graph) - 1))
    doubled = [*copy.deepcopy(graph), copy.deepcopy(graph[twin])]
    for _, links in doubled:
        for place, link in enumerate(links):
            if link == twin and data.draw(st.booleans()):
                links[place] = len(graph)
    assert root(doubled) == root(graph)


def test_the_order_of_a_bag_means_nothing() -> None:
    a, b = Node("a", b"a"), Node("b", b"b")
    for bag in (True, False):
        one, other = Node("x", links=[a, b], bag=bag), Node("x", links=[b, a], bag=bag)
        both = unfolded([one, other, a, b])
        assert (both[one] == both[other]) is bag


def test_a_link_stands_as_its_place() -> None:
    node, a, b = Node("x"), Node("class `A` of `b`"), Node("b")
    assert [node.link(a), node.link(b), node.link(a)] == [b"@0", b"@1", b"@0"]
    assert a.name == quoted(a.label) == "A"
    assert quoted("no name") == ""
