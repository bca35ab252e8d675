"""Values show themselves in a process: whatever their code does, it costs a reason, and nothing is left of it."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from tests.engine.worker.isolating import alive, until
from wfkit.authoring.secrets import Secret
from wfkit.engine.worker.look import process
from wfkit.engine.worker.look.form import MOST_BYTES, Look
from wfkit.engine.worker.look.process import look_in_process
from wfkit.engine.worker.outcome import dump_value

pytestmark = pytest.mark.timeout(60)


class Shown:
    """A value whose repr is some code."""

    def __init__(self, code: Callable[[], Any]) -> None:
        self.code = code

    def __repr__(self) -> str:
        return self.code()


class Html(Shown):
    """The same for its HTML."""

    def _repr_html_(self) -> str:
        return self.code()

    __repr__ = object.__repr__


class Loads:
    """Its code runs where it is loaded."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code, {})


def look_at(value: object) -> Look:
    return look_in_process(dump_value(value))


def reason(value: object) -> str:
    return str(look_at(value).fields.get("reason", ""))


def spin() -> str:
    while True:
        pass


def sleep() -> str:
    time.sleep(100)
    return ""


def stubborn() -> str:
    import signal

    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    return spin()


def raise_(error: BaseException) -> str:
    raise error


def deep() -> str:
    return deep() + "x"


def segfault() -> str:
    import ctypes

    return str(ctypes.string_at(0))


