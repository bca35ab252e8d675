"""What handles hear from their run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.task import task
from wfkit.authoring.waiting import as_completed
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.errors import WaitTimeout

GO = threading.Event()


@task
def wait_for_go(x: Any) -> Any:
    import sys

    module = next(m for name, m in list(sys.modules.items()) if name.endswith("driver.test_answers"))
    assert module.GO.wait(20)
    return x


@task(log_prints=True)
def says(x: Any) -> Any:
    print(f"hello {x}")
    return x


def test_state_and_preview_follow_the_task(new_run: Callable[[], Run]) -> None:
    GO.clear()
    run = new_run()
    with inside(FlowBody(run, "flow")):
        handle = wait_for_go(4)
        many = wait_for_go.map([1, 2, 3])
    run.close_body(None, {})
    assert handle.state in (TaskState.PENDING, TaskState.RUNNING)
    with pytest.raises(WaitTimeout, match=r"`wait_for_go` is still .* after 0\."):
        handle.result(timeout=0.02)
    with pytest.raises(WaitTimeout):
        many.wait(timeout=0.02)
    GO.set()
    assert handle.result(10) == 4
    assert (handle.state, repr(handle)) == (TaskState.COMPLETED, "<Handle wait_for_go: COMPLETED 4>")
    assert many.wait(10) is many
    assert repr(many) == "<Handle wait_for_go#2: 3 COMPLETED>"


def test_handles_can_be_awaited(new_run: Callable[[], Run]) -> None:
    GO.clear()
    run = new_run()
    with inside(FlowBody(run, "flow")):
        handles = [wait_for_go(1), wait_for_go(2)]
    run.close_body(None, {})

    async def both() -> list[object]:
        asyncio.get_running_loop().call_later(0.05, GO.set)
        return list(await asyncio.gather(*map(_awaited, handles)))

    assert asyncio.run(both()) == [1, 2]


async def _awaited(handle: object) -> object:
    return await handle  # type: ignore[misc]


def test_as_completed_gives_each_handle_once(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")):
        handles = [says(i) for i in range(5)]
        mapped = says.map(range(3))
    run.close_body(None, {})
    assert sorted(handle.name for handle in as_completed([*handles, mapped], timeout=10)) == sorted(
        [handle.name for handle in handles] + [f"{mapped.name}[{k}]" for k in range(3)]
    )


def test_logs_are_those_of_the_node_or_of_all_elements(run_of: Callable[[Callable[[], object]], Run]) -> None:
    run = run_of(lambda: says.map([1, 2, 3]))
    assert [line.text for line in run.node("says[1]").logs()] == ["hello 2"]
    assert sorted(line.text for line in run.node("says").logs()) == ["hello 1", "hello 2", "hello 3"]
    assert sorted(line.text for line in run.logs()) == ["hello 1", "hello 2", "hello 3"]


def test_waiting_for_a_failure_does_not_handle_it(run_of: Callable[[Callable[[], object]], Run]) -> None:
    @task
    def boom() -> Any:
        raise ValueError

    def waits() -> None:
        boom().wait(10)
        list(as_completed([boom()], timeout=10))

    assert run_of(waits).state is RunState.FAILED
