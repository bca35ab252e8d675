"""Contents: a value as bytes that are equal in every process, and different for another value.

Dask's own tokens are not used for plain values, arrays and tables: those of a square array and of its transpose are
equal, as are those of two slices of one Arrow array, and those of a notebook's classes are new in every process. What
other libraries and people teach Dask (`__dask_tokenize__`, `normalize_token.register`) is asked. All else counts by
what its pickle would be made of.
"""

from __future__ import annotations

import copyreg
import hashlib
from collections.abc import Callable, Iterable
from typing import Final, cast

from wfkit.authoring.pieces import pieces_of
from wfkit.authoring.tables import table_parts

#: Larger values are not hashed: that would take longer than a tenth of a second.
MOST_BYTES: Final = 64_000_000
#: Types that `ascii` tells apart, in a form that says all of the value.
PLAIN: Final = frozenset({int, float, complex, bool, str, bytes, type(None), type(Ellipsis)})
_OBJECT_BYTES: Final = 20  #: what an object without size counts
_SEALED: Final = 200
#: Python refuses to write longer whole numbers as decimals.
_DECIMAL_BITS: Final = 10_000


class Unhashable(Exception):
    """A value cannot be hashed honestly. `why`: in words, as in "it holds a lock"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def digest_of(content: bytes, size: int = 16) -> bytes:
    """The digest of bytes."""
    return hashlib.blake2b(content, digest_size=size).digest()


class Contents:
    """Writes one value.

    Parameters
    ----------
    link : callable
        Asked about all that is no plain value, no array or table and no container: the bytes that stand for it, or None
        for what counts by its contents. Also asked about sets whose items have no order of their own.
    ordered : bool
        Whether the order of a dict counts; where it does not, equal dicts are equal, as in Dask.
    most_bytes : int
        A larger value is not hashed.
    """

    def __init__(self, link: Callable[[object], bytes | None], *, ordered: bool, most_bytes: int = MOST_BYTES) -> None:
        self._link = link
        self._ordered = ordered
        self._above: list[int] = []
        self._left = self._most_bytes = most_bytes
        #: Finished objects by id, each kept alive for that long.
        self._written: dict[int, tuple[object, bytes]] = {}
        self._looped = False

    def write(self, value: object) -> bytes:  # noqa: PLR0911 - one return a kind
        """The bytes of a value.

        Raises
        ------
        Unhashable
        """
        kind = type(value)
        if kind in PLAIN:
            return self._spent(plain(value))
        if kind in (list, tuple, dict, set, frozenset):
            return self._nested(value, self._container)
        linked = self._link(value)
        if linked is not None:
            return linked
        if kind is bytearray:
            return part(b"bytearray", self._spent(bytes(cast("bytearray", value))))
        pieces = pieces_of(value)
        if pieces is not None:
            return self._nested(pieces, self._container)
        table = table_parts(value, self._room)
        if table is not None:
            tag, raw, parts = table
            return part(tag, self._spent(raw), *map(self.write, parts))
        return self._nested(value, self._object)

    def _room(self, size: int) -> None:
        """Refuse what is too large before its bytes are copied."""
        if size > self._left:
            raise Unhashable(f"it is larger than {self._most_bytes / 10**6:g} MB")

    def _spent(self, content: bytes) -> bytes:
        self._room(len(content))
        self._left -= len(content)
        return content

    def _nested(self, value: object, write: Callable[[object], bytes]) -> bytes:
        """Write something that may hold itself."""
        done = self._written.get(id(value))
        if done is not None:
            return done[1]
        if id(value) in self._above:
            self._looped = True
            return b"^%d" % (len(self._above) - self._above.index(id(value)))
        self._room(_OBJECT_BYTES)
        self._left -= _OBJECT_BYTES
        before, self._looped = self._looped, False
        self._above.append(id(value))
        try:
            written = write(value)
        except RecursionError:
            raise Unhashable("it is nested too deeply") from None
        finally:
            self._above.pop()
        if not self._looped and write == self._object:
            self._written[id(value)] = (value, written)
        self._looped = self._looped or before
        return written

    def _container(self, value: object) -> bytes:
        tag = type(value).__name__.encode()
        if isinstance(value, dict):
            keys = [self.write(key) for key in value]
            pairs = [*zip(keys, map(self.write, value.values()), strict=True)]  # in the order of a pickle
            if not self._ordered:
                pairs.sort()
            return part(tag, *(text for pair in pairs for text in pair))
        items = cast("list[object]", value)
        if set(map(type, items)) <= PLAIN and (short := _ascii(items)) is not None:
            return part(tag, self._spent(short))
        if not isinstance(value, set | frozenset):
            return part(tag, *map(self.write, items))
        in_order = all(type(item) is tuple and set(map(type, item)) <= PLAIN for item in items)
        linked = None if in_order else self._link(value)
        return part(tag, *sorted(map(self.write, items))) if linked is None else linked

    def _object(self, value: object) -> bytes:
        kind = type(value)
        tokenize = getattr(kind, "__dask_tokenize__", None) or _taught(kind)
        try:
            parts = tokenize(value) if tokenize is not None else _reduced(value)
        except Unhashable:
            raise
        except Exception as error:
            raise Unhashable(f"it {'is' if len(self._above) == 1 else 'holds'} a {_type_of(value)}") from error
        if isinstance(parts, str) and tokenize is None:
            return part(b"name", plain(_module_of(value)), plain(parts))
        return part(b"token" if tokenize else b"object", self.write(kind), self.write(parts))


def plain(value: object) -> bytes:
    """A plain value as text that tells its type and all of it: 1, 1.0, True and "1" differ, as do 0.0 and -0.0."""
    if type(value) is int and value.bit_length() > _DECIMAL_BITS:
        return hex(value).encode()
    if type(value) is bytes:
        return b"b" + value
    return ascii(value).encode()


def _ascii(items: Iterable[object]) -> bytes | None:
    """Plain items in one go, those of a set in order; None where one must be looked at."""
    try:
        if isinstance(items, set | frozenset):
            return ",".join(sorted(map(ascii, items))).encode()
        return ascii(items).encode()
    except ValueError:  # a whole number that is too long for Python
        return None


def part(tag: bytes, *parts: bytes) -> bytes:
    """A tag and parts, each with its length, so that no two different lists of parts look the same.

    Long ones stand as their digest.
    """
    written = b"%s(%s)" % (tag, b"".join(b"%d:%s" % (len(one), one) for one in parts))
    return written if len(written) <= _SEALED else b"#" + digest_of(written)


def _taught(kind: type) -> Callable[[object], object] | None:
    """What somebody taught Dask about a type; its own rules are not asked."""
    from dask.tokenize import normalize_token

    dispatch = cast("Callable[[type], Callable[[object], object]]", normalize_token.dispatch)
    found = dispatch(kind)
    own = getattr(found, "__module__", "") == "dask.tokenize" or found is dispatch(int)  # which gives dates as they are
    return None if own else found


def _reduced(value: object) -> object:
    """What a pickle of the value would be made of."""
    if isinstance(value, set | frozenset):  # of a subclass: a pickle takes the items as they come
        return (frozenset(value), getattr(value, "__dict__", None))
    reducer = copyreg.dispatch_table.get(type(value))
    reduced = reducer(value) if reducer is not None else value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return reduced
    parts = list(cast("tuple[object, ...]", reduced))
    for at in range(3, min(len(parts), 5)):  # the items of lists and dicts come as iterators
        parts[at] = None if parts[at] is None else list(cast("Iterable[object]", parts[at]))
    return parts


def _module_of(value: object) -> str:
    return str(getattr(value, "__module__", None) or type(value).__module__)


def _type_of(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
