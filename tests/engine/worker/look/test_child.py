"""What the process that shows a value says, frame by frame."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from wfkit.engine.worker import frames
from wfkit.engine.worker.look.child import parts_of
from wfkit.engine.worker.look.form import MOST_BYTES, Look

#: Shows a value in a fresh process, and writes what it said to a file that was open before.
_SCRIPT = """
import json, os, pickle, sys
from wfkit.engine.worker import frames
from wfkit.engine.worker.look import child
out = os.fdopen(int(sys.argv[1]), "wb")
def send(parts):
    for part in parts:
        out.write(part)
    out.flush()
told = json.dumps([sys.path, os.getcwd(), {"GIVEN": "yes"}, "/tmp"]).encode()
child.show(send, bytearray(told), [pickle.dumps(eval(sys.argv[2]))])
"""


def said(value: str) -> list[tuple[bytes, bytes]]:
    """The frames that a process says about the value of an expression."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file:
        subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(writing), value], pass_fds=[writing], check=False, timeout=30
        )
        os.close(writing)
        data = file.read()
    found = []

    def read_into(room: memoryview) -> None:
        nonlocal data
        room[:] = data[: len(room)]
        data = data[len(room) :]

    while data:
        kind, payload, _ = frames.read(read_into)
        found.append((kind, bytes(payload)))
    return found


def test_it_says_that_it_begins_and_what_is_shown() -> None:
    (begun, how), (kind, payload) = said("{'a': 1}")
    assert (begun, how, kind) == (b"b", b"written", b"v")
    assert json.loads(payload)[0] == "tree"


def test_what_cannot_be_loaded_never_begins() -> None:
    ((kind, payload),) = said("type('T', (), {'__reduce__': lambda self: (int, ('x',))})()")
    assert kind == b"v"
    assert json.loads(payload)[1]["reason"].startswith("it cannot be loaded: it raised ValueError")


@pytest.mark.parametrize("look", [Look("image", {}, b"\x89PNG"), Look("text", {"head": "ä\udc80"})])
def test_a_look_is_a_frame_of_json_and_a_picture(look: Look) -> None:
    _, text, image = parts_of(look)
    assert json.loads(bytes(text)) == [look.kind, look.fields]
    assert bytes(image) == look.image


def test_a_look_that_is_too_large_is_a_reason() -> None:
    _, text, _ = parts_of(Look("text", {"head": "x" * MOST_BYTES}))
    assert json.loads(bytes(text))[0] == "none"
