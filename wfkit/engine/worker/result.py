"""Result: a task's return value is checked where it is made, so that it can travel."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dask.sizeof import sizeof

from wfkit.engine.worker.outcome import dump_value
from wfkit.engine.worker.preview import length_of, preview
from wfkit.errors import NotPicklable

#: Values whose pickle is at most this long travel inside their event.
INLINE_BYTES: Final = 4_000
_MOST_LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a value that can travel."""

    size_bytes: int
    length: int | None
    preview: str
    inline: bytes | None


def check_result(value: object, maker: str) -> Checked:
    """Pickle a value to see that it can travel, and describe it.

    Raises
    ------
    NotPicklable : it cannot be pickled; the message names the part that cannot
    """
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise NotPicklable(f"`{maker}` returned a generator, which cannot travel.", "Return list(...) of it.")
    try:
        payload, buffers = dump_value(value)
    except Exception as error:
        path, kind = next(_unpicklable(value), ("", type(value).__qualname__))
        raise NotPicklable(
            f"`{maker}` returned a value that cannot be pickled: `result{path}` is a {kind} ({error}).",
            "Return what it is made from.",
        ) from None
    inline = payload if not buffers and len(payload) <= INLINE_BYTES else None
    return Checked(sizeof(value), length_of(value), preview(value), inline)


def _unpicklable(value: object) -> Iterator[tuple[str, str]]:
    """The paths of the innermost parts that cannot be pickled, as `.model._lock`, with their types."""
    looked_at: set[int] = set()
    queue = [("", value)]
    found = ("", type(value).__qualname__)
    while queue and len(looked_at) < _MOST_LOOKED_AT:
        path, part = queue.pop(0)
        if id(part) in looked_at or _can_be_pickled(part):
            continue
        looked_at.add(id(part))
        found = (path, type(part).__qualname__)
        inner = [(path + step, item) for step, item in _parts(part)]
        bad = [(where, item) for where, item in inner if not _can_be_pickled(item)]
        if not bad:
            break
        queue[:0] = bad
    yield found


def _can_be_pickled(value: object) -> bool:
    try:
        dump_value(value)
    except Exception:  # noqa: BLE001 - the question is whether it raises
        return False
    return True


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r:.40}]", item) for key, item in list(value.items())[:_MOST_LOOKED_AT])
    elif isinstance(value, list | tuple):
        yield from ((f"[{place}]", item) for place, item in enumerate(value[:_MOST_LOOKED_AT]))
    else:
        yield from ((f".{name}", item) for name, item in getattr(value, "__dict__", {}).items())
