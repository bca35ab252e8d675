"""Events come in and calls go out, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from wfkit.authoring.context import FlowBody, current, inside
from wfkit.authoring.task import task
from wfkit.core.events import NodeFinished
from wfkit.core.states import TaskState
from wfkit.engine.driver.run import Run


@task
def inc(x: Any) -> Any:
    return x + 1


def test_calls_are_submitted_without_anybody_waiting(new_run: Callable[[], Run]) -> None:
    run, done = new_run(), threading.Event()
    with inside(FlowBody(run, "flow")):
        handle = inc(1)
        run.subscribe(lambda: done.set() if handle.state is TaskState.COMPLETED else None)
        assert done.wait(10)
    run.close_body(None, {})
    run.wait(10)


def test_a_thread_that_attached_adds_calls(new_run: Callable[[], Run]) -> None:
    run, results = new_run(), list[object]()

    def work() -> None:
        current.attach()
        results.append(inc(10).result(10))

    with inside(FlowBody(run, "flow")):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
    run.close_body(None, {})
    run.wait(10)
    assert results == [11]


def test_a_repeated_or_late_end_changes_nothing(run_of: Callable[[Callable[[], object]], Run]) -> None:
    run = run_of(lambda: inc(1))
    (group,) = run.groups
    run.record_events([NodeFinished(group=group, index=0, attempt=1, state=TaskState.FAILED)])
    assert run.node("inc").state is TaskState.COMPLETED
    assert run.node("inc").result() == 2


def test_when_done_calls_back_at_once_if_it_holds(new_run: Callable[[], Run]) -> None:
    run, called = new_run(), list[int]()
    run.when_done(lambda: True, lambda: called.append(1))
    run.close_body(None, {})
    run.when_ended(lambda: called.append(2))
    assert called == [1, 2]
