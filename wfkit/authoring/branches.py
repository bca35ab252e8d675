"""Branches: a flow's body once for each item, where the items are here, and later where they are not."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from wfkit.authoring.inputs import allow_failure, unmapped
from wfkit.authoring.mapping import Items, Mapped, Over
from wfkit.authoring.options import TaskOptions
from wfkit.authoring.task import Call, Task

if TYPE_CHECKING:
    from wfkit.authoring.flow import Flow

Arguments = tuple[tuple[object, ...], dict[str, object]]


def arguments_of(mapped: Mapped, index: int) -> Arguments:
    """What the body of one branch is called with: items as they are, and the handles of elements."""
    args = tuple(_item(value, index) for value in mapped.args)
    return args, {name: _item(value, index) for name, value in mapped.kwargs.items()}


def _item(value: object, index: int) -> object:
    if isinstance(value, Items):
        return value.values[index]
    if isinstance(value, Over):
        element = value.handle[index]
        return allow_failure(element) if value.failure_allowed else element
    return value


def given_to_all(mapped: Mapped, names: Sequence[str]) -> dict[str, object]:
    """What a map of a flow is given, by the names of the parameters; `names`: of the positional ones."""
    return {name: _whole(value) for name, value in _named(mapped, names)}


def given_to(mapped: Mapped, names: Sequence[str], index: int) -> dict[str, object]:
    """What one branch is given, and others are not."""
    return {name: _item(value, index) for name, value in _named(mapped, names) if isinstance(value, Items | Over)}


def _named(mapped: Mapped, names: Sequence[str]) -> Iterator[tuple[str, object]]:
    yield from zip(names, mapped.args, strict=True)
    yield from mapped.kwargs.items()


def _whole(value: object) -> object:
    if isinstance(value, Items):
        return list(value.values)
    return value.handle if isinstance(value, Over) else value


def is_open(mapped: Mapped) -> bool:
    """Whether the length of something that is mapped over is not known yet."""
    return any(over._known_length() is None for over in mapped.overs)


@dataclass(frozen=True, slots=True)
class _Whole:
    """What `unmapped` says, for arguments that travel: there `unmapped` is taken off."""

    value: object


def mapper(flow: Flow[..., object], body: Callable[..., object]) -> Task[..., object]:
    """A task that maps a flow when it gets the items, and returns what the branches returned without waiting."""
    run = functools.partial(_map_here, flow)
    functools.update_wrapper(run, body, updated=())  # so that its source travels, and errors name what it refers to
    return Task(run, TaskOptions(name=flow.name))


def later(task: Task[..., object], mapped: Mapped) -> Call:
    """The call of a `mapper` that stands for a map whose length is not known yet."""
    args = tuple(map(_travelling, mapped.args))
    return Call(task=task, args=args, kwargs={name: _travelling(value) for name, value in mapped.kwargs.items()})


def _travelling(value: object) -> object:
    if isinstance(value, Items):
        return value.values
    if isinstance(value, Over):
        return allow_failure(value.handle) if value.failure_allowed else value.handle
    return _Whole(value)


def _map_here(flow: Flow[..., object], /, *iterables: object, **kwargs: object) -> object:
    """The body of a `mapper`: the items are here now."""
    args, named = [_given(value) for value in iterables], {name: _given(value) for name, value in kwargs.items()}

    async def soon() -> object:
        return await cast("Awaitable[object]", flow.map(*args, **named))

    return soon() if flow.body.asynchronous else flow.map(*args, **named)


def _given(value: object) -> object:
    return unmapped(value.value) if isinstance(value, _Whole) else value
