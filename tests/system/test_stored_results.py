"""Stored results through what befalls processes and disks: kills, full disks, many writers at once, large values."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from wfkit.core.ids import run_id
from wfkit.errors import StoreFailed
from wfkit.history.home import home
from wfkit.history.results import ResultStore, open_results

RUN = run_id(1_700_000_000_000, bytes(10))
DIGEST = "ab" * 16
MB = 1_000_000

#: Writes files of 4 MB, each of one byte's value alone, for ever; says when each is done.
WRITER = """
import pickle, sys
cache, run = pickle.loads(bytes.fromhex(sys.argv[1]))
for at in range(1_000_000):
    value = [bytes([at % 256]) * 2_000_000] * 2
    cache.put(sys.argv[2], b"", value)
    print(run.write("large", b"", value), flush=True)
"""

#: Writes or reads an array of 200 MB, and says by how many bytes the most memory in use has grown for it.
LARGE = """
import pickle, sys
from pathlib import Path
import numpy
run = pickle.loads(bytes.fromhex(sys.argv[1]))
most = lambda: 1024 * int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
if sys.argv[2] == "write":
    value, buffers = numpy.full(25_000_000, 1.5), []
    before = most()
    payload = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    print(run.write("large", payload, buffers))
else:
    before = most()
    assert run.load(sys.argv[2]).sum() == 37_500_000
    print()
print(most() - before)
"""

#: Tells the key of a home, and writes results at the same time as others do.
CROWD = """
import pickle, sys
from pathlib import Path
from wfkit.history.results import open_results
store = open_results(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
store = open_results(Path(sys.argv[1]))
print(store._key.hex())
for at in range(100):
    print(store.for_run(sys.argv[2]).write("same", pickle.dumps((sys.argv[3], at))))
"""


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return open_results(home({"WFKIT_HOME": str(tmp_path / "home")}))


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out.splitlines()


def is_one_value(parts: list[bytearray]) -> bool:
    return len(parts) == 2 and all(part == part[:1] * 2_000_000 for part in parts) and parts[0] == parts[1]


def test_a_writer_that_is_killed_leaves_whole_files_alone(store: ResultStore) -> None:
    told: list[str] = []
    travelling = pickle.dumps((store.for_cache(), store.for_run(RUN))).hex()
    for written in range(6):
        process = python(WRITER, travelling, DIGEST)
        assert process.stdout is not None
        told += [process.stdout.readline().strip() for _ in range(1 + written % 3)]
        folder = Path(store.url) / ("cache" if written % 2 else RUN)
        while not any(path.suffix == ".part" for path in folder.iterdir()):  # it is in the middle of a file
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for reference in told:
        assert is_one_value(store.for_run(RUN).read(reference)[1])
    whole = [f"{RUN}/{path.name}" for path in (Path(store.url) / RUN).iterdir() if path.suffix != ".part"]
    assert store.check_all(whole) == {}
    assert set(told) <= set(whole)
    cached = store.for_cache().get(DIGEST)
    assert cached is not None
    assert is_one_value(cached.buffers)


def test_processes_that_begin_at_once_share_one_key_and_harm_no_results(tmp_path: Path) -> None:
    at_home = home({"WFKIT_HOME": str(tmp_path / "home")})
    (at_home / "results").mkdir(0o700)
    crowd = [python(CROWD, at_home, RUN, name) for name in "abcd"]
    for process in crowd:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    (at_home / "key").unlink()  # made by the first; now all make it at the same time
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [lines_of(process) for process in crowd]
    assert len({key for key, *_ in answers}) == 1
    store = open_results(at_home)
    values = [store.load(reference) for _, *references in answers for reference in references]
    assert values == [(name, at) for name in "abcd" for at in range(100)]
    assert [path.name for path in at_home.iterdir() if path.name.endswith(".part")] == []


def test_a_large_array_is_not_copied_to_be_written_and_is_in_memory_once_when_it_is_read(store: ResultStore) -> None:
    pytest.importorskip("numpy")
    travelling = pickle.dumps(store.for_run(RUN)).hex()
    reference, grown = lines_of(python(LARGE, travelling, "write"))
    assert int(grown) < 20 * MB
    _, grown = lines_of(python(LARGE, travelling, reference))
    assert 190 * MB < int(grown) < 230 * MB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_harms_no_other_result(store: ResultStore, small_disk: Path) -> None:
    on_disk = open_results(Path(store.url).parent, str(small_disk))
    on_disk.write_probe()
    run, cache = on_disk.for_run(RUN), on_disk.for_cache()
    value = os.urandom(800_000)
    references = [run.write("a", value)]
    cache.put(DIGEST, value)
    with pytest.raises(StoreFailed, match=r"The result of `b` could not be stored in .*/disk: the disk is full\. Make"):
        run.write("b", b"", [value])
    with pytest.raises(StoreFailed, match=r"A value could not be cached in .*/disk: the disk is full"):
        cache.put(DIGEST, os.urandom(800_000))
    cached = cache.get(DIGEST)
    assert cached is not None
    assert cached.payload == value
    assert on_disk.check_all(references) == {}
    assert sorted(path.suffix for path in small_disk.rglob("*") if path.is_file()) == ["", "", ""]
    (small_disk / "cache" / DIGEST).unlink()
    assert on_disk.check_all([run.write("b", b"", [value])]) == {}


def test_writing_and_checking_many_results_costs_little(store: ResultStore) -> None:
    """Seconds of the processor, with generous limits for a machine that is shared; measured 0.5 and 0.07."""
    run = store.for_run(RUN)
    process = psutil.Process()
    before_s = sum(process.cpu_times()[:2])
    references = [run.write("clean[3]", b"x" * 10_000) for _ in range(2_000)]
    written_s = sum(process.cpu_times()[:2])
    assert store.check_all(references) == {}
    checked_s = sum(process.cpu_times()[:2])
    assert written_s - before_s < 3
    assert checked_s - written_s < 1
