"""Reruns: what it takes to go on after three of many have failed, and what a record costs while a run goes on."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal
from unittest import mock

from distributed import Client

from benchmarks import work
from benchmarks.measure import OURS, Budget, Result, take_turns
from wfkit import flow, task
from wfkit.authoring.handle import Handle
from wfkit.clusters.local import LocalOptions, start_local
from wfkit.engine.driver.run import Run
from wfkit.session.launch import execute
from wfkit.session.session import Session, close_session
from wfkit.session.settings import WfkitSettings

#: The other contestant: the same, and nothing is kept.
OFF: Final = "history off"
_SECTION: Final = "Reruns and history"
_BAD: Final = (3, 5, 7)
_RUN_S: Final = 300.0
#: The record costs a few hundredths, and runs on one machine differ by tenths: so many times as often as others.
_MANY: Final = 12

increment = task(work.increment)


def fails_for_some(number: int) -> int:
    """Fail for three."""
    if number in _BAD:
        raise ValueError(number)
    return number


def fails_for_none(number: int) -> int:
    """The same, mended."""
    return number


check = task(name="check")(fails_for_some)


@task
def count(numbers: Any) -> int:
    """All at the end."""
    return len(numbers)


@flow
def three_stages(length: int) -> Any:
    """Maps over maps, and a reduce."""
    return count(increment.map(check.map(increment.map(range(length)))))


@flow
def one_stage(length: int, chunk: Literal["auto", 1]) -> Handle:
    """A map over numbers."""
    return increment.map(range(length), chunk=chunk)


def reruns(*, length: int, repetitions: int) -> Iterator[Result]:
    """Go on after three failures; then maps with the record and without, taking turns."""
    found = _three_failures(length, repetitions)
    for name, title, budget in (
        ("plan", f"Plan of a rerun of 3 among {length:,} in three stages", None),
        ("submitted", "Plan, and all of the rerun submitted", Budget(2.0, of="value")),
        ("total", "Plan, and the rerun done", None),
    ):
        yield Result(f"rerun-{name}", title, "s", {OURS: found[name]}, budget, section=_SECTION)
    with _two_sessions() as (sessions, rest):
        # As many as take a second or two, so that both of a pair find the machine at the same pace.
        kinds: dict[Literal["auto", 1], tuple[int, str]] = {
            "auto": (2 * length, "in chunks"),
            1: (length // 4, "with `chunk=1`"),
        }
        for chunk, (many, word) in kinds.items():
            turns = {name: partial(_map, one, many, chunk) for name, one in sessions.items()}
            yield Result(
                f"history-cost-{chunk}",
                f"{many:,} no-op tasks {word}, with their record",
                "s",
                take_turns(turns, _MANY * repetitions, between=rest),
                Budget(1.05),
                tasks=many,
                section=_SECTION,
            )
        disk_bytes = _bytes_per_task(sessions[OURS])
    yield Result(
        "history-disk",
        "Disk per task of these runs",
        "B",
        {OURS: [disk_bytes]},
        Budget(2_000.0, of="value"),
        section=_SECTION,
    )


@contextmanager
def _own_home() -> Iterator[Path]:
    """Keep what is measured out of the user's history."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, WFKIT_HOME=folder):
        close_session()
        try:
            yield Path(folder)
        finally:
            close_session()


def _three_failures(length: int, repetitions: int) -> dict[str, list[float]]:
    global check  # noqa: PLW0603 - what a cell does that is executed again
    samples: dict[str, list[float]] = {"plan": [], "submitted": [], "total": []}
    with _own_home():
        failed: Any = three_stages.run(length)
        check = task(name="check")(fails_for_none)
        for _ in range(repetitions):
            gc.collect()
            begin_s = time.perf_counter()
            plan = failed.plan()
            planned_s = time.perf_counter() - begin_s
            run = failed.rerun()
            run.until(lambda run=run: run.body_ended, _RUN_S)
            submitted_s = time.perf_counter() - begin_s
            run.wait(_RUN_S)
            samples["total"].append(time.perf_counter() - begin_s)
            samples["plan"].append(planned_s)
            samples["submitted"].append(submitted_s)
            if plan.counts["run"] != 2 * len(_BAD) + 1 or run.result() != length:
                raise AssertionError(f"{plan.headline}; {run}")
            run.release()
        check = task(name="check")(fails_for_some)
    return samples


@contextmanager
def _two_sessions() -> Iterator[tuple[dict[str, Session], Callable[[], None]]]:
    """Sessions with the record and without, on one cluster, and what waits until the cluster is at rest."""
    with ExitStack() as stack:
        stack.enter_context(_own_home())
        own = stack.enter_context(start_local(LocalOptions()))
        client = stack.enter_context(Client(own.address, set_as_default=False))  # type: ignore[no-untyped-call]
        sessions = {OURS: Session(WfkitSettings()), OFF: Session(WfkitSettings(history_keep=False))}
        for name, one in sessions.items():
            stack.callback(one.close)
            one.connect(own.address)
            _map(one, 200, 1, len(name))

        def rest() -> None:
            for one in sessions.values():
                for run in one.runs:
                    run.release()
                if one.keeper.history is not None:
                    one.keeper.history.flush(_RUN_S)
            while client.run_on_scheduler(_count_tasks):
                time.sleep(0.01)

        yield sessions, rest


def _count_tasks(dask_scheduler: Any) -> int:
    return len(dask_scheduler.tasks)


def _map(joined: Session, length: int, chunk: Literal["auto", 1], _: int) -> float:
    begin_s = time.perf_counter()
    _run(joined, length, chunk)
    return time.perf_counter() - begin_s


def _run(joined: Session, length: int, chunk: Literal["auto", 1]) -> Run:
    parameters: dict[str, object] = {"length": length, "chunk": chunk}
    run = joined.new_run(one_stage, parameters)
    execute(run, one_stage, parameters)
    if run.wait(_RUN_S).state != "COMPLETED":
        raise AssertionError(f"{run}: {run.view_model.reason}")
    return run


def _bytes_per_task(joined: Session) -> float:
    """All that the home holds, by the tasks that it records."""
    history = joined.keeper.history
    assert history is not None
    history.flush(_RUN_S)
    tasks = sum(sum(run.view_model.counts()) for run in joined.runs)
    files = [file for file in Path(os.environ["WFKIT_HOME"]).rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / tasks
