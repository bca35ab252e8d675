"""Viewing: a run asks the provided maker for its view, and says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wfkit.engine.driver import viewing
from wfkit.engine.driver.reading import ReadableRun
from wfkit.engine.driver.run import Run
from wfkit.errors import BadArguments, WfkitError


@pytest.fixture(autouse=True)
def no_maker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewing, "_MAKER", [])
    monkeypatch.setattr(viewing, "_PLOTTER", [])


def test_a_run_gives_the_view_that_the_maker_makes(new_run: Callable[[], Run]) -> None:
    view: Any = object()
    shown = dict.fromkeys([new_run()], view)
    viewing.provide_view(shown.__getitem__)
    assert [run.view() for run in shown] == [view]


def test_what_is_not_installed_is_named(new_run: Callable[[], Run]) -> None:
    def maker(_: Run) -> Any:
        raise ModuleNotFoundError("No module named 'anywidget'", name="anywidget")

    viewing.provide_view(maker)
    with pytest.raises(WfkitError, match=r"needs `anywidget`, which is not installed\. Install it"):
        new_run().view()


class Drawn:
    """Draws runs as what it was asked."""

    def timeline(self, run: ReadableRun) -> object:
        return ("timeline", run)

    def compare(self, run: ReadableRun, other: ReadableRun) -> object:
        return ("compare", run, other)


def test_a_run_gives_what_the_plotter_draws(new_run: Callable[[], Run]) -> None:
    viewing.provide_plotter(Drawn)
    run, other = new_run(), new_run()
    drawn: Any = run.timeline()
    assert drawn == ("timeline", run)
    assert run.compare(other) == ("compare", run, other)


@pytest.mark.parametrize("other", [3, "r-1", None, Run])
def test_only_a_run_can_be_compared(new_run: Callable[[], Run], other: Any) -> None:
    with pytest.raises(BadArguments, match=r"`run\.compare` takes another run, not \w+\. Get it with"):
        new_run().compare(other)
