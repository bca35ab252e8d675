"""Mapping: what a `.map()` goes over, checked at the call."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from wfkit.authoring.handle import Handle
from wfkit.authoring.inputs import allow_failure, unmapped
from wfkit.errors import MapLengthMismatch, NotMappable, TooManyTasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """The arguments of a map, each either whole or one value per element.

    Attributes
    ----------
    args, kwargs
        As given, with `Items` for lists, `Over` for handles, and the plain value for what is passed whole.
    length : int or None
        Number of elements; None until the handles' lengths are known.
    overs : tuple of Handle
        The handles that are mapped over.
    """

    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    length: int | None
    overs: tuple[Handle, ...]

    def element(self, index: int) -> tuple[tuple[object, ...], dict[str, object]]:
        """The arguments of one element."""
        args = tuple(_at(value, index) for value in self.args)
        return args, {name: _at(value, index) for name, value in self.kwargs.items()}

    @property
    def shared(self) -> bool:
        """Whether all elements have the same arguments but for their place in handles."""
        return not any(isinstance(value, Items) for value in (*self.args, *self.kwargs.values()))


@dataclass(frozen=True, slots=True)
class Items:
    """One value per element."""

    values: Sequence[object]


@dataclass(frozen=True, slots=True)
class Over:
    """Element i of a handle."""

    handle: Handle
    failure_allowed: bool = False


def _at(value: object, index: int) -> object:
    return value.values[index] if isinstance(value, Items) else value


def mapped_arguments(
    task: str, signature: inspect.Signature, args: tuple[object, ...], kwargs: Mapping[str, object], most: int
) -> Mapped:
    """Sort the arguments of a map into what is passed whole and what is mapped over, in `most` elements at most.

    Raises
    ------
    TooManyTasks : there are more items, maybe without an end
    NotMappable : a value is not a sequence of items, or nothing is mapped over
    MapLengthMismatch : known lengths differ
    """
    named = [
        (name, _sorted(task, name, value, most))
        for name, value in (*zip(positional_names(signature, len(args)), args, strict=True), *kwargs.items())
    ]
    lengths = {name: _length(value) for name, value in named if isinstance(value, Items | Over)}
    if not lengths:
        raise NotMappable(f"`{task}.map()` got nothing to map over.", "Give it a list, or call the task once.")
    known = {name: length for name, length in lengths.items() if length is not None}
    refuse_different_lengths(task, known)
    return Mapped(
        args=tuple(value for _, value in named[: len(args)]),
        kwargs=dict(named[len(args) :]),
        length=next(iter(known.values()), None),
        overs=tuple(value.handle for _, value in named if isinstance(value, Over)),
    )


def positional_names(signature: inspect.Signature, count: int) -> list[str]:
    """The names of the first `count` positional arguments; those of `*rest` are "rest[0]" and so on."""
    names = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ][:count]
    rest = next((one.name for one in signature.parameters.values() if one.kind is one.VAR_POSITIONAL), "argument")
    return names + [f"{rest}[{place}]" for place in range(count - len(names))]


def in_order(signature: inspect.Signature, kwargs: Mapping[str, object]) -> dict[str, object]:
    """Keyword arguments in the order of the parameters; those of `**rest` follow, and keep theirs."""
    return {**{name: kwargs[name] for name in signature.parameters if name in kwargs}, **kwargs}


def refuse_different_lengths(task: str, lengths: Mapping[str, int]) -> None:
    """Check that all arguments of a map have the same length.

    Raises
    ------
    MapLengthMismatch : the message names each argument and its length
    """
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"`{name}` has {length}" for name, length in lengths.items())
        raise MapLengthMismatch(
            f"`{task}.map()` needs iterables of one length: {listed}.", "Pass a value whole with unmapped(...)."
        )


def _length(value: Items | Over) -> int | None:
    return len(value.values) if isinstance(value, Items) else value.handle._known_length()


def _sorted(task: str, name: str, value: object, most: int) -> object:
    if isinstance(value, unmapped):
        return value.value
    if isinstance(value, Handle):
        return Over(value._now())
    if isinstance(value, allow_failure):
        if isinstance(value.value, unmapped):
            return allow_failure(value.value.value)
        inner = _sorted(task, name, value.value, most)
        if isinstance(inner, Over):
            return Over(inner.handle._now(), failure_allowed=True)
        return Items([allow_failure(item) for item in inner.values]) if isinstance(inner, Items) else inner
    return Items(all_items(task, _items(task, name, value), most))


def all_items(task: str, items: Iterable[object], most: int) -> Sequence[object]:
    """All items of an iterable, which may be without an end.

    Raises
    ------
    TooManyTasks : there are more than `most`
    """
    found = items if isinstance(items, list | tuple | range) else list(islice(items, most + 1))
    if len(found) > most:
        raise TooManyTasks(
            f"`{task}.map()` goes over more items than the run may still have tasks: {most}.",
            "Look for an iterable without an end, or raise `max_tasks_per_run` in the section [engine] of wfkit.toml.",
        )
    return found


def _items(task: str, name: str, value: object) -> Iterable[object]:
    whole = f"Pass it whole with {name}=unmapped(...)"
    if isinstance(value, str | bytes | bytearray):
        unit = "characters" if isinstance(value, str) else "bytes"
        raise NotMappable(
            f"`{task}.map()` would go over the {unit} of {name}={value!r:.40}.", f"{whole}, or give a list of them."
        )
    if isinstance(value, Mapping):
        raise NotMappable(
            f"`{task}.map()` would go over the keys of the {type(value).__name__} `{name}`.",
            f"{whole}, or map over list(d.items()).",
        )
    if isinstance(value, set | frozenset):
        raise NotMappable(f"`{task}.map()`: the {type(value).__name__} `{name}` has no order.", "Use sorted(...).")
    if hasattr(value, "columns") and hasattr(value, "shape"):
        raise NotMappable(
            f"`{task}.map()` would go over the columns of the table `{name}` ({type(value).__name__}).",
            f"{whole}, or map over a list of its parts.",
        )
    if isinstance(value, list | tuple | range):
        return value
    try:
        return iter(cast("Iterable[object]", value))
    except TypeError:
        raise NotMappable(f"`{task}.map()` got {name}={value!r:.40}, which has no items.", f"{whole}.") from None
