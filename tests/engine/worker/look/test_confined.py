"""A confined process reads, but changes no file, connects to nobody, and has limits."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from wfkit.engine.worker.look import confined

#: Prints what each line of code does there.
_SCRIPT = """
import os, socket, sys, time
from wfkit.engine.worker.look.confined import confine, limit_memory, limit_time
folder, port = sys.argv[1], int(sys.argv[2])
if not confine():
    print("not here"); sys.exit()
def tried(what):
    try:
        what(); return "done"
    except (PermissionError, OSError) as error:
        return type(error).__name__
print(tried(lambda: open(folder + "/kept").read()))
print(tried(lambda: open(folder + "/kept", "w")))
print(tried(lambda: os.truncate(folder + "/kept", 0)))
print(tried(lambda: os.remove(folder + "/kept")))
print(tried(lambda: os.rename(folder + "/kept", folder + "/moved")))
print(tried(lambda: os.mkdir(folder + "/new")))
print(tried(lambda: os.symlink(folder + "/kept", folder + "/link")))
print(tried(lambda: socket.create_connection(("127.0.0.1", port))))
print(tried(lambda: os.system("rm -f " + folder + "/kept")))
"""


def executed(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=20, check=False
    )


def test_nothing_can_be_changed_and_nobody_reached(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("content")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = executed(_SCRIPT, tmp_path, server.getsockname()[1]).stdout.split()
    if said == ["not", "here"]:
        pytest.skip("this kernel has no Landlock")
    assert said == ["done", *["PermissionError"] * 7, "done"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "content"


def test_in_a_folder_that_is_named_all_may_be_changed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    script = f"""
import subprocess
from wfkit.engine.worker.look.confined import confine
print(confine({str(scratch)!r}))
open({str(scratch / "new")!r}, "w").write("content")
subprocess.run(["touch", {str(scratch / "other")!r}], stdout=subprocess.DEVNULL, check=True)
open({str(tmp_path / "outside")!r}, "w")
"""
    said = executed(script)
    if said.stdout.split() == ["False"]:
        pytest.skip("this kernel has no Landlock")
    assert said.stderr.splitlines()[-1].startswith("PermissionError")
    assert sorted(path.name for path in scratch.iterdir()) == ["new", "other"]


def test_a_limit_that_is_not_for_good_is_lifted_by_what_was_started() -> None:
    script = """
import resource, sys
from wfkit.engine.worker.look.confined import limit_memory
limit_memory(100_000_000, for_good=False)
kind = resource.RLIMIT_DATA
try:
    x = "y" * 500_000_000
except MemoryError:
    resource.setrlimit(kind, (resource.getrlimit(kind)[1],) * 2)
    print(len("y" * 500_000_000))
"""
    assert executed(script).stdout.split() == ["500000000"]


def test_memory_has_a_limit() -> None:
    script = "from wfkit.engine.worker.look.confined import *\nlimit_memory(100_000_000)\nx = 'y' * 500_000_000"
    assert "MemoryError" in executed(script).stderr


def test_computing_has_a_limit_and_waiting_has_none() -> None:
    script = "from wfkit.engine.worker.look.confined import *\nimport time\nlimit_time(0.2)\n"
    assert executed(script + "while True: pass").returncode == -signal.SIGPROF
    assert executed(script + "time.sleep(0.5)").returncode == 0


def test_a_kernel_without_landlock_confines_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_CREATE_RULESET", 1_000_000)  # a call that no kernel knows
    assert not confined.confine()
