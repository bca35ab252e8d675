"""Frames: what goes in comes out, whatever the sizes, and large buffers are not copied."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.engine.worker import frames


def reader(parts: list[memoryview]) -> io.BytesIO:
    return io.BytesIO(b"".join(parts))


def read(file: io.BytesIO) -> tuple[bytes, bytes, list[bytes]]:
    def read_into(room: memoryview) -> None:
        assert file.readinto(room) == len(room)

    kind, payload, buffers = frames.read(read_into)
    return kind, bytes(payload), [bytes(buffer) for buffer in buffers]


@given(st.binary(), st.lists(st.binary(), max_size=4))
def test_frames_follow_each_other(payload: bytes, buffers: list[bytes]) -> None:
    file = reader(frames.parts_of(frames.VALUE, payload, buffers) + frames.parts_of(frames.BEGUN, b""))
    assert read(file) == (frames.VALUE, payload, buffers)
    assert read(file) == (frames.BEGUN, b"", [])
    assert not file.read()


@pytest.mark.parametrize("array", [np.ones((3, 4)), np.ones((3, 4), order="F"), np.empty((0, 2)), np.ones(())])
def test_buffers_of_any_shape_are_sent_as_they_are(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    (_, _, part) = frames.parts_of(frames.VALUE, b"", [pickle.PickleBuffer(array)])  # type: ignore[arg-type]  # typed as a buffer from Python 3.12 on
    assert part.nbytes == array.nbytes
    assert np.shares_memory(np.asarray(part), array) or not array.size


def test_what_ends_too_early_raises() -> None:
    def read_into(room: memoryview) -> None:
        raise EOFError

    with pytest.raises(EOFError):
        frames.read(read_into)
