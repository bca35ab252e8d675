"""Tracebacks taken apart: frames, whose they are, and the cells that they are in."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.shells import Lab
from wfkit.engine.worker.failure import describe
from wfkit.notebook.frames import cell_numbers, errors_in

SITE = "/opt/venv/lib/python3.12/site-packages"
TEXT = f"""\
Traceback (most recent call last):
  File "/tmp/ipykernel_71/2884403313.py", line 12, in clean
    return numbers(frame)
           ^^^^^^^^^^^^^^
  File "{SITE}/pandas/core/generic.py", line 6640, in astype
    new = self._mgr.astype(dtype)
  File "/opt/venv/lib/python3.12/json/decoder.py", line 355, in raw_decode
    obj, end = self.scan_once(s, idx)
ValueError: no number
  File "/not/a/frame.py", line 1, in message
and more
"""


def frames_of(text: str, cells: dict[str, int] | None = None) -> list[dict[str, Any]]:
    frames: Any = errors_in(text, cells or {})[-1]["frames"]
    return frames


def test_frames_tell_where_they_are_and_whose() -> None:
    frames = frames_of(TEXT, {"2884403313.py": 4})
    assert [(one["where"], one["package"]) for one in frames] == [
        ("cell 4, line 12", ""),
        ("generic.py, line 6640", "pandas"),
        ("decoder.py, line 355", "Python"),
    ]
    assert (frames[0]["function"], frames[0]["cell"]) == ("clean", 4)
    assert frames[0]["code"] == "return numbers(frame)\n       ^^^^^^^^^^^^^^"
    assert [one["failing"] for one in frames] == [True, False, False]


def test_what_a_message_says_is_no_frame() -> None:
    (error,) = errors_in(TEXT, {})
    assert error["text"] == 'ValueError: no number\n  File "/not/a/frame.py", line 1, in message\nand more'


def test_a_cell_of_another_kernel_is_a_cell_without_a_number() -> None:
    frame = frames_of(TEXT)[0]
    assert (frame["where"], frame["cell"], frame["package"]) == ("a cell, line 12", None, "")


def test_without_a_frame_of_the_user_the_innermost_one_counts() -> None:
    text = f'Traceback (most recent call last):\n  File "{SITE}/numpy.py", line 3, in dot\n    x\nValueError: no\n'
    (frame,) = frames_of(text)
    assert (frame["package"], frame["failing"]) == ("numpy", True)


def test_a_real_chain_comes_apart_as_it_was_written() -> None:
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error
    except ValueError as error:
        error.add_note("look at the third column")
        first, second = errors_in(describe(error).traceback, {})
    assert (first["link"], first["text"]) == ("", "KeyError: 'first'")
    assert second["link"] == "The above exception was the direct cause of the following exception:"
    assert second["text"] == "ValueError: second\nlook at the third column"
    frames: Any = second["frames"]
    assert [(one["function"], one["failing"]) for one in frames] == [
        ("test_a_real_chain_comes_apart_as_it_was_written", True)
    ]


def test_a_long_recursion_keeps_its_gap_and_its_end() -> None:
    def dig(depth: int) -> int:
        return 1 // 0 if depth == 0 else dig(depth - 1) + 1

    def other(depth: int) -> int:
        return dig(0) if depth == 0 else other(depth - 1) + (depth and 1)

    with pytest.raises(ZeroDivisionError) as raised:
        other(90)
    text = describe(raised.value).traceback
    frames = frames_of(text)
    assert "more frames …" in "".join(one["where"] + one["code"] for one in frames) or "repeated" in text
    assert (frames[-1]["function"], frames[-1]["failing"]) == ("dig", True)


def test_a_traceback_that_was_cut_keeps_the_frames_on_both_sides() -> None:
    cut = (
        "Traceback (most recent call last):\n"
        '  File "/home/a.py", line 1, in a\n    b()\n  File "/home/b.p'
        "\n… 900 characters left out …\n"
        'ne 3, in c\n    d()\n  File "/home/d.py", line 4, in d\n    raise ValueError\nValueError\n'
    )
    frames = frames_of(cut)
    assert [one["function"] for one in frames if one["line"]] == ["a", "d"]
    assert any("left out" in one["where"] for one in frames)
    assert errors_in(cut, {})[-1]["text"] == "ValueError"


@given(st.text(max_size=300) | st.text(alphabet=' File"<>,line0123\n', max_size=300))
def test_any_text_comes_apart(text: str) -> None:
    for error in errors_in(text, {}):
        assert isinstance(error["text"], str)


@pytest.mark.parametrize("path", [r"C:\Python312\Lib\json\decoder.py", "<frozen importlib._bootstrap>"])
def test_the_standard_library_is_known_on_any_system(path: str) -> None:
    (frame,) = frames_of(f'Traceback (most recent call last):\n  File "{path}", line 3, in f\nValueError\n')
    assert frame["package"] == "Python"


def test_a_cell_that_was_executed_here_has_its_number(lab: Lab) -> None:
    lab.shell.run_cell("def broken():\n    return 1 // 0", store_history=True)
    with pytest.raises(ZeroDivisionError) as raised:
        lab.shell.user_ns["broken"]()
    text = "".join(traceback.format_exception(raised.value))
    frame = frames_of(text, cell_numbers())[-1]
    assert frame["cell"] == lab.shell.execution_count - 1
    assert frame["where"] == f"cell {frame['cell']}, line 2"
