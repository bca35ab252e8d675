"""Surroundings: the values that the body of a flow reads by name, in words or as digests, to tell which are others."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Final, cast

from typing_extensions import override

from wfkit.authoring.contents import PLAIN, Contents, Unhashable, digest_of
from wfkit.authoring.explain import Parts, explain
from wfkit.authoring.handle import Handle
from wfkit.authoring.secrets import redacted
from wfkit.core.redaction import is_secret_name

#: Larger values are not compared: each run looks at them when it begins.
MOST_BYTES: Final = 20_000
MOST_ITEMS: Final = 5_000
_SHOWN: Final = 40  #: characters of a plain value in words
_DIGEST_BYTES: Final = 6
_SIZED: Final = frozenset({str, bytes, bytearray, list, tuple, dict, set, frozenset})
#: Code is compared where it is called, and a handle is of its run.
_OTHERS: Final = (FunctionType, BuiltinFunctionType, ModuleType, type, Handle)


def surroundings(names: Mapping[str, object]) -> Parts:
    """What is kept of values by their names; tasks, functions, objects and what is large are left out."""
    shown = ((name, _shown(name, value)) for name, value in sorted(names.items()) if not _is_other(value))
    return tuple((f"`{name}`", text) for name, text in shown if text)


def differences(before: Parts, after: Parts) -> tuple[str, ...]:
    """In words, which of the names that are known from both are other ones."""
    known = dict(before).keys() & dict(after).keys()
    old, new = [tuple(part for part in parts if part[0] in known) for parts in (before, after)]
    return explain(old, new)


def _is_other(value: object) -> bool:
    large = type(value) in _SIZED and len(cast("Sized", value)) > MOST_ITEMS
    return large or issubclass(type(value), _OTHERS) or hasattr(type(value), "__wfkit_meaning__")


def _shown(name: str, value: object) -> str:
    try:
        text = ascii(value) if type(value) in PLAIN else ""
        if text and len(text) < _SHOWN and not is_secret_name(name) and redacted(text) == text:
            return text
        content = _Data(_refused, ordered=False, most_bytes=MOST_BYTES).write(value)
    except Exception:  # noqa: BLE001 - the user's objects answer in ways of their own
        return ""
    return f"#{digest_of(content, _DIGEST_BYTES).hex()}"


class _Data(Contents):
    """Of plain values, containers, arrays and tables: to pickle an object runs code of its own, and may take long."""

    @override
    def _object(self, value: object) -> bytes:
        raise Unhashable("it holds an object")


def _refused(value: object) -> None:
    if isinstance(value, (set, frozenset, *_OTHERS)) or hasattr(type(value), "__wfkit_meaning__"):
        raise Unhashable("it holds code, or things without an order")
