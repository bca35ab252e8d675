"""Surviving: a flow of three stages whose executions leave lines, and owners that vanish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import update

from tests.system.kernels import Kernel, open_kernel
from tests.system.running import notes
from wfkit.core.events import RunFinished
from wfkit.core.ids import RunId
from wfkit.history import tables
from wfkit.history.store import History
from wfkit.session.session import session

#: A value that is stored in a file, not in the record of its node.
LARGE_BYTES: Final = 5_000

#: What every notebook here begins with. Each execution leaves a line: "clean 3".
BEGIN: Final = """
import os, time
from collections import Counter
import wfkit
from wfkit import task

LOG, PAD = {log!r}, b"." * {pad}

def note(stage, x):
    with open(LOG, "a") as file:
        file.write(f"{{stage}} {{x}}\\n")

def number(value):
    return value[0] if isinstance(value, tuple) else value

def value_of(x):
    return (x, PAD) if PAD else x

@task
def load(i):
    note("load", i)
    return value_of(i)

@task
def enrich(value):
    note("enrich", number(value))
    return value_of(number(value) + 1)

@task
def report(values):
    note("report", len(values))
    return sum(map(number, values))
"""
#: `clean` fails for three elements.
BROKEN: Final = """
@task
def clean(value):
    x = number(value)
    note("clean", x)
    if x % 1_000 in (3, 7, 9) and x < 1_000:
        raise ValueError(x)
    return value_of(10 * x)
"""
FIXED: Final = """
@task
def clean(value):
    x = number(value)
    note("clean", x)
    return value_of(10 * x)
"""
FLOW: Final = """%%flow etl -p n={n} --wait
raw = load.map(range(n))
tidy = clean.map(raw)
rich = enrich.map(tidy)
summary = report(rich)
"""


def executed(log: Path) -> Counter[str]:
    """How often each stage was executed since the last look."""
    counts = Counter(line.split()[0] for line in notes(log))
    log.unlink(missing_ok=True)
    return counts


@contextmanager
def notebook(log: Path, pad: int = 0) -> Iterator[Kernel]:
    """A kernel with the tasks in it, all but `clean`."""
    with open_kernel() as kernel:
        assert kernel.run("%load_ext wfkit").traceback == []
        assert kernel.run(BEGIN.format(log=str(log), pad=pad)).traceback == []
        yield kernel


def history() -> History:
    """What this process has of the record."""
    found = session().keeper.history
    assert found is not None
    return found


def forget_owners() -> None:
    """As if all owners had not been heard of for longer than their lease."""
    with history()._database.writing() as connection:
        connection.execute(update(tables.runs).where(tables.runs.c.until_s > 0).values(until_s=1.0))


def ends_on_record(run_id: RunId) -> list[RunFinished]:
    """The events that end a run; there should be one."""
    return [event for event in history().events(run_id) if isinstance(event, RunFinished)]
