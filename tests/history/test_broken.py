"""What is in a broken file is put aside, whoever has the file open."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from wfkit.errors import HistoryUnusable
from wfkit.history.broken import put_aside
from wfkit.history.store import History

GARBAGE = b"garbage" * 1_000
READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN").close()
connection.execute("SELECT count(*) FROM songs").fetchone()
print("reads", flush=True)
sys.stdin.read()
"""


def asides(path: Path) -> dict[str, bytes]:
    return {one.name.rpartition("-")[2]: one.read_bytes() for one in path.parent.glob(f"{path.name}.broken-*")}


def test_what_lay_beside_the_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(GARBAGE)
    path.with_name("history.db-wal").write_bytes(b"log")
    note = put_aside(path, lambda: True, 1.0)
    assert path.read_bytes() == b""
    assert sorted(asides(path).values()) == [GARBAGE, b"log"]
    assert "wal" in asides(path)
    assert len(list(tmp_path.iterdir())) == 3
    assert "begins anew" in note


def test_a_file_that_another_process_has_put_aside_meanwhile_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"good now")
    assert put_aside(path, lambda: False, 1.0) == ""
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"good now"]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_that_another_process_reads_is_not_touched(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "history.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA journal_mode = {mode}; CREATE TABLE songs (title TEXT)")
    connection.close()
    before = path.read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdin is not None
        assert reader.stdout.readline() == "reads\n"
        with pytest.raises(HistoryUnusable, match="another process has it open"):
            put_aside(path, lambda: True, 0.1)
        assert path.read_bytes() == before
        assert asides(path) == {}
        reader.stdin.close()
    put_aside(path, lambda: True, 1.0)
    assert path.read_bytes() == b""


def test_who_had_the_broken_file_open_finds_the_new_history_in_it(tmp_path: Path) -> None:
    """One that goes on with the broken file takes the new one's journal for its own, and writes it into the broken."""
    path = tmp_path / "home" / "history.db"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(GARBAGE)
    other = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        other.execute("SELECT count(*) FROM wfkit_schema")
    history = History.open(path.parent)
    assert other.execute("SELECT count(*) FROM wfkit_schema").fetchone() == (1,)
    assert list(asides(path).values()) == [GARBAGE]
    other.close()
    history.close()
