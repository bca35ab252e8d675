"""Signatures: what makes a call, or an element of a map, equal to one of another run, told in terms of one of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from wfkit.core.edges import Node
from wfkit.core.events import TOKEN_BYTES, Edge, GroupSpec, How, Input
from wfkit.core.ids import GroupId
from wfkit.core.parts import Parts

#: What makes a call, or an element of a map, equal to another one.
Signature = tuple[object, ...]
#: Stands for a place that the recorded run does not have.
NOWHERE: Final = GroupId("?")
FLATTEN: Final = "flatten"
_OWN_ITEM: Final = -1


class Side(NamedTuple):
    """One of the two runs: what its groups and nodes are in the recorded one, and how they were described."""

    group: Callable[[GroupId], GroupId]
    node: Callable[[Node], Node | None]
    spec: Callable[[GroupId], GroupSpec | None]

    def flatten_behind(self, spec: GroupSpec) -> GroupSpec | None:
        """The flatten that a map goes over, or that the maps which it goes over went over."""
        for edge in spec.uses:
            behind = self.spec(edge.group) if edge.how is How.EACH else None
            if behind is not None:
                return behind if behind.kind == FLATTEN else self.flatten_behind(behind)
        return None

    def part(self, flatten: GroupSpec | None, part: int) -> object:
        """What a part of a flatten is: an element of a map, or an item of a value."""
        for edge in () if flatten is None else flatten.uses:
            if edge.how is How.ONE:
                return _use(edge, self), part
            source = self.spec(edge.group)
            if source is not None and source.kind != FLATTEN:
                return self.node((edge.group, part)) or (NOWHERE, part)
            return self.group(edge.group), part
        return part

    def in_list_order(self, spec: GroupSpec, length: int) -> Sequence[int]:
        """The elements as they stand in the list: those over a flatten came in the order of its parts' arrival."""
        return sorted(range(length), key=self._ranks(spec)) if spec.parts else range(length)

    def _ranks(self, spec: GroupSpec | None) -> Callable[[int], tuple[object, int]]:
        """What orders the elements of a map as they stand in its list."""
        if spec is None or not spec.parts:
            return lambda index: ((), index)
        parts, flatten = Parts(spec.parts), self.flatten_behind(spec)
        sources = [self.spec(edge.group) for edge in flatten.uses] if flatten is not None else []
        of_part = self._ranks(sources[0] if sources else None)

        def rank(index: int) -> tuple[object, int]:
            place = parts.place(index)
            return ((), index) if place is None else (of_part(place[0]), place[1])

        return rank


class Keys:
    """Gives the signature of each element of a call, in terms of the recorded run."""

    def __init__(
        self,
        spec: GroupSpec,
        side: Side,
        *,
        by_key: bool = True,
        by_place: bool = False,
    ) -> None:
        self._side = side
        keys = [one for one in spec.inputs if one.name == ""] if by_key else []
        self._inputs: Sequence[Input] = keys or sorted((one for one in spec.inputs if one.name), key=_name)
        self._names: Signature = () if keys else ((*map(_name, self._inputs), handles_among(spec)),)
        self._uses = [] if keys else [edge for edge in spec.uses if edge.at is None]
        self._parts = Parts(spec.parts) if spec.parts else None
        self._flatten = side.flatten_behind(spec) if spec.parts else None
        self._own: dict[int | None, list[Edge]] = {}
        self._spelled = bool(spec.spelled) and self._parts is None and not by_place
        if not keys:
            spelled = spec.spelled if self._spelled else ()
            for edge in (*(one for one in spec.uses if one.at is not None), *spelled):
                self._own.setdefault(edge.at, []).append(edge)

    def of(self, index: int) -> Signature:
        """The signature of one element."""
        found: list[object] = [*self._names, *(token_of(one, index) for one in self._inputs)]
        found += [self._used(edge, index) for edge in self._uses]
        found += [_use(edge, self._side) for edge in self._own.get(index, ())]
        return tuple(found)

    def _used(self, edge: Edge, index: int) -> object:
        goes_over = edge.how is How.EACH or edge.items[-1:] == (_OWN_ITEM,)
        if not goes_over:
            return _use(edge, self._side)
        if self._spelled:
            return None
        if self._parts is not None and (place := self._parts.place(index)) is not None:
            return (self._side.group(edge.group), self._side.part(self._flatten, place[0]), place[1])
        if edge.how is How.EACH:
            return self._side.node((edge.group, index)) or (NOWHERE, index)
        return (_use(edge, self._side), index)


def _use(edge: Edge, side: Side) -> Signature:
    if edge.how is How.ONE:
        return (side.node((edge.group, edge.index)) or (NOWHERE, edge.index), edge.items)
    return (side.group(edge.group), edge.how, edge.items)


def call_signature(spec: GroupSpec, side: Side) -> Signature:
    """The signature of a call as a whole."""
    uses = tuple((edge.at, *_use(edge, side)) for edge in spec.uses)
    inputs = sorted((one.name, one.tokens) for one in spec.inputs)
    return (*inputs, handles_among(spec), uses)


def handles_among(spec: GroupSpec) -> tuple[str, ...]:
    """The arguments of a call that are handles, in the order in which it uses them."""
    plain = {one.name for one in spec.inputs}
    return tuple(one.name for one in spec.arguments if one.uses and one.name not in plain)


def _name(one: Input) -> str:
    return one.name


def token_of(one: Input, index: int) -> bytes:
    """The digest of an argument of one element."""
    if len(one.tokens) == TOKEN_BYTES:
        return one.tokens
    return one.tokens[index * TOKEN_BYTES : (index + 1) * TOKEN_BYTES]