HOSTILE: dict[str, tuple[Callable[[], Any], str]] = {
    "loops": (spin, "timeout: it took longer than 250 ms"),
    "sleeps": (sleep, "timeout: it took longer than 250 ms"),
    "loops and cannot be told": (stubborn, "timeout: it took longer than 250 ms"),
    "raises": (lambda: raise_(RuntimeError("no")), "it raised RuntimeError: no"),
    "raises what nobody catches": (lambda: raise_(KeyboardInterrupt()), "it raised KeyboardInterrupt"),
    "exits": (lambda: sys.exit(2), "it raised SystemExit: 2"),
    "exits at once": (lambda: os._exit(3), "exit code 3"),
    "recurses": (deep, "it raised RecursionError"),
    "is no text": (lambda: 3, "__repr__ returned non-string"),
    "crashes": (segfault, "SIGSEGV"),
    "kills itself": (lambda: os.kill(os.getpid(), 9), "SIGKILL"),
    "takes all memory": (lambda: str(len(bytearray(8_000_000_000))), "too much memory"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", [Shown, Html])
def test_hostile_code_costs_a_reason_and_no_more(name: str, kind: type[Shown]) -> None:
    code, words = HOSTILE[name]
    start_s = time.monotonic()
    look = look_at(kind(code))
    if name == "is no text" and kind is Html:
        assert look.kind == "text"
        return
    assert look.kind == "none"
    assert words in str(look.fields["reason"])
    assert time.monotonic() - start_s < 10


def test_a_text_of_a_gigabyte_ends_somehow_and_is_small() -> None:
    for size in (10_000_000, 900_000_000):
        look = look_at(Shown(partial("x".__mul__, size)))
        assert len(json.dumps(look.fields)) < MOST_BYTES


def test_what_it_prints_and_logs_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    def loud() -> str:
        print("heard")
        os.write(1, b"heard")
        sys.stderr.write("heard")
        subprocess.run(["echo", "heard"], check=False)
        return "quiet"

    assert look_at(Shown(loud)).fields["head"] == "quiet"
    assert "heard" not in "".join(capfd.readouterr())


def test_it_can_delete_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("content")
    assert "PermissionError" in reason(Shown(kept.unlink))
    assert "PermissionError" in reason(Html(lambda: kept.write_text("")))
    assert kept.read_text() == "content"


def test_nothing_that_it_starts_is_left() -> None:
    def start() -> str:
        return str(subprocess.Popen(["sleep", "1000"]).pid)

    child = int(str(look_at(Shown(start)).fields["head"]))
    until(lambda: not alive(child))


def test_nothing_of_this_process_is_used_up() -> None:
    look_at(Shown(str))  # the nursery starts
    before = len([*Path("/proc/self/fd").iterdir()]), threading.active_count()
    for code in (str, lambda: os._exit(1), spin):
        look_at(Shown(code))
    assert len([*Path("/proc/self/fd").iterdir()]) <= before[0]
    assert threading.active_count() <= before[1]


def test_a_process_is_quick_when_the_first_has_been_started() -> None:
    look_at(Fraction(1, 3))
    took = []
    for _ in range(5):
        start_s = time.monotonic()
        assert look_at(Fraction(1, 3)).fields["head"] == "Fraction(1, 3)"
        took.append(time.monotonic() - start_s)
    assert min(took) < 0.2


def test_a_value_that_cannot_be_loaded_says_why() -> None:
    assert reason(Loads("raise ValueError('torn')")) == "it cannot be loaded: it raised ValueError: torn"
    assert reason(Loads("import os; os._exit(4)")).endswith("exit code 4 before it had a result")


def test_loading_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_LOAD_S", 0.5)
    assert reason(Loads("import time; time.sleep(60)")) == "it was not loaded within 0.5 s"


def test_known_types_inside_a_pickle_are_shown_as_anywhere() -> None:
    assert look_at(np.arange(6)).fields["corner"] == [["0", "1", "2", "3", "4", "5"]]
    assert look_at({"a": 1}).kind == "tree"


def test_a_figure_is_drawn_with_more_time() -> None:
    import matplotlib.figure

    look = look_at(matplotlib.figure.Figure())
    assert (look.kind, look.image[:4]) == ("image", b"\x89PNG")


def test_secrets_that_the_value_holds_are_hidden() -> None:
    secret = Secret("canary-in-a-preview")
    assert look_at(Shown(lambda: f"<{secret.get()}>")).fields["head"] == "<***>"
    assert look_at(Html(lambda: f"<b>{secret.get()}")).fields["html"] == "<b>***"


def test_what_is_too_large_to_be_copied_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_PICKLED_BYTES", 1_000_000)
    assert look_in_process((b"", [bytearray(2_000_000)])).fields["reason"] == (
        "too large: 2 MB would have to be copied to look at it"
    )


@pytest.mark.parametrize(
    "answer",
    [b"no json", b'["text"]', b'["unknown", {}]', b'["text", []]', b"[" * 100_000, pickle.dumps(print)],
    ids=["no json", "short", "unknown", "no fields", "deep", "a pickle"],
)
def test_what_a_process_makes_up_is_not_believed(answer: bytes) -> None:
    code = f"""
import gc
from wfkit.engine.worker import frames, isolated_child
(talk,) = [one for one in gc.get_objects() if isinstance(one, isolated_child._Connection)]
talk.send(frames.parts_of(frames.VALUE, {answer!r}, [b""]))
"""
    assert reason(Loads(code)) == "its process did not keep to the rules"


def test_a_frame_that_says_it_is_huge_is_not_waited_for() -> None:
    code = """
import gc, struct
from wfkit.engine.worker import isolated_child
(talk,) = [one for one in gc.get_objects() if isinstance(one, isolated_child._Connection)]
talk.send([memoryview(struct.pack("<cI", b"v", 1) + struct.pack("<Q", 1 << 50))])
import time; time.sleep(30)
"""
    start_s = time.monotonic()
    assert reason(Loads(code)) == "its process did not keep to the rules"
    assert time.monotonic() - start_s < 10


def test_a_folder_that_is_gone_and_a_path_of_other_things_are_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(sys, "path", [Path("lib"), *sys.path])
    assert look_at(Fraction(1, 3)).fields["head"] == "Fraction(1, 3)"


def test_where_no_process_can_be_started_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(until_s: float) -> NoReturn:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(process, "OwnProcess", refuse)
    assert reason(Fraction(1, 3)) == "no process could show it: OSError"
