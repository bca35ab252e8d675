"""Flows called in task bodies: their body runs there, as a group below the task."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import wfkit
from tests.authoring.conftest import Recording, task_body
from wfkit import Handle, flow, task
from wfkit.authoring.context import FlowBody, inside, place
from wfkit.errors import BadFlow, BadParameter, BlockingInAsync, NotInFlow


@task
def add(x: int) -> int:
    return x + 1


@flow
def etl(x: int) -> Any:
    return {"x": x, "sum": add(x), "name": wfkit.current.task_name, "place": place()}


def test_its_body_runs_there_as_a_group_and_gives_handles(in_task: Recording) -> None:
    around = place()
    found = etl("3")  # type: ignore[arg-type]  # coerced
    assert (found["x"], found["name"]) == (3, "outer")
    assert isinstance(found["sum"], Handle)  # a call in a flow's body is a submit
    assert isinstance(found["place"], FlowBody)
    assert (found["place"].task, found["place"].flow_name) == (around, "etl")
    assert in_task.subflows == ["etl", "/etl"]
    assert place() is around
    assert add(1) == 2  # in the task's own body it is not


def test_its_handles_can_be_waited_for(in_task: Recording) -> None:
    in_task.source.values[("add", 0)] = 8

    @flow
    def waiting(x: int) -> object:
        return add.submit(x).result()

    assert waiting(7) == 8


def test_its_group_is_closed_when_it_raises(in_task: Recording) -> None:
    @flow
    def broken() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        broken()
    with pytest.raises(BadParameter):
        etl("x")  # type: ignore[arg-type]
    assert in_task.subflows == ["broken", "/broken"]


@pytest.mark.parametrize("how", ["run", "start"])
def test_a_run_of_its_own_is_refused(in_task: Recording, how: str) -> None:
    with pytest.raises(NotInFlow, match=rf"`etl\.{how}\(\)` was called inside the task `outer`\. Write `etl\("):
        getattr(etl, how)(1)

    @flow
    def inner() -> None:
        getattr(etl, how)(1)

    with pytest.raises(NotInFlow):
        inner()


def test_in_a_process_of_its_own_it_is_refused() -> None:
    told = r'`etl\(\)` was used inside `outer`, which runs with isolate="process"\..* in a plain function'
    with inside(task_body()), pytest.raises(NotInFlow, match=told):
        etl(1)


@flow
async def soon(x: int) -> object:
    await asyncio.sleep(0)
    return [x, add(x)]


def test_an_async_flow_is_awaited_there(in_task: Recording) -> None:
    async def work() -> Any:
        return await asyncio.gather(soon(1), soon(2))

    with pytest.raises(BadFlow, match=r"async flow `soon` was called in the body of `outer`.*`await soon\(\.\.\.\)`"):
        soon(1)  # type: ignore[unused-coroutine]
    first, second = asyncio.run(work())
    assert isinstance(first[1], Handle)
    assert (first[0], second[0], sorted(in_task.subflows)) == (1, 2, ["/soon", "/soon", "soon", "soon"])


def test_an_async_flow_may_not_block_there(in_task: Recording) -> None:
    @flow
    async def blocking() -> object:
        return add.submit(1).result()

    async def work() -> object:
        return await blocking()

    with pytest.raises(BlockingInAsync):
        asyncio.run(work())
