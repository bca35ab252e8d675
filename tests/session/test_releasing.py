"""Releasing: what ended runs hold is freed once a newer run of the flow has ended, unless somebody goes on from it."""

from __future__ import annotations

from typing import Any

from tests.session.cells import CURED, Cells, ended
from wfkit.core.states import RunState
from wfkit.session.releasing import release_all

BROKEN = """
@task
def clean(x, oops):
    return x
"""


def test_a_rerun_that_was_cut_short_frees_nothing_and_the_next_one_frees_all(cells: Cells, failed: Any) -> None:
    cells.execute(BROKEN)
    cut = ended(failed.rerun())
    assert (cut.state, failed.released) == (RunState.FAILED, False)
    cells.execute(CURED)
    ended(cut.rerun())
    assert failed.until(lambda: failed.released and cut.released, 10.0)


def test_a_run_that_goes_on_from_none_frees_the_earlier_ones_however_it_ends(cells: Cells, failed: Any) -> None:
    cells.execute(BROKEN)
    ended(cells["etl"].start())
    assert failed.until(lambda: failed.released, 10.0)


def test_what_still_goes_on_is_not_freed(cells: Cells) -> None:
    cells.execute("@flow\ndef slow():\n    return held(1)\n@task\ndef held(x):\n    wait_for('held')\n    return x\n")
    run = cells["slow"].start()
    release_all([run])
    assert not run.released
    cells.open_gate("held")
    assert ended(run).result() == 1
    release_all([run])
    assert run.released
