"""Processes with a history of their own open, that do what they are told and can be stopped, killed and limited."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[2]

#: Evaluates each line that comes in, and prints what came of it.
_LOOP: Final = """
import sys
from pathlib import Path
from tests.history.making import *
from tests.system.historians import *
from wfkit.history.store import History
for line in sys.stdin:
    try:
        answer = ("value", eval(line))
    except Exception as error:
        answer = ("error", f"{type(error).__name__}: {error}")
    print(repr(answer), flush=True)
"""


class Historian:
    """A process; `history` is its history, `driver` who drives its runs.

    Parameters
    ----------
    folder : Path
    prefix : list of str
        A command that starts it, such as `unshare`.
    prepare : str
        Python that it runs first.
    """

    def __init__(self, folder: Path, prefix: list[str] | None = None, prepare: str = "") -> None:
        self.process = subprocess.Popen(
            [*(prefix or []), sys.executable, "-c", prepare + _LOOP],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.begin(f"globals().update(history=History.open(Path({str(folder)!r})), driver=Watching())")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.communicate()

    def begin(self, expression: str) -> None:
        """Have something evaluated; `end` waits for it. Several answers come in order."""
        assert self.process.stdin is not None
        print(expression, file=self.process.stdin, flush=True)

    def end(self) -> Any:
        """The value of the expression that was begun first and not ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process is gone"
        kind, value = ast.literal_eval(line)
        if kind == "error":
            raise RuntimeError(value)
        return value

    def value(self, expression: str) -> Any:
        """The value of an expression, if all before have been ended."""
        self.begin(expression)
        return self.end()

    def end_of_line(self) -> int:
        """The next number that it prints."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def rest(self) -> str:
        """What it printed before it ended, and nobody read."""
        assert self.process.stdout is not None
        whole, _, _ = self.process.stdout.read().rpartition("\n")
        return whole

    def ready(self) -> Self:
        """Wait until its history is open."""
        self.end()
        return self

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


# --- what they are told to do ---


def write(history: Any, number: int, events: int, batch: int = 20) -> bool:
    """Record a run of this number, so many events long, in small batches; True once all is in the database."""
    from tests.history.making import a_record, encoded, run_id

    history.begin(a_record(number))
    record = record_of(number, events)
    for start in range(0, events, batch):
        history.append(run_id(number), encoded(record[start : start + batch]))
    return bool(history.flush(60))


def write_for_ever(history: Any, number: int) -> None:
    """Record a run without an end, and print the number of the last event that is surely in the database."""
    import os

    from tests.history.making import a_record, encoded, logged, run_id

    history.begin(a_record(number))
    seq = 0
    while True:
        for _ in range(10):
            history.append(run_id(number), encoded([logged(seq + 1 + at, os.urandom(1_000).hex()) for at in range(10)]))
            seq += 10
        if history.flush(60):
            print(seq, flush=True)


def claim_ten_times_at_once(history: Any, run_id: str) -> list[bool]:
    """Whether each of ten threads got a run."""
    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(lambda _: history.claim(run_id) is not None, range(10)))


def record_of(number: int, events: int) -> list[Any]:
    from tests.history.making import begun, trivial

    return [*begun(number, events), *trivial(events)][:events]
