"""Flattening: lists of lists are chained part by part, as each part's length becomes known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized

from wfkit.authoring.handle import Handle, Ref
from wfkit.core.states import WITH_VALUE
from wfkit.engine.driver.wiring import run_of
from wfkit.errors import NotMappable, WfkitError

#: An element of a map: a node, and which item of its value is meant, of that item which, …
Element = tuple[Handle, tuple[int, ...]]


def items_meant(element: Element) -> tuple[int, ...]:
    """Which item of its node's value an element is, of that item which, …; none: all of it."""
    handle, items = element
    return items if handle._ref.item is None else (handle._ref.item, *items)


def elements_of(part: Handle, items: tuple[int, ...] = ()) -> list[Element] | None:
    """The elements of a list that a handle stands for, or an item of its value; None while they are not known.

    A list that was returned as handles is known before these have ended, once all lengths in it are. A part without a
    value counts as one element.

    Raises
    ------
    NotMappable : the value is no list
    """
    run = run_of(part)
    if part._mapped:
        return whole_map(part)
    ref = part._ref
    node = (ref.group, ref.index or 0)
    promise = run.promises.get(node)
    if promise is not None and promise.handles is not None and not items and ref.item is None:
        return _promised(promise.handles)
    if not run.has_ended(node):
        return None
    view = run.view_model.groups[ref.group]
    if view.state(node[1]) not in WITH_VALUE:
        return [(part, ())]
    length = view.lengths.get(node[1]) if not items and ref.item is None else _length_inside(part, items)
    if length is None:
        raise NotMappable(
            f"`{part.name}` cannot be mapped over: its value is {view.previews.get(node[1], 'no sequence')}.",
            "Return a list from it.",
        )
    return [(part, (*items, item)) for item in range(length)]


def _promised(handles: Handle | Sequence[Handle]) -> list[Element] | None:
    if isinstance(handles, Handle):
        return elements_of(handles)
    if any(handle._mapped and whole_map(handle) is None for handle in handles):
        return None  # an element is a list of nodes that are not all known
    return [(handle, ()) for handle in handles]


def _length_inside(part: Handle, items: tuple[int, ...]) -> int | None:
    value = run_of(part).answers.value(part._ref)
    for item in items:
        value = value[item]  # type: ignore[index]  # as its length said
    return len(value) if isinstance(value, Sized) and not isinstance(value, str | bytes | dict | set) else None


def whole_map(handle: Handle) -> list[Element] | None:
    """All elements of a mapped handle, in its order; None while they are not all known.

    Raises
    ------
    WfkitError : it is a flatten of something that is no list
    """
    run = run_of(handle)
    name = handle._ref.group
    if (flattened := run.flattened.get(name)) is not None:
        if flattened.error is not None:
            raise flattened.error
        return flattened.in_order() if flattened.complete else None
    group = run.groups[name]
    if group.length is None or len(group.status) < group.length:
        return None
    order = group.final or range(group.length)
    return [(Handle(handle._source, Ref(name, index)), ()) for index in order]


class Flattened:
    """What a flatten stands for, as far as it is known."""

    def __init__(self, source: Handle) -> None:
        self.source = source
        self.elements: list[Element] = []  #: in the order in which their parts became known
        self.parts: list[tuple[int, int]] = []  #: part and how many elements it has, likewise
        self.complete = False
        self.error: WfkitError | None = None  #: why it stands for nothing: a part is no list
        self._final: list[int] | None = None  #: once it is complete
        self._open: list[tuple[int, Handle, tuple[int, ...]]] = []
        self._listed = 0
        self._all_listed = False

    def grow(self) -> bool:
        """Take in the parts that have become known; whether there were any, or no more will come."""
        if self.complete:
            return False
        try:
            return self._take_in()
        except WfkitError as error:
            self.error, self.complete = error, True
            return True

    def _take_in(self) -> bool:
        before = len(self.parts)
        self._list_parts()
        still: list[tuple[int, Handle, tuple[int, ...]]] = []
        for number, part, items in self._open:
            elements = elements_of(part, items)
            if elements is None:
                still.append((number, part, items))
            else:
                self.parts.append((number, len(elements)))
                self.elements += elements
        self._open = still
        self.complete = self._all_listed and not still
        return self.complete or len(self.parts) > before

    def _list_parts(self) -> None:
        if self._all_listed:
            return
        if self.source._mapped and self.source._ref.group not in run_of(self.source).flattened:
            group = run_of(self.source).groups[self.source._ref.group]
            order: Sequence[int] = range(self._listed, len(group.status))
            new: list[Element] = [(Handle(self.source._source, Ref(group.spec.id, at)), ()) for at in order]
            self._all_listed = group.length is not None and len(group.status) >= group.length
        else:
            known = elements_of(self.source)
            if known is None:
                return
            new = known
            self._all_listed = True
        self._open += [(self._listed + at, part, items) for at, (part, items) in enumerate(new)]
        self._listed += len(new)

    def in_order(self) -> list[Element]:
        """The elements in the order of their parts."""
        return [self.elements[index] for index in self.final]

    def at(self, place: int) -> Element | None:
        """The element at a place in the list; None where there is none."""
        final = self.final
        return self.elements[final[place]] if self.error is None and place < len(final) else None

    @property
    def final(self) -> list[int]:
        """For each place in the list: which element stands there."""
        if self._final is not None:
            return self._final
        starts = list(self._starts())
        final = [starts[at] + item for at in self._by_part() for item in range(self.parts[at][1])]
        if self.complete:
            self._final = final
        return final

    @property
    def parts_in_order(self) -> tuple[tuple[int, int], ...]:
        """The parts as they stand in the list, with how many elements each has."""
        return tuple(self.parts[at] for at in self._by_part())

    def _by_part(self) -> list[int]:
        places = self._places()
        return sorted(range(len(self.parts)), key=lambda at: places.get(self.parts[at][0], self.parts[at][0]))

    def _places(self) -> dict[int, int]:
        """Where each part stands in the list of a source that has grown itself, in the order in which parts came."""
        run, name = run_of(self.source), self.source._ref.group
        final = run.groups[name].final if self.source._mapped and name not in run.flattened else None
        return {} if final is None else {part: place for place, part in enumerate(final)}

    def _starts(self) -> Iterator[int]:
        start = 0
        for _, count in self.parts:
            yield start
            start += count
