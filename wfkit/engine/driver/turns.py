"""Turns: the body of a rerun makes no call before the body of a run that still goes on, if that one may make it, too.

Both bodies wake at the same end of a node. What the rerun calls first is not on record: it would be executed by both.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from wfkit.core.events import GroupSpec
from wfkit.core.ids import spawner
from wfkit.core.states import RunState

if TYPE_CHECKING:
    from wfkit.engine.driver.growing import GrowingRun
    from wfkit.engine.driver.run import Run

#: What a run calls in another state is not executed any more.
_GOING: Final = (RunState.RUNNING, RunState.PAUSED)


def take_turn(run: GrowingRun, spec: GroupSpec) -> None:
    """Wait before a call of the flow's body that the run ahead may yet make: until it has, or made another, or ended.

    Called under the run's lock, which is released meanwhile.
    """
    if run.reuse is None or spawner(spec.id) is not None:
        return
    before = run.reuse.ahead
    if before is None or any(_is_held_up(one) for one in _ancestors(run)):
        return
    while run.state in _GOING and _goes_on(before):
        known = len(before.view_model.groups)
        if not run.reuse.may_come(spec):
            return
        _wait_for_more(run, before, known)


def _wait_for_more(run: GrowingRun, before: Run, known: int) -> None:
    def has_more() -> bool:  # asked under the lock of either run
        return len(before.view_model.groups) > known or not _goes_on(before)

    before.when_done(has_more, partial(run.do_apart, partial(_wake, run)))
    run.until(lambda: has_more() or run.state not in _GOING, None)


def _wake(run: GrowingRun) -> None:
    with run.lock:
        run.changed.notify_all()


def _goes_on(run: Run) -> bool:
    return run.state in _GOING and not run.body_ended


def _is_held_up(run: Run) -> bool:
    """Whether a body cannot go on while this thread waits: both are executed in one event loop."""
    return not run.body_ended and run.body_thread == threading.get_ident()


def _ancestors(run: GrowingRun) -> Iterator[Run]:
    while run.reuse is not None and (before := run.reuse.ahead) is not None:
        yield before
        run = before
