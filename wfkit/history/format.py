"""Format: one value as one file, signed, and verified as a whole before anybody unpickles it.

    magic, format, length of the facts, id of the key    24 bytes
    facts                                                JSON, filled up with spaces
    signature                                            HMAC-SHA256 of all above; these three are the head, 512 bytes
    lengths of the pickle and of each buffer             8 bytes each
    the pickle, then each buffer                         this and the lengths are each filled up to 64 bytes

The facts hold the checksum of all that follows the head, so the signature vouches for each byte of the file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from wfkit.history.faults import Unsound

#: A transfer that takes the file for text breaks this, as with PNG.
MAGIC: Final = b"\x89wfkit\r\n"
FORMAT: Final = 1
HEAD_BYTES: Final = 512

_START: Final = struct.Struct("<8sHxxI8s")
_SIGNATURE_BYTES: Final = 32
_ALIGNED_BYTES: Final = 64
#: So much is read and digested at once: it is still in the processor's cache when it is digested.
_CHUNK_BYTES: Final = 1 << 20


class Source(Protocol):
    """A stored file, read from its start to its end."""

    @property
    def size(self) -> int:
        """Bytes of the whole file."""

    def readinto(self, room: memoryview, /) -> int:
        """Fill the room, or the beginning of it, with the next bytes; 0 at the end of the file."""


class Header(NamedTuple):
    """What a file says about itself, verified."""

    parts: int  #: the pickle and its buffers
    body_bytes: int
    digest: str
    written_s: float


class Content(NamedTuple):
    """What a file holds, verified."""

    payload: bytearray
    buffers: list[bytearray]
    written_s: float  #: when it was written, in seconds since the epoch


def seal(identity: str, payload: bytes, buffers: Sequence[Any], key: bytes, written_s: float) -> list[memoryview]:
    """A file, as the pieces to be written one after the other; nothing large is copied.

    Parameters
    ----------
    identity : str
        What the file is, in at most 200 characters; whoever reads it expects the same.
    payload : bytes
        A pickle.
    buffers : sequence of buffers
        Its buffers, kept apart.
    key : bytes
    written_s : float
        Now, in seconds since the epoch.
    """
    parts = [memoryview(payload), *(pickle.PickleBuffer(buffer).raw() for buffer in buffers)]
    table = memoryview(struct.pack(f"<{len(parts)}Q", *(part.nbytes for part in parts)))
    body = [piece for part in (table, *parts) for piece in (part, memoryview(bytes(_padding(part.nbytes))))]
    digest = hashlib.sha256()
    for piece in body:
        digest.update(piece)
    facts = {
        "identity": identity,
        "parts": len(parts),
        "body_bytes": sum(piece.nbytes for piece in body),
        "sha256": digest.hexdigest(),
        "written_s": written_s,
    }
    text = json.dumps(facts, separators=(",", ":")).encode()
    start = _START.pack(MAGIC, FORMAT, len(text), _key_id(key)) + text
    start = start.ljust(HEAD_BYTES - _SIGNATURE_BYTES)
    return [memoryview(start + _signature(key, start)), *body]


def read_head(head: bytes, size: int, identity: str, key: bytes) -> Header:
    """Verify the head of a file, and that the file is as long as it should be.

    Parameters
    ----------
    head : bytes
        The first 512 bytes of the file, or all of a shorter one.
    size : int
        Bytes of the whole file.
    identity : str
    key : bytes

    Raises
    ------
    Unsound : it is not what it should be
    """
    if head[: len(MAGIC)] != MAGIC[: len(head)]:
        raise Unsound("its file is corrupt: it does not begin as a stored result")
    if len(head) < HEAD_BYTES:
        raise Unsound(f"its file is truncated: only {size} bytes are left")
    _, version, length, key_id = _START.unpack_from(head)
    if version > FORMAT:
        raise Unsound(f"its file was written by a newer wfkit (format {version})")
    if key_id != _key_id(key):
        raise Unsound("its file was signed with another key")
    start, signature = head[:-_SIGNATURE_BYTES], head[-_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(key, start)):
        raise Unsound("its file is corrupt: its signature does not fit")
    facts = json.loads(start[_START.size : _START.size + length])
    if facts["identity"] != identity:
        raise Unsound(f"its file holds another result, `{facts['identity']}`")
    expected = HEAD_BYTES + facts["body_bytes"]
    if size < expected:
        raise Unsound(f"its file is truncated: {size} of {expected} bytes are left")
    if size > expected:
        raise Unsound(f"its file is corrupt: it has {size - expected} bytes too many")
    return Header(facts["parts"], facts["body_bytes"], facts["sha256"], facts["written_s"])


def read(source: Source, identity: str, key: bytes) -> Content:
    """Read a file and verify all of it; nothing is unpickled.

    Each part gets room of its own, so that it can be freed alone. The file is not mapped into memory: whoever can write
    it could then change what has been verified.

    Raises
    ------
    Unsound : it is not what it should be
    """
    head = bytearray(min(HEAD_BYTES, source.size))
    _fill(source, memoryview(head))
    header = read_head(bytes(head), source.size, identity, key)
    body = _Body(source)
    table = body.part(8 * header.parts)
    lengths = struct.unpack(f"<{header.parts}Q", table)
    if sum(length + _padding(length) for length in (len(table), *lengths)) != header.body_bytes:
        raise Unsound("its file is corrupt: its lengths do not fit")
    payload, *buffers = [body.part(length) for length in lengths]
    if not hmac.compare_digest(body.digest.hexdigest(), header.digest):
        raise Unsound("its file is corrupt: its checksum does not fit")
    return Content(payload, buffers, header.written_s)


class _Body:
    """What follows the head, digested as it is read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def part(self, length: int) -> bytearray:
        part = bytearray(length)
        for room in (memoryview(part), memoryview(bytearray(_padding(length)))):
            for at in range(0, room.nbytes, _CHUNK_BYTES):
                chunk = room[at : at + _CHUNK_BYTES]
                _fill(self._source, chunk)
                self.digest.update(chunk)
        return part


def _padding(length: int) -> int:
    return -length % _ALIGNED_BYTES


def _signature(key: bytes, start: bytes) -> bytes:
    return hmac.digest(key, start, "sha256")


def _key_id(key: bytes) -> bytes:
    """Tells keys apart and betrays none; it only serves to say why a signature does not fit."""
    return hmac.digest(key, b"id", "sha256")[:8]


def _fill(source: Source, room: memoryview) -> None:
    while room.nbytes:
        count = source.readinto(room)
        if not count:
            raise Unsound("its file became shorter while it was read")
        room = room[count:]
