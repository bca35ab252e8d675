"""Tokens: short digests of what tasks are given, equal in every process and after a restart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Final, cast

from wfkit.authoring.contents import MOST_BYTES, PLAIN, Contents, Unhashable, part, plain
from wfkit.authoring.fingerprint import fingerprint_of
from wfkit.authoring.freeze import Constant
from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.inputs import allow_failure, unmapped
from wfkit.authoring.locality import is_local
from wfkit.authoring.mapping import Over
from wfkit.authoring.pieces import is_plain_builtin

_BYTES: Final = 8
_SLOT: Final = b"slot"
_SIZED: Final = frozenset({str, bytes})


def token(value: object) -> bytes:
    """The token of one value; see `Tokens.of`."""
    return Tokens().of(value)


class Tokens:
    """Tokens of values that are given at one time, as the elements of a map: the code among them is read once."""

    def __init__(self) -> None:
        #: Digests of functions, classes and tasks by id, each kept alive with it.
        self._meanings: dict[int, tuple[object, bytes]] = {}

    def of(self, value: object) -> bytes:
        """Eight bytes for a value; none where it cannot be hashed honestly (a lock, more than 64 MB).

        1, 1.0 and True differ, as do 0.0 and -0.0; nan equals itself. Sets have no order, and dicts none that counts,
        as in Dask. A handle counts as a slot, whichever it is, numbered as it is met; a function, a class or a task by
        what it means.
        """
        return self.with_handles(value)[0]

    def with_handles(self, value: object) -> tuple[bytes, tuple[Handle, ...]]:
        """The token of a value, and the handles in it in the order of their numbers."""
        if type(value) in PLAIN and (type(value) not in _SIZED or len(cast("str", value)) <= MOST_BYTES):
            return hashlib.blake2b(plain(value), digest_size=_BYTES).digest(), ()
        written = _Written(self)
        try:
            digest = hashlib.blake2b(written.write(value), digest_size=_BYTES).digest()
        except Exception:  # noqa: BLE001 - the user's objects answer in ways of their own
            digest = b""
        return digest, tuple(written.handles)

    def meaning(self, code: Callable[..., object]) -> bytes:
        """What stands for a function, a class or a task.

        Raises
        ------
        Unhashable
        """
        if id(code) not in self._meanings:
            found = fingerprint_of(code)
            self._meanings[id(code)] = (code, (found.digest or "").encode())
        digest = self._meanings[id(code)][1]
        if not digest:
            raise Unhashable("its code cannot be hashed")
        return part(b"code", digest)


class _Written(Contents):
    """Writes one value, with slots in the place of handles."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(self._linked, ordered=False)
        self._tokens = tokens
        self.handles: list[Handle] = []
        self._numbers: dict[tuple[int, Ref], int] = {}  #: of handles, by what they stand for

    def _linked(self, value: object) -> bytes | None:  # noqa: PLR0911 - one return a kind
        if isinstance(value, Handle):
            return self._slot(value)
        if isinstance(value, Over | Constant):
            return _SLOT
        if isinstance(value, unmapped):
            return self.write(value.value)
        if isinstance(value, allow_failure):
            return part(b"allow_failure", self.write(value.value))
        if type(value) in (set, frozenset):
            return part(type(value).__name__.encode(), *sorted(map(self.write, cast("set[object]", value))))
        if isinstance(value, ModuleType):
            return part(b"name", plain(value.__name__))
        if isinstance(value, FunctionType | type) and not is_local(value):
            return part(b"name", plain(value.__module__), plain(value.__qualname__))
        if isinstance(value, FunctionType | type) or hasattr(type(value), "__wfkit_meaning__"):
            return self._tokens.meaning(cast("Callable[..., object]", value))
        if is_plain_builtin(value):
            return part(b"name", plain(getattr(value, "__module__", "")), plain(getattr(value, "__qualname__", "")))
        return None

    def _slot(self, handle: Handle) -> bytes:
        number = self._numbers.setdefault((id(handle._source), handle._ref), len(self.handles))
        if number == len(self.handles):
            self.handles.append(handle)
        return part(_SLOT, b"%d" % number) if number else _SLOT
