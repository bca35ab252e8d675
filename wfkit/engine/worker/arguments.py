"""Arguments: what people see of what a call is given: a short preview of each value, and where handles are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wfkit.authoring.freeze import Slot, freeze
from wfkit.authoring.handle import Handle
from wfkit.authoring.inputs import allow_failure, unmapped
from wfkit.authoring.mapping import Items, Over, positional_names
from wfkit.authoring.task import Call
from wfkit.core.events import Argument
from wfkit.core.redaction import HIDDEN, is_secret_name
from wfkit.engine.worker.preview import preview

#: They are recorded once a call, which may be a small one.
PREVIEW_CHARACTERS: Final = 80
_MOST: Final = 20
_PLAIN: Final = frozenset({int, float, bool, str, bytes, type(None)})


def arguments_of(call: Call, slots: Sequence[Slot] | Sequence[Sequence[Slot]]) -> tuple[Argument, ...]:
    """Describe the arguments of a call, without secrets: the first, and all that are handles.

    Parameters
    ----------
    call : Call
    slots : sequence of Slot, or one for each node
        Where its handles are, of `freeze`.
    """
    named = [*zip(positional_names(call.task.signature, len(call.args)), call.args, strict=True), *call.kwargs.items()]
    first = next((one for one in slots if not isinstance(one, Slot)), slots)
    total = sum(isinstance(slot, Slot) and isinstance(slot.source, Handle) for slot in first)
    direct = sum(isinstance(value, Handle | Over) for _, value in named)
    return tuple(
        Argument(name, shown(name, value), _uses(value, call.task.name, deep=total > direct))
        for place, (name, value) in enumerate(named)
        if place < _MOST or isinstance(value, Handle | Over)
    )


def shown(name: str, value: object) -> str:
    """A value in a few words; nothing of a handle, and of what a map gives each node another one of."""
    if isinstance(value, allow_failure | unmapped):
        value = value.value
    if isinstance(value, Handle | Over | Items) or _holds_only_handles(value):
        return ""
    if is_secret_name(name):
        return HIDDEN
    text = preview(value)
    return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"


def _holds_only_handles(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Handle) for one in value)


def _uses(value: object, task: str, *, deep: bool) -> int:
    """How many handles a node finds in an argument. Those deep in one are counted only where there are any."""
    if isinstance(value, Handle | Over):
        return 1
    if isinstance(value, Items):
        value = next(iter(value.values), None)
    if not deep or type(value) in _PLAIN:
        return 0
    return len(freeze(((value,), {}), task)[1])
