"""Black boxes: what a process executed is known when it is dead."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from wfkit.engine.blackbox import BlackBox, Readout, Where


@pytest.fixture
def box(tmp_path: Path) -> BlackBox:
    return BlackBox(tmp_path)


def read(box: BlackBox) -> set[str]:
    readout = Readout.of(box.where)
    assert readout is not None
    return readout.keys()


def test_what_is_executed_is_in_it_and_what_has_ended_is_not(box: BlackBox) -> None:
    readout = Readout.of(box.where)
    assert readout is not None
    assert readout.keys() == set()
    box.note("load-1-0")
    box.note("größer-2-0")
    box.note("load-1-0")
    assert readout.keys() == {"load-1-0", "größer-2-0"}
    box.forget("load-1-0")
    box.forget("load-1-0")
    box.forget("never")
    assert readout.keys() == {"größer-2-0"}


def test_it_can_be_read_when_its_file_was_deleted(box: BlackBox) -> None:
    readout = Readout.of(box.where)
    assert readout is not None
    box.note("load-1-0")
    Path(box.where.path).unlink()
    assert readout.keys() == {"load-1-0"}


def execute_and_die(sender: multiprocessing.connection.Connection, folder: Path) -> None:
    box = BlackBox(folder)
    sender.send(tuple(box.where))
    box.note("done-1-0")
    box.note("deadly-1-0")
    box.forget("done-1-0")
    os.kill(os.getpid(), signal.SIGKILL)


def test_it_outlives_its_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe()
    process = context.Process(target=execute_and_die, args=(sender, tmp_path))
    process.start()
    where = Where(*receiver.recv())
    process.join(20)
    assert process.exitcode == -signal.SIGKILL
    readout = Readout.of(where)
    assert readout is not None
    assert readout.keys() == {"deadly-1-0"}


def test_one_that_holds_too_much_tells_nothing(box: BlackBox) -> None:
    for number in range(1_023):
        box.note(f"load-{number}")
    assert len(read(box)) == 1_023
    box.forget("load-7")
    box.note("another")
    assert "another" in read(box)
    box.note("one more")
    assert read(box) == set()
    box.forget("one more")
    assert len(read(box)) == 1_023


def test_a_key_that_is_too_long_is_not_cut(box: BlackBox) -> None:
    box.note("x" * 252)
    assert read(box) == {"x" * 252}
    box.note("x" * 253)
    assert read(box) == set()


def test_another_file_at_the_same_place_is_not_taken_for_it(box: BlackBox, tmp_path: Path) -> None:
    assert Readout.of(box.where._replace(token=b"of another machine")) is None
    assert Readout.of(box.where._replace(path=str(tmp_path / "missing"))) is None
    (tmp_path / "short").write_bytes(box.where.token)
    assert Readout.of(box.where._replace(path=str(tmp_path / "short"))) is None


def test_a_full_disk_costs_the_box_and_not_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, f"{path} has no room for {len(content)} bytes")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert BlackBox.in_folder(str(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_where_no_file_can_be_made_there_is_none(tmp_path: Path) -> None:
    assert BlackBox.in_folder(str(tmp_path / "missing")) is None
    assert BlackBox.in_folder(str(tmp_path)) is not None


def test_threads_may_note_at_the_same_time(box: BlackBox) -> None:
    def come_and_go(number: int) -> None:
        for turn in range(200):
            box.note(f"{number}-{turn}")
            if turn % 10:
                box.forget(f"{number}-{turn}")

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(box) == {f"{number}-{turn}" for number in range(4) for turn in range(0, 200, 10)}
