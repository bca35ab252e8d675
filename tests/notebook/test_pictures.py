"""Pictures of runs, live ones and others, as whoever holds a run asks for them."""

from __future__ import annotations

from typing import Any

from tests.notebook.stories import monthly
from tests.notebook.test_comparison import etl
from wfkit.notebook.pictures import Pictures


def test_a_run_that_goes_on_is_drawn_until_now() -> None:
    plot: Any = Pictures().timeline(monthly(9))
    assert "RUNNING" in plot.title.text


def test_two_runs_are_compared() -> None:
    both = Pictures().compare(etl("r-b", 10.0), etl("r-a", 4.0))
    assert (both.this.id, both.other.id) == ("r-b", "r-a")
    plot: Any = both.figure()
    assert plot.title.text.startswith("etl r-b took 33.0 s")


def test_a_run_can_be_compared_with_itself() -> None:
    run = etl("r-a", 4.0)
    assert "about as long" in Pictures().compare(run, run).headline
