"""Cells of a notebook whose tasks leave a note when they are executed, for tests of reruns."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

PATIENCE_S = 15.0
PRELUDE = """
import time
from pathlib import Path
from wfkit import Skip, allow_failure, current, flatten, flow, present, task, unmapped


def note(line):
    with open(LOG, "a") as file:
        file.write(f"{line}\\n")


def wait_for(name):
    until = time.monotonic() + 15
    while not Path(f"{LOG}-{name}").exists():
        assert time.monotonic() < until, name
        time.sleep(0.005)
"""
#: A map, a map over it of which elements fail, and a reduce.
PIPELINE = """
@task
def load(i):
    note(f"load {i}")
    return i


@task
def clean(x):
    note(f"clean {x}")
    if x in (1, 3):
        raise ValueError(x)
    return x * 10


@task
def report(xs):
    note("report")
    return sum(xs)


@flow
def etl(n=4):
    raw = load.map(range(n))
    tidy = clean.map(raw)
    summary = report(tidy)
    return {"raw": raw, "tidy": tidy, "summary": summary}
"""
CURED = """
@task
def clean(x):
    note(f"clean {x}")
    return x * 10
"""


class Cells:
    """The names of a notebook, and what its tasks have noted. An edit is to execute another cell."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log"
        self.names: dict[str, Any] = {"__name__": "__main__", "LOG": str(self._log)}
        self.execute(PRELUDE)

    def execute(self, source: str) -> None:
        """Execute a cell."""
        exec(compile(textwrap.dedent(source), "<cell>", "exec", dont_inherit=True), self.names)

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def executed(self) -> list[str]:
        """What tasks have noted since the last time, sorted."""
        lines = sorted(self._log.read_text().splitlines()) if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return lines

    def has_come(self, line: str) -> bool:
        """Whether a task has noted this."""
        return self._log.exists() and line in self._log.read_text().splitlines()

    def has_begun(self, task: str) -> bool:
        """Whether any element of a map has noted that it runs."""
        return self._log.exists() and task in self._log.read_text().split()

    def open_gate(self, name: str) -> None:
        """Let go the tasks that wait for a name."""
        Path(f"{self._log}-{name}").touch()


def ended(run: Any) -> Any:
    """The run, once it has ended."""
    return run.wait(PATIENCE_S)


def reasons(run: Any) -> dict[str, str]:
    """Why each node is as it is."""
    return {row.name: row.reason for row in run.nodes}


def states(run: Any) -> dict[str, str]:
    """How each node ended."""
    return {row.name: row.state.value for row in run.nodes}


def stale(run: Any) -> dict[str, str]:
    """The nodes whose values are stale, and why."""
    return {row.name: row.stale for row in run.nodes if row.stale}
