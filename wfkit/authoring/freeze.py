"""Freezing: what a call passes to a worker is pickled at the call, so that nothing later changes it.

A handle anywhere in the arguments becomes a numbered slot in the pickle. The worker fills the slots with the
results of upstream nodes when it thaws the arguments.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import io
import linecache
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, cast

from wfkit.authoring.culprit import Culprit, culprit
from wfkit.authoring.handle import Handle
from wfkit.authoring.inputs import allow_failure, unmapped
from wfkit.authoring.mapping import Items, Mapped, Over
from wfkit.authoring.pickler import Pickler, dumps
from wfkit.authoring.resolving import replaced
from wfkit.authoring.secrets import labelled
from wfkit.core.events import How
from wfkit.errors import HandleCaptured, NotPicklable, WfkitError

#: In `Use.items`, of a map over a handle of a list: element i of the map takes item i of the list.
OWN_INDEX: Final = -1
#: What a map passes whole and is larger travels once, not with every element.
CONSTANT_BYTES: Final = 1_000
_FAST: Final = frozenset({int, float, bool, str, bytes, type(None)})


class Use(NamedTuple):
    """How a task uses the upstream result in one slot."""

    items: tuple[int, ...] = ()  #: take this item of the value, of that item this one, …
    failure_allowed: bool = False  #: a missing result does not keep the task from running


class Frozen:
    """Pickled positional and keyword arguments, and how their slots are used."""

    __slots__ = ("payload", "uses")

    def __init__(self, payload: bytes, uses: tuple[Use, ...]) -> None:
        self.payload = payload
        self.uses = uses

    def __reduce__(self) -> tuple[type[Frozen], tuple[bytes, tuple[Use, ...]]]:
        return (Frozen, (self.payload, self.uses))


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that a map passes whole, pickled once and held on the cluster once."""

    key: str  #: by content
    frozen: Frozen


class Slot(NamedTuple):
    """One thing among the arguments of a call that the worker fills in."""

    source: Handle | Constant
    how: How
    use: Use


class _Freezer(Pickler):
    """A pickler that turns handles into slots, and unwraps `unmapped` and `allow_failure` around other values."""

    def __init__(self, file: io.BytesIO, slots: list[Slot]) -> None:
        super().__init__(file, protocol=5)
        self.slots = slots

    def persistent_id(self, value: object) -> int | None:
        """The number of the slot that stands for a value; None: the value itself travels."""
        if type(value) is Handle:
            return self._slot(value, failure_allowed=False)
        if type(value) is Over:
            return self._element_slot(value)
        if type(value) is Constant:
            return self._add(Slot(value, How.ONE, Use()))
        if type(value) is allow_failure and type(value.value) is Handle:
            return self._slot(value.value, failure_allowed=True)
        return None

    def reducer_override(self, value: object) -> object:
        """How a value that is no plain one is pickled."""
        if type(value) is unmapped:
            return (_itself, (value.value,))
        if type(value) is allow_failure:
            return (_itself, (replaced(value.value, _allowed),))
        return super().reducer_override(value)

    def _slot(self, handle: Handle, *, failure_allowed: bool) -> int:
        handle = handle._now()
        how = How.ALL if handle._mapped else How.ONE
        return self._add(Slot(handle, how, Use(_items(handle), failure_allowed)))

    def _element_slot(self, over: Over) -> int:
        if over.handle._mapped:
            return self._add(Slot(over.handle, How.EACH, Use((), over.failure_allowed)))
        return self._add(Slot(over.handle, How.ONE, Use((*_items(over.handle), OWN_INDEX), over.failure_allowed)))

    def _add(self, slot: Slot) -> int:
        self.slots.append(slot)
        return len(self.slots) - 1


def _items(handle: Handle) -> tuple[int, ...]:
    return () if handle._ref.item is None else (handle._ref.item,)


def _itself(value: object) -> object:
    """What a wrapper around a plain value becomes on the worker."""
    return value


def _allowed(item: object) -> object:
    """A handle inside `allow_failure([...])` may fail like one directly in it."""
    if isinstance(item, Handle):
        return allow_failure(item)
    return replaced(cast("unmapped[object]", item).value, _allowed)


def freeze(
    arguments: tuple[tuple[object, ...], Mapping[str, object]], task_name: str
) -> tuple[Frozen, tuple[Slot, ...]]:
    """Pickle the arguments of one node.

    Returns
    -------
    Frozen, tuple of Slot : the pickle, and the upstream results that it needs, by slot number

    Raises
    ------
    NotPicklable : an argument cannot be pickled; the message names it
    """
    args, kwargs = arguments
    if not kwargs and all(type(value) in _FAST for value in args):
        return Frozen(labelled(pickle.dumps(arguments, protocol=5)), ()), ()
    try:
        return _frozen(arguments)
    except WfkitError:
        raise
    except Exception as error:
        raise _not_picklable(arguments, task_name, error) from error


