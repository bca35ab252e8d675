"""Unfolding: digests of things that refer to one another, in circles too.

A node's digest is made of what it says and of the digests of those that it refers to, again and again, until that tells
no more nodes apart. So two nodes are equal where all that can be reached from them is, whether it is reached once or
twice: a function that calls itself equals a copy that calls the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Node:
    """One thing.

    Attributes
    ----------
    label : str
        What it is called, in words.
    data : bytes
        What it says of itself; what it refers to stands in it as `@` and the place in `links`.
    links : list of Node
    shown : str
        A short text for a plain value or a version; "?" for what cannot be hashed.
    bag : bool
        The order of the links means nothing.
    """

    label: str
    data: bytes = b""
    links: list[Node] = field(default_factory=list)
    shown: str = ""
    bag: bool = False

    @property
    def name(self) -> str:
        """The name in its label."""
        return quoted(self.label)

    def link(self, other: Node) -> bytes:
        """Refer to another node; what stands for it in `data`."""
        if other not in self.links:
            self.links.append(other)
        return b"@%d" % self.links.index(other)


def quoted(label: str) -> str:
    """The first name in a label; empty if there is none."""
    return label.partition("`")[2].partition("`")[0]


def unfolded(nodes: list[Node]) -> dict[Node, bytes]:
    """A digest for each node; all that they refer to must be among them."""
    first = {node: _digest(node.data, (), bag=False) for node in nodes}
    before, now = first, _deeper(first)
    while len(set(now.values())) > len(set(before.values())):
        before, now = now, _deeper(now)
    # Two graphs whose nodes look the same so far could still differ further on: what each becomes next tells.
    rule = _digest(b"", sorted({before[node] + now[node] for node in nodes}), bag=False)
    return {node: _digest(now[node], (rule,), bag=False) for node in nodes}


def _deeper(digests: dict[Node, bytes]) -> dict[Node, bytes]:
    return {
        node: _digest(known, [digests[link] for link in node.links], bag=node.bag) for node, known in digests.items()
    }


def _digest(data: bytes, links: Iterable[bytes], *, bag: bool) -> bytes:
    digest = hashlib.blake2b(data, digest_size=16)
    for link in sorted(links) if bag else links:
        digest.update(link)
    return digest.digest()
