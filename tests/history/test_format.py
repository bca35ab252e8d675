"""A file gives back what was put into it; changed, cut, longer by a byte, or under another name it gives nothing."""

from __future__ import annotations

import io
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.history import format as files
from wfkit.history.faults import Unsound
from wfkit.history.format import HEAD_BYTES, Content, read, read_head, seal

KEY = bytes(range(32))


class Bytes(io.BytesIO):
    """A file in memory that gives a few bytes at a time, as sockets do."""

    def __init__(self, data: bytes, size: int | None = None) -> None:
        super().__init__(data)
        self.size = len(data) if size is None else size

    def readinto(self, room: memoryview, /) -> int:  # type: ignore[override]  # the narrower one is asked for
        return super().readinto(room[:1000])


def sealed(payload: bytes = b"payload", *buffers: bytes, identity: str = "run/a", key: bytes = KEY) -> bytes:
    return b"".join(seal(identity, payload, buffers, key, 12.5))


def opened(data: bytes, identity: str = "run/a", key: bytes = KEY) -> Content:
    return read(Bytes(data), identity, key)


@given(payload=st.binary(max_size=5000), buffers=st.lists(st.binary(max_size=3000), max_size=5))
def test_what_was_put_in_comes_out(payload: bytes, buffers: list[bytes]) -> None:
    data = sealed(payload, *buffers)
    found = opened(data)
    assert [bytes(part) for part in (found.payload, *found.buffers)] == [payload, *buffers]
    assert found.written_s == 12.5
    assert len(data) % 64 == 0


def test_a_value_of_arrays_comes_back_writable_and_aligned() -> None:
    np = pytest.importorskip("numpy")
    value = {"a": np.arange(1000.0), "b": np.ones((30, 7), dtype="i2"), "c": np.zeros(0), "text": "x" * 500}
    buffers: list[pickle.PickleBuffer] = []
    payload = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    data = b"".join(seal("run/a", payload, buffers, KEY, 0.0))
    found = opened(data)
    back = pickle.loads(found.payload, buffers=found.buffers)
    assert back["text"] == value["text"]
    for name in ("a", "b", "c"):
        assert (back[name] == value[name]).all()
        assert back[name].flags.writeable
        assert back[name].flags.aligned
        assert data.find(value[name].tobytes()) % 64 == 0


def test_buffers_are_not_copied_into_the_pieces() -> None:
    large = bytearray(10_000)
    assert any(piece.obj is large for piece in seal("run/a", b"", [large], KEY, 0.0))


def test_a_thousand_buffers_fit() -> None:
    buffers = [bytes([at % 256]) * at for at in range(1000)]
    assert opened(sealed(b"payload", *buffers)).buffers == buffers


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_each_byte_counts(flip: int) -> None:
    data = sealed(b"payload" * 20, b"buffer" * 30)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= flip
        with pytest.raises(Unsound):
            opened(bytes(changed))


def test_a_file_cut_anywhere_is_refused() -> None:
    data = sealed(b"payload" * 20, b"buffer" * 30)
    for length in range(len(data)):
        with pytest.raises(Unsound, match="truncated"):
            opened(data[:length])


def test_a_file_with_more_at_its_end_is_refused() -> None:
    with pytest.raises(Unsound, match="corrupt: it has 3 bytes too many"):
        opened(sealed() + b"abc")


def test_a_file_that_shrinks_while_it_is_read_is_refused() -> None:
    data = sealed(b"payload" * 1000)
    with pytest.raises(Unsound, match="became shorter while it was read"):
        read(Bytes(data[:-100], size=len(data)), "run/a", KEY)


def test_reasons() -> None:
    data = sealed()
    newer = data[:8] + b"\x02" + data[9:]
    assert {
        what: refused(*of)
        for what, of in {
            "another name": (data, "run/b", KEY),
            "another key": (data, "run/a", bytes(32)),
            "no file of ours": (b"PK\x03\x04" * 200, "run/a", KEY),
            "a newer one": (newer, "run/a", KEY),
            "a changed head": (data[:100] + b"!" + data[101:], "run/a", KEY),
            "a changed body": (data[:600] + b"!" + data[601:], "run/a", KEY),
            "an empty one": (b"", "run/a", KEY),
        }.items()
    } == {
        "another name": "its file holds another result, `run/a`",
        "another key": "its file was signed with another key",
        "no file of ours": "its file is corrupt: it does not begin as a stored result",
        "a newer one": "its file was written by a newer wfkit (format 2)",
        "a changed head": "its file is corrupt: its signature does not fit",
        "a changed body": "its file is corrupt: its checksum does not fit",
        "an empty one": "its file is truncated: only 0 bytes are left",
    }


def refused(data: bytes, identity: str, key: bytes) -> str:
    with pytest.raises(Unsound) as caught:
        opened(data, identity, key)
    return str(caught.value)


def test_lengths_that_do_not_fit_are_refused_before_there_is_room_for_them() -> None:
    data = bytearray(sealed(b"payload"))
    data[HEAD_BYTES + 7] = 0x7F  # the length of the pickle is now above 9 exabytes
    assert refused(bytes(data), "run/a", KEY) == "its file is corrupt: its lengths do not fit"


def test_the_head_alone_tells_what_is_needed_to_check_a_file() -> None:
    data = sealed(b"payload", b"buffer")
    head = read_head(data[:HEAD_BYTES], len(data), "run/a", KEY)
    assert (head.parts, head.body_bytes, head.written_s) == (2, len(data) - HEAD_BYTES, 12.5)


def test_the_longest_name_fits_into_the_head() -> None:
    identity = "cache/" + "a" * 128
    assert opened(sealed(identity=identity), identity).payload == b"payload"
    assert len(files.seal(identity, b"", [], KEY, 1_700_000_000.123456)[0]) == HEAD_BYTES
