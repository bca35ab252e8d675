"""Result: a task's return value is checked where it is made, so that it can travel."""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wfkit.authoring.secrets import holds_secret, is_labelled
from wfkit.engine.worker.failure import safe_text
from wfkit.engine.worker.outcome import dump_value, size_of
from wfkit.engine.worker.preview import length_of, preview
from wfkit.errors import NotPicklable

#: Values whose pickle is at most this long travel inside their event.
INLINE_BYTES: Final = 4_000
_MOST_LOOKED_AT: Final = 1_000
_PATH_CHARACTERS: Final = 200
#: Longer ones of these always travel, and are not pickled to find out.
_RAW: Final = frozenset({bytes, str})
_SHORT: Final = frozenset({bool, float, type(None)})
_SHORT_BITS: Final = 64
_SHORT_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a value that can travel."""

    size_bytes: int
    length: int | None
    preview: str
    inline: bytes | None  #: the pickled value, where it is small and holds no secret
    secret: bool = False  #: it holds a secret: it goes to the tasks that use it, and is written nowhere
    pickled: tuple[bytes, Sequence[Any]] | None = None  #: where it is too large to be inline, and was pickled


def check_result(value: object, maker: str) -> Checked:
    """Pickle a value to see that it can travel, and describe it.

    Raises
    ------
    NotPicklable : it cannot be pickled; the message names the part that cannot
    """
    if _is_plain(value):
        payload = pickle.dumps(value, protocol=5)
        secret = type(value) is str and holds_secret(value)
        return Checked(sys.getsizeof(value), None, preview(value), None if secret else payload, secret)
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise NotPicklable(f"`{maker}` returned a generator, which cannot travel.", "Return list(...) of it.")
    inline = pickled = None
    if type(value) not in _RAW or len(value) <= INLINE_BYTES:  # type: ignore[arg-type]  # a str or bytes, exactly
        try:
            payload, buffers = dump_value(value)
        except BaseException as error:
            raise _not_picklable(value, maker, error) from error
        secret = is_labelled(payload)
        if not buffers and not secret and len(payload) <= INLINE_BYTES:
            inline = payload
        elif not secret:
            pickled = payload, buffers
    else:
        secret = holds_secret(value)  # type: ignore[arg-type]  # a str or bytes, exactly
    return Checked(size_of(value), length_of(value), preview(value), inline, secret, pickled)


def _is_plain(value: object) -> bool:
    """Whether a value is one that always can be pickled, and is short then; most are, and are not looked at further."""
    kind = type(value)
    if kind is int:
        return int.bit_length(value) <= _SHORT_BITS  # type: ignore[arg-type]  # an int, exactly
    return kind in _SHORT or (kind is str and len(value) <= _SHORT_CHARACTERS)  # type: ignore[arg-type]  # a str


def _not_picklable(value: object, maker: str, error: BaseException) -> NotPicklable:
    if isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError):
        return NotPicklable(
            f"`{maker}` returned a {type(value).__qualname__} that is nested too deeply to be pickled.",
            "Return something flatter.",
        )
    path, kind = _unpicklable_part(value)
    shown = path if len(path) <= _PATH_CHARACTERS else f"{path[:_PATH_CHARACTERS]}…"
    return NotPicklable(
        f"`{maker}` returned a value that cannot be pickled: `result{shown}` is a {kind} ({safe_text(error):.300}).",
        "Return what it is made from.",
    )


def _unpicklable_part(value: object) -> tuple[str, str]:
    """The path of an innermost part that cannot be pickled, as `.model._lock`, and its type."""
    looked_at: set[int] = set()
    path, part = "", value
    while len(looked_at) < _MOST_LOOKED_AT:
        looked_at.add(id(part))
        inner = ((step, item) for step, item in _parts(part) if id(item) not in looked_at and not _can_be_pickled(item))
        found = next(inner, None)
        if found is None:
            break
        path, part = path + found[0], found[1]
    return path, type(part).__qualname__


def _can_be_pickled(value: object) -> bool:
    try:
        dump_value(value)
    except BaseException:  # noqa: BLE001 - the question is whether it raises
        return False
    return True


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """Items and attributes, with the step of a path that leads to them."""
    if isinstance(value, dict):
        yield from ((f"[{preview(key):.40}]", item) for key, item in list(value.items())[:_MOST_LOOKED_AT])
    elif isinstance(value, list | tuple):
        yield from ((f"[{place}]", item) for place, item in enumerate(value[:_MOST_LOOKED_AT]))
    else:
        for name in (*_attributes(value), *_slots(type(value))):
            try:
                item = object.__getattribute__(value, name)
            except BaseException:  # noqa: BLE001, S112 - an empty slot, or user code in a property
                continue
            yield f".{name}", item


def _attributes(value: object) -> list[str]:
    try:
        return [str(name) for name in object.__getattribute__(value, "__dict__")]
    except AttributeError:
        return []


def _slots(kind: type) -> list[str]:
    names: list[str] = []
    for parent in kind.__mro__:
        slots = parent.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else [str(name) for name in slots]
    return [name for name in names if not name.startswith("__")]
