"""Ids and names of runs, groups and nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NewType

#: "r-" and 26 characters of Crockford's base 32; sorts by start time.
RunId = NewType("RunId", str)
#: Names one call of a task within one run: "g4"; the children of node 7 of "g4" are "g4.7/1", "g4.7/2", …
GroupId = NewType("GroupId", str)

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BYTES: Final = 10


def run_id(now_ms: int, randomness: bytes) -> RunId:
    """Make the id of a run that starts now.

    Parameters
    ----------
    now_ms : int
        Milliseconds since the epoch, below 2**48.
    randomness : bytes
        Ten random bytes, drawn by the caller.

    Raises
    ------
    ValueError : `randomness` is not ten bytes long, or the time does not fit

    Source: the ULID specification (48 bits of time, 80 bits of randomness).
    """
    if len(randomness) != _RANDOM_BYTES or not 0 <= now_ms < 1 << 48:
        raise ValueError("a run id takes 48 bits of time and ten random bytes")
    number = now_ms << 80 | int.from_bytes(randomness, "big")
    return RunId("r-" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)))


def node_name(group_name: str, index: int, *, mapped: bool) -> str:
    """Name a node for people: "clean" for a single call, "clean[3]" for an element of a map."""
    return f"{group_name}[{index}]" if mapped else group_name


def spawner(group: GroupId) -> tuple[GroupId, int] | None:
    """Node whose body made this group: ("g4", 7) for "g4.7/1"; None for a group that a flow made."""
    node, slash, _ = group.rpartition("/")
    if not slash:
        return None
    parent, _, index = node.rpartition(".")
    return GroupId(parent), int(index)


def spawners(group: GroupId) -> Iterator[tuple[GroupId, int]]:
    """Nodes that this group descends from, the nearest first: ("g4.7/1", 0), then ("g4", 7) for "g4.7/1.0/3"."""
    node = spawner(group)
    while node is not None:
        yield node
        node = spawner(node[0])


def descends(group: GroupId, ancestor: GroupId, index: int) -> bool:
    """Whether the nodes of a group descend from node `index` of another one: made by its body, or by their bodies."""
    return group.startswith(f"{ancestor}.{index}/")
