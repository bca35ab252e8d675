"""Drawing: timelines and comparisons of real runs, those of this process and those on record."""

from __future__ import annotations

from typing import Any

import pytest
from bokeh.models.renderers import GlyphRenderer

from tests.session.cells import CURED, PIPELINE, Cells, ended
from wfkit.engine.driver import viewing
from wfkit.notebook.pictures import Pictures
from wfkit.session.session import Session


@pytest.fixture(autouse=True)
def wired(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs know what draws them, as after any use of a public name."""
    monkeypatch.setattr(viewing, "_PLOTTER", [Pictures])


def names(plot: Any) -> list[str]:
    """The bars of a timeline."""
    return sorted(name for bars in plot.select(GlyphRenderer) for name in bars.data_source.data["name"])


def test_a_run_is_drawn_the_same_here_and_from_the_record(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE)
    run = cells["etl"].run(3)
    found = current.keeper.find(run.id)
    assert names(run.timeline()) == ["clean[0]", "clean[1]", "clean[2]", "load[0]", "load[1]", "load[2]"]
    assert names(found.timeline()) == names(run.timeline())


def test_a_rerun_is_compared_with_its_parent_wherever_either_is_known_from(cells: Cells, current: Session) -> None:
    cells.execute(PIPELINE)
    run = cells["etl"].run()
    cells.execute(CURED)
    again = ended(run.rerun())
    here = again.compare(run)
    counts = {
        pair.task: (pair.this.executed, pair.this.reused, pair.this.failed)
        for pair in here.tasks
        if pair.this is not None
    }
    assert counts == {"load": (0, 4, 0), "clean": (2, 2, 0), "report": (1, 0, 0)}
    assert here.this.id == again.id
    recorded = current.keeper.find(again.id).compare(current.keeper.find(run.id))
    assert [pair.task for pair in recorded.tasks] == [pair.task for pair in here.tasks]
    assert recorded.this.tasks["clean"].times_s == pytest.approx(here.this.tasks["clean"].times_s)
