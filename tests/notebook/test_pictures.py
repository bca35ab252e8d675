"""Pictures of runs, live ones and others, as whoever holds a run asks for them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.notebook.stories import monthly
from tests.notebook.test_comparison import etl
from wfkit.notebook import pictures, plots
from wfkit.notebook.pictures import Pictures


def test_a_run_that_goes_on_is_drawn_until_now() -> None:
    plot: Any = Pictures().timeline(monthly(9))
    assert "RUNNING" in plot.title.text


def test_a_run_is_drawn_and_summed_without_its_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    run, other, held = monthly(9), etl("r-a", 4.0), list[bool]()

    def noting(work: Any) -> Any:
        def noted(*arguments: object) -> object:
            held.append(run.lock._is_owned() or other.lock._is_owned())  # type: ignore[attr-defined]  # of any RLock
            return work(*arguments)

        return noted

    monkeypatch.setattr(plots, "timeline_figure", noting(plots.timeline_figure))
    monkeypatch.setattr(pictures, "summed", noting(pictures.summed))  # type: ignore[attr-defined]  # as it is used
    Pictures().timeline(run)
    Pictures().compare(run, other)
    assert held == [False] * 3


def test_two_runs_are_compared() -> None:
    both = Pictures().compare(etl("r-b", 10.0), etl("r-a", 4.0))
    assert (both.this.id, both.other.id) == ("r-b", "r-a")
    plot: Any = both.figure()
    assert plot.title.text.startswith("etl r-b took 33.0 s")


def test_a_run_can_be_compared_with_itself() -> None:
    run = etl("r-a", 4.0)
    assert "about as long" in Pictures().compare(run, run).headline


def test_runs_know_what_draws_them_and_bokeh_is_loaded_by_the_first_drawing_alone() -> None:
    code = (
        "import sys, wfkit; wfkit.Run; "
        "from wfkit.engine.driver.viewing import plotter; drawn = plotter(); "
        "assert 'bokeh' not in sys.modules; "
        "from wfkit.core.view import RunView; import threading, types; "
        "drawn.timeline(types.SimpleNamespace(view_model=RunView(), lock=threading.RLock())); "
        "assert 'bokeh' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
