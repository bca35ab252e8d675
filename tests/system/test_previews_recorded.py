"""Previews of a run on record: another session shows the values that it finds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import wfkit
from tests.system.running import ran
from wfkit import task
from wfkit.engine.driver.reading import Looked
from wfkit.engine.driver.recorded import RecordedRun
from wfkit.session.session import close_session

LARGE = 100_000


class Shown:
    """Large, and its repr is of its own."""

    def __init__(self) -> None:
        self.padding = bytes(LARGE)

    def __repr__(self) -> str:
        return f"shown in {os.getpid()}"


@task
def frame(rows: int) -> Any:
    return pd.DataFrame({"n": np.arange(rows)})


@task
def number(n: int) -> int:
    return n


@task
def shown() -> Any:
    return Shown()


def look(run: Any, name: str) -> Looked:
    group, index = run.view_model.by_name(name)
    looked: Looked = run.look(group.spec.id, index or 0)
    return looked


def test_another_session_shows_the_values_of_a_recorded_run(home: Path) -> None:
    run = ran(lambda: (frame(LARGE), number(3), shown()))
    close_session()
    known = wfkit.attach(run.id)
    assert isinstance(known, RecordedRun)
    assert look(known, "frame").look.fields["shape"] == [LARGE, 1]
    assert look(known, "frame").where == "the store of results"
    assert (look(known, "number").look.fields["head"], look(known, "number").where) == ("3", "the record")
    assert look(known, "shown").look.kind == "text"
    for file in (home / "results" / run.id).iterdir():
        file.write_bytes(b"swapped")
    reason = str(look(known, "shown").look.fields["reason"])
    assert reason.startswith("the stored result")
    assert "is lost" in reason
