"""Starting: imports, the local cluster, and how long it takes from `%load_ext wfkit` to the first task."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from benchmarks.fresh import ROOT, measured_in
from benchmarks.measure import OURS, Budget, Result, take_turns

_SECTION: Final = "Starting"
_IMPORTS: Final = {
    "import": ("import wfkit", 0.3),
    "import-names": ("from wfkit import task, flow, unmapped", 0.6),
}


def starting(*, repetitions: int) -> Iterator[Result]:
    """Everything that somebody waits for before the first task runs."""
    for name, (statement, limit_s) in _IMPORTS.items():
        samples = take_turns({OURS: _importing(statement)}, repetitions)
        note = "a fresh interpreter each time, warm file cache, the interpreter's own start taken off"
        yield Result(name, f"`{statement}`", "s", samples, Budget(limit_s, of="value"), note=note, section=_SECTION)
    found = [measured_in("starting") for _ in range(repetitions)]
    for name, key, title, limit in (
        ("start-local", "start_local_s", "Start of the local cluster, workers included", None),
        ("load-ext", "load_ext_s", "`%load_ext wfkit` returns", 1.0),
        ("first-task", "first_task_s", "From `%load_ext wfkit` to the start of the first task", 4.0),
    ):
        budget = Budget(limit, of="value") if limit else None
        note = "a fresh process each time"
        yield Result(name, title, "s", {OURS: [one[key] for one in found]}, budget, note=note, section=_SECTION)


def _importing(statement: str) -> Callable[[int], float]:
    code = f"import time; begin = time.perf_counter(); {statement}; print(time.perf_counter() - begin)"

    def seconds(_: int) -> float:
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        return float(done.stdout)

    seconds(0)
    return seconds


def main() -> None:
    """Measure in this process, which must be fresh; prints JSON."""
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    begin_s = time.time()
    shell.run_line_magic("load_ext", "wfkit")
    loaded_s = time.time()
    shell.run_cell("from wfkit import flow, task\nfrom benchmarks import work\nincrement = task(work.increment)")
    shell.run_cell("run = flow(lambda: increment(1), name='first').run()").raise_error()
    group = next(iter(shell.user_ns["run"].view_model.groups.values()))

    from wfkit.clusters.local import start_local
    from wfkit.session.session import close_session

    close_session()
    start_s = time.time()
    with start_local():
        started_s = time.time()
    answer = {
        "load_ext_s": loaded_s - begin_s,
        "first_task_s": group.started_s[0] - begin_s,
        "start_local_s": started_s - start_s,
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
