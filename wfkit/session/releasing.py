"""Releasing: a new run of a flow frees what the earlier ones hold on the cluster, once nobody goes on from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wfkit.core.states import RUN_ENDS

if TYPE_CHECKING:
    from wfkit.engine.driver.run import Run


def release_earlier(run: Run, earlier: Iterable[Run]) -> None:
    """Free what earlier runs of its flow hold, unless pinned, now that a run has ended.

    A rerun the body of which was cut short frees nothing: whoever goes on from it wants what it had not come to.
    """
    if run.parent_id is None or not run.view_model.is_cut_short:
        release_all(known for known in earlier if not known.pinned)


def release_all(runs: Iterable[Run]) -> None:
    """Free what those of the runs hold that have ended."""
    for run in runs:
        if run.state in RUN_ENDS:
            run.release()
