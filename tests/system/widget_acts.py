"""What tests of acting in the built widget share."""

from __future__ import annotations

from playwright.sync_api import Locator
from playwright.sync_api import Page as Tab

from tests.notebook.stories import MONTHS
from tests.notebook.telling import StoryRun, ended, run_finished
from wfkit.core.states import RunState, TaskState


def dialog_of(tab: Tab) -> Locator:
    return tab.get_by_role("dialog")


def repaired(run: StoryRun) -> None:
    """The rerun keeps what there is, and executes the rest."""
    done = TaskState.COMPLETED
    run.tell(*(ended(0, index, TaskState.REUSED) for index in range(MONTHS)), ended(3, 0, TaskState.REUSED))
    for group in (1, 2):
        run.tell(*(ended(group, index, done if index == 6 else TaskState.REUSED) for index in range(MONTHS)))
    run.tell(*(ended(group, 0, done) for group in (4, 5, 6)), run_finished(RunState.COMPLETED))
