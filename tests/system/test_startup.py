"""How soon things are there: imports, the extension, the first task.

The bounds are promises, which `make bench` measures. Here other tests run beside these: imports are measured by the
time of their own process, and of several kernels the quickest counts.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from tests.system.kernels import open_kernel

#: How often each is measured; odd, so that the median is one of them.
IMPORTS = 5
KERNELS = 3
FIRST_TASK = """
from wfkit import task
@task
def first(): return 1
"""

IN_A_DELETED_FOLDER = """
import os, pathlib, sys
from wfkit import flow, task
@task
def increment(x): return x + 1
@task(isolate="process")
def double(x): return 2 * x
@flow
def both(x): return double(increment(x))
if __name__ == "__main__":
    os.rmdir(os.getcwd())
    sys.path.append(pathlib.Path("/tmp"))
    print(both(3))
"""


@pytest.mark.parametrize(
    ("statement", "most_s"), [("import wfkit", 0.3), ("from wfkit import task, flow, unmapped", 0.6)]
)
def test_importing_is_quick(statement: str, most_s: float) -> None:
    code = f"import time; began = time.process_time(); {statement}; print(time.process_time() - began)"

    def once() -> float:
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    once()  # fills the file cache
    took_s = median(once() for _ in range(IMPORTS))
    print(f"{statement}: {took_s:.3f} s")
    assert took_s < most_s


def test_the_extension_leaves_dask_to_the_background() -> None:
    code = "import sys, wfkit.notebook.extension; print('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_extension_loads_at_once_and_the_first_task_starts_soon_after() -> None:
    loads_s, starts_s = [], []
    for _ in range(KERNELS):
        with open_kernel() as kernel:
            kernel.run("import time; before_s = time.time()")
            kernel.run("%load_ext wfkit")
            kernel.run("loaded_s = time.time()")
            kernel.run(FIRST_TASK)
            assert kernel.run("%%flow begin --wait\nx = first()", stdin=True).traceback == []
            loads_s.append(kernel.value("loaded_s - before_s"))
            starts_s.append(kernel.value("next(iter(begin.last_run.nodes)).start - loaded_s"))
    print(f"%load_ext wfkit: {median(loads_s):.2f} s; first task after {median(starts_s):.2f} s more")
    assert min(loads_s) < 1
    assert min(starts_s) < 4


def test_flows_run_in_a_folder_that_was_deleted_and_with_a_path_of_modules_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "deleted").mkdir()
    script = tmp_path / "script.py"
    script.write_text(IN_A_DELETED_FOLDER)
    ran = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path / "deleted", capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("8\n", "")
