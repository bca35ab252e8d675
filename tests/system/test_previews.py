"""Previews on real workers: of any value, wherever it is, at no cost for the run, the workers and the kernel."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.system.running import Workers, ran, started, touch, until
from wfkit import Secret, task
from wfkit.engine.driver.reading import Looked

LARGE = 100_000


class Shown:
    """Large, and its repr is one of these."""

    def __init__(self, how: str, path: str = "") -> None:
        self.how, self.path, self.padding = how, path, bytes(LARGE)

    def __repr__(self) -> str:
        match self.how:
            case "exits":
                os._exit(1)
            case "loops":
                while True:
                    pass
            case "deletes":
                Path(self.path).unlink()
            case "tells":
                return f"shown in {os.getpid()}"
            case _:
                return "x" * 1_000_000_000
        return ""


@task
def frame(rows: int) -> Any:
    return pd.DataFrame({"n": np.arange(rows)})


@task
def number(n: int) -> int:
    return n


@task
def shown(how: str, path: str = "") -> Any:
    return Shown(how, path)


@task
def secret(value: Any) -> Any:
    return {"note": f"it is {value.get()}", "padding": "x" * LARGE}


@task
def wait_for(gate: str, mark: str) -> None:
    touch(Path(mark))
    until(lambda: Path(gate).exists())


def look(run: Any, name: str) -> Looked:
    group, index = run.view_model.by_name(name)
    looked: Looked = run.look(group.spec.id, index or 0)
    return looked


def test_a_value_is_shown_where_it_was_made(unharmed: Workers) -> None:
    run = ran(lambda: frame.map([LARGE, 2 * LARGE]))
    looked = look(run, "frame[1]")
    assert looked.look.fields["shape"] == [2 * LARGE, 1]
    group, _ = run.view_model.by_name("frame")
    assert looked.where == run.view_model.workers[group.worker_of[1]]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exits", "exit code 1"),
        ("loops", "timeout: it took longer than 250 ms"),
        ("deletes", "PermissionError"),
        ("grows", ""),
    ],
)
def test_hostile_values_cost_neither_a_worker_nor_a_state(
    unharmed: Workers, tmp_path: Path, how: str, words: str
) -> None:
    kept = tmp_path / "kept"
    kept.touch()
    run = ran(lambda: shown(how, str(kept)))
    version = run.view_model.version
    looked = look(run, "shown")
    if words:
        assert words in str(looked.look.fields["reason"])
    assert (run.state, run.node("shown").state) == ("COMPLETED", "COMPLETED")
    assert run.view_model.version == version
    assert kept.exists()


def test_the_code_of_a_value_runs_neither_in_the_worker_nor_here(unharmed: Workers) -> None:
    run = ran(lambda: shown("tells"))
    pid = int(str(look(run, "shown").look.fields["head"]).split()[-1])
    assert pid not in {os.getpid(), *unharmed.pids().values()}


def test_workers_whose_threads_are_all_busy_show_values(unharmed: Workers, tmp_path: Path) -> None:
    gate, marks = tmp_path / "gate", [str(tmp_path / f"mark{n}") for n in range(4)]
    done = ran(lambda: frame(LARGE))
    busy = started(lambda: [wait_for(str(gate), mark) for mark in marks])
    until(lambda: all(Path(mark).exists() for mark in marks))
    start_s = time.monotonic()
    assert look(done, "frame").look.kind == "table"
    assert time.monotonic() - start_s < 5
    gate.touch()
    busy.wait(20)


def test_secrets_are_hidden(unharmed: Workers) -> None:
    run = ran(lambda: secret(Secret("canary-of-previews")))
    told = str(look(run, "secret").look.fields)
    assert "it is ***" in told
    assert "canary" not in told


def test_what_the_cluster_has_released_is_shown_from_the_store_in_a_process(unharmed: Workers) -> None:
    run = ran(lambda: (shown("tells"), frame.with_options(persist_result=False)(LARGE)))
    run.release()
    looked = look(run, "shown")
    assert looked.where == "the store of results"
    assert looked.look.kind == "text", looked
    assert int(str(looked.look.fields["head"]).split()[-1]) != os.getpid()
    assert look(run, "frame").look.fields == {"reason": "the results of `frame` were released"}