def freeze_value(value: object) -> tuple[Frozen, tuple[Slot, ...]]:
    """Pickle what a task returns with handles in it, for `thaw_value`.

    Returns
    -------
    Frozen, tuple of Slot : as of `freeze`

    Raises
    ------
    NotPicklable : a part of the value cannot be pickled; the message names it
    """
    try:
        return _frozen(value)
    except WfkitError:
        raise
    except Exception as error:
        found = culprit(value, _dry_run)
        part = f"`result{found.path}` is {found.told}" if found else str(error)
        raise NotPicklable(
            f"What the task returned holds handles, and something that cannot be sent to a worker: {part}.",
            "Return what it is made from, or handles alone.",
        ) from error


def _frozen(value: object) -> tuple[Frozen, tuple[Slot, ...]]:
    file, slots = io.BytesIO(), list[Slot]()
    _Freezer(file, slots).dump(value)
    return Frozen(labelled(file.getvalue()), tuple(slot.use for slot in slots)), tuple(slots)


def hold_constants(mapped: Mapped, task_name: str) -> Mapped:
    """Replace the larger values that a map passes whole by constants, so that they are sent to the cluster once."""
    args = tuple(_held(value, task_name) for value in mapped.args)
    return dataclasses.replace(
        mapped, args=args, kwargs={name: _held(value, task_name) for name, value in mapped.kwargs.items()}
    )


def _held(value: object, task_name: str) -> object:
    if isinstance(value, Items | Over | Handle):
        return value
    frozen, slots = freeze(((value,), {}), task_name)
    if slots or len(frozen.payload) <= CONSTANT_BYTES:
        return value
    return Constant(f"constant-{hashlib.blake2b(frozen.payload, digest_size=16).hexdigest()}", frozen)


def thaw(frozen: Frozen, fill: Callable[[int], object]) -> tuple[tuple[object, ...], dict[str, object]]:
    """Unpickle frozen arguments on a worker.

    Parameters
    ----------
    frozen : Frozen
    fill : callable
        Gives the value for a slot number.
    """
    return cast("tuple[tuple[object, ...], dict[str, object]]", thaw_value(frozen, fill))


def thaw_value(frozen: Frozen, fill: Callable[[int], object]) -> object:
    """Unpickle a frozen value on a worker; `fill` gives the value for a slot number."""
    if not frozen.uses:
        return cast("object", pickle.loads(frozen.payload))  # noqa: S301 - our own client
    unpickler = pickle.Unpickler(io.BytesIO(frozen.payload))  # noqa: S301 - our own client
    unpickler.persistent_load = fill  # type: ignore[method-assign]  # slot numbers are the ids we gave
    return cast("object", unpickler.load())


def freeze_code(function: Callable[..., object], options: object, what: str) -> bytes:
    """Pickle a task's function and options, with the source of notebook cells, for tracebacks on a worker.

    Raises
    ------
    HandleCaptured : the code refers to a handle; the message tells how
    NotPicklable : something that the code refers to cannot be pickled; the message names it
    """
    try:
        return labelled(dumps((function, options, _cells(function))))
    except HandleCaptured as error:
        raise _unsendable(function, options, what, error) from None  # which says the same, with less
    except Exception as error:
        raise _unsendable(function, options, what, error) from error


def _cells(function: Callable[..., object]) -> dict[str, str]:
    """The source of the notebook cells in which a function and those it calls by name were defined, by file name."""
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    called = (function.__globals__.get(name) for name in code.co_names)
    codes = [code, *(other.__code__ for other in called if inspect.isfunction(other))]
    names = {one.co_filename for one in codes if not Path(one.co_filename).exists()}
    return {name: text for name in names if (text := "".join(linecache.getlines(name)))}


def _unsendable(function: Callable[..., object], options: object, what: str, error: Exception) -> WfkitError:
    found = culprit(function, dumps)
    if found is None:
        found = culprit(options, dumps) or Culprit("", function, error)
        return NotPicklable(
            f"{what} cannot be sent to a worker: its option `{found.path.lstrip('.')}` is {found.told}.",
            "Use a plain function or value there.",
        )
    if isinstance(found.value, Handle):
        return HandleCaptured(
            f"{what} refers to the handle `{found.value.name}` by name ({found.path}).",
            "Make it a parameter of the task and pass the handle to it.",
        )
    where = f"refers to {found.path}, {found.told}, which" if found.path else f"is {found.told}, which"
    return NotPicklable(
        f"{what} {where} cannot be sent to a worker.",
        "Create it inside the task, or pass what it is made from as an argument.",
    )


def _not_picklable(
    arguments: tuple[Sequence[object], Mapping[str, object]], task_name: str, error: Exception
) -> NotPicklable:
    args, kwargs = arguments
    named = [(f"argument {position + 1}", value) for position, value in enumerate(args)]
    named += [(name, value) for name, value in kwargs.items()]
    for name, value in named:
        if found := culprit(value, _dry_run):
            return NotPicklable(
                f"`{task_name}` got something that cannot be sent to a worker: `{name}{found.path}` is {found.told}.",
                "Create it inside the task, or pass what it is made from.",
            )
    return NotPicklable(f"The arguments of `{task_name}` cannot be sent to a worker: {error}.")


def _dry_run(value: object) -> None:
    _Freezer(io.BytesIO(), []).dump(value)
