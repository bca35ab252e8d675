"""The child of an isolated task, talked to directly: its frames, in order."""

from __future__ import annotations

import os
import pickle
import sys
import time
from pathlib import Path

import pytest

from tests.engine.worker.isolating import PLACE
from wfkit.authoring.options import task_options
from wfkit.authoring.pickler import dumps
from wfkit.engine.worker import frames
from wfkit.engine.worker.isolated_child import Work
from wfkit.engine.worker.own_process import OwnProcess

pytestmark = pytest.mark.timeout(60)


def said(code: bytes) -> list[tuple[bytes, object]]:
    process = OwnProcess(time.monotonic() + 20)
    work = Work(code, pickle.dumps(((), {})), PLACE, True, sys.path, str(Path.cwd()), dict(os.environ))
    process.send(frames.parts_of(frames.WORK, pickle.dumps(work)))
    found: list[tuple[bytes, object]] = []
    while not found or found[-1][0] not in (frames.VALUE, frames.ERROR):
        kind, payload, _ = frames.read(process.read_into)
        found.append((kind, pickle.loads(payload) if payload else None))
    process.close()
    return found


def test_it_begins_tells_its_lines_and_its_value() -> None:
    def talk() -> int:
        print("one")
        print("two")
        return 3

    assert said(dumps((talk, task_options({}), {}))) == [
        (frames.BEGUN, None),
        (frames.LINES, [(20, "print", "one")]),
        (frames.LINES, [(20, "print", "two")]),
        (frames.VALUE, 3),
    ]


def test_code_that_cannot_be_loaded_is_an_error_without_a_beginning() -> None:
    ((kind, info),) = said(b"no pickle")
    assert kind == frames.ERROR
    assert getattr(info, "type_name", "") == "UnpicklingError"


def test_lines_of_a_cell_are_in_the_traceback() -> None:
    space: dict[str, object] = {}
    text = "def fail():\n    raise ValueError('in a cell')\n"
    exec(compile(text, "<cell 7>", "exec"), space)
    kind, info = said(dumps((space["fail"], task_options({}), {"<cell 7>": text})))[-1]
    assert kind == frames.ERROR
    assert "raise ValueError('in a cell')" in getattr(info, "traceback", "")
