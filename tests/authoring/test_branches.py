"""Branches: `Flow.map` runs the body once per item, and becomes one task where the items are not here yet."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import cloudpickle
import pytest

from tests.authoring.conftest import Recording, task_body
from wfkit import Flow, Handle, allow_failure, fingerprint, flow, task, unmapped
from wfkit.authoring.context import inside
from wfkit.authoring.freeze import freeze, thaw
from wfkit.errors import BadFlow, BadParameter, BlockingInBranch, MapLengthMismatch, NotInFlow, NotMappable


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@flow
def branch(x: int, y: int = 0) -> Any:
    return [x, y, add(x)]


def test_the_body_runs_once_per_item_each_in_a_group_of_its_own(body: Recording) -> None:
    values: Any = branch.map([10, 20], unmapped(7))
    assert [value[:2] for value in values] == [[10, 7], [20, 7]]
    assert all(isinstance(value[2], Handle) for value in values)
    assert body.subflows == ["branch", "branch[0]", "/branch[0]", "branch[1]", "/branch[1]", "/branch"]
    assert body.branches == [None, 0, 1]
    assert body.given == [{"x": [10, 20], "y": 7}, {"x": 10}, {"x": 20}]
    assert [call.args for call in body.calls] == [(10,), (20,)]


def test_items_are_checked_before_any_body_runs(body: Recording) -> None:
    assert branch.map(["1", 2])[0][0] == 1  # coerced
    before = list(body.subflows)
    told = r"Item 1 of `branch\.map\(\)`: Parameter `x` of the flow `branch` got 'two'"
    with pytest.raises(BadParameter, match=told):
        branch.map([1, "two"])
    with pytest.raises(BadParameter, match="unexpected keyword argument 'z'"):
        branch.map([], z=[])
    with pytest.raises(MapLengthMismatch, match="`x` has 2, `y` has 3"):
        branch.map([1, 2], y=[1, 2, 3])
    with pytest.raises(NotMappable):
        branch.map("ab")
    assert body.subflows == before


def test_nothing_to_map_over_is_an_empty_list(body: Recording) -> None:
    assert branch.map([]) == []
    assert body.subflows == ["branch", "/branch"]


def test_handles_of_known_length_give_their_elements(body: Recording) -> None:
    mapped, pair, whole = body.mapped_handle("m", 2), body.handle("p", n_outputs=2), body.handle("w")

    @flow
    def look(*args: object) -> object:
        return args

    assert look.map(mapped, allow_failure(mapped), pair, unmapped(whole), range(2)) == [
        (mapped[k], allow_failure(mapped[k]), pair[k], whole, k) for k in (0, 1)
    ]


def test_a_branch_may_not_block_but_may_call_flows_and_map(body: Recording) -> None:
    @flow
    def blocking(x: int) -> None:
        add.submit(x).result()

    @flow
    def calling(x: int) -> object:
        return [branch(x), branch.map([x])]

    @flow
    def deep(x: int) -> object:
        return blocking(x)

    for bad in (blocking, deep):
        with pytest.raises(BlockingInBranch, match=r"`add\.result\(\)` would hold up the other branches"):
            bad.map([1])
    assert body.subflows[-1] == "/deep"
    assert len(calling.map([1, 2])) == 2
    assert isinstance(body.handle(), Handle)
    body.source.values[("load", 0)] = 3
    assert body.handle().result() == 3  # behind the map the body may block again


@pytest.mark.parametrize("given", ["single", "mapped", "mixed"])
def test_over_an_unknown_length_the_map_is_one_task_that_returns_handles(body: Recording, given: str) -> None:
    handle = body.handle() if given == "single" else body.mapped_handle()
    iterables: tuple[Any, ...] = (handle, [1, 2]) if given == "mixed" else (handle, unmapped([7, 8]))

    @flow
    def inner(x: int, y: object) -> object:
        return [y, add(x)]

    result = inner.map(*iterables)
    assert isinstance(result, Handle)
    (call,) = body.calls
    assert (call.task.name, call.mapped, body.subflows) == ("inner", None, [])

    # As on a worker: the task's code and arguments travel, and its body maps the flow when the items are there.
    frozen, slots = freeze((call.args, call.kwargs), "inner")
    assert [slot.source for slot in slots] == [handle]
    args, kwargs = thaw(frozen, lambda _: [10, 20])
    function = pickle.loads(call.task.frozen_code())[0]
    worker = Recording()
    with inside(task_body(worker)):
        value = function(*args, **kwargs)
    assert [each[0] for each in value] == ([1, 2] if given == "mixed" else [[7, 8], [7, 8]])
    assert [each.args for each in worker.calls] == [(10,), (20,)]
    assert worker.branches == [None, 0, 1]


def test_what_such_a_task_takes_as_it_is_told(body: Recording) -> None:
    branch.map(body.handle(), y=allow_failure(body.mapped_handle("m")))
    branch.map(allow_failure(body.handle()), allow_failure(unmapped(3)))
    slots = [slot for call in body.calls for slot in freeze((call.args, call.kwargs), "x")[1]]
    assert [slot.use.failure_allowed for slot in slots] == [False, True, True]
    assert body.calls[0].task is body.calls[1].task  # its code travels once
    with pytest.raises(BadParameter, match="unexpected keyword argument 'z'"):
        branch.map(body.handle(), z=[1])


def test_the_code_of_such_a_task_is_that_of_the_flow(body: Recording) -> None:
    @flow(name="same")
    def one(x: int) -> int:
        return x

    @flow(name="same")
    def other(x: int) -> int:
        return x + 1

    for each in (one, other):
        each.map(body.handle())
    assert fingerprint(body.calls[0].task) != fingerprint(body.calls[1].task)
    copy: Any = pickle.loads(cloudpickle.dumps(one))
    assert isinstance(copy, Flow)


def test_a_flow_of_another_kind_is_not_sent_to_a_worker(body: Recording) -> None:
    class Cell:
        signature, hints, asynchronous = branch.body.signature, branch.body.hints, False

        def missing(self) -> list[str]:
            return []

        def reads(self) -> dict[str, object]:
            return {}

        def execute(self, parameters: object) -> object: ...

    cell: Flow[..., object] = Flow("monthly", Cell())
    with pytest.raises(NotMappable, match=r"`monthly\.map\(\)` over a handle .* would run a cell on a worker\. Wait"):
        cell.map(body.handle())


def test_outside_of_flows_and_in_a_process_of_its_own_there_are_no_branches() -> None:
    with pytest.raises(NotInFlow, match=r"`branch\.map\(\)` was used outside any flow"):
        branch.map([1])
    with inside(task_body()), pytest.raises(NotInFlow, match=r"`branch\.map\(\)` .* isolate=\"process\""):
        branch.map([1])


@flow
async def soon(x: int) -> Any:
    await asyncio.sleep(0)
    return [x, add(x)]


def test_an_async_flow_is_mapped_with_await(recording: Recording) -> None:
    async def work() -> Any:
        later: Any = soon.map(recording.handle())
        return [await soon.map([1, 2]), await later]  # type: ignore[misc]

    with inside(task_body(recording)):
        (first, second), handle = asyncio.run(work())
    assert (first[0], second[0]) == (1, 2)
    assert isinstance(handle, Handle)
    assert [name for name in recording.subflows if "[" in name] == ["soon[0]", "/soon[0]", "soon[1]", "/soon[1]"]


def test_an_async_flow_is_mapped_by_its_task_on_the_worker(in_task: Recording) -> None:
    with pytest.raises(
        BadFlow, match=r"async flow `soon` was called in the body of `outer`.*`await soon\.map\(\.\.\.\)`"
    ):
        soon.map([1])

    async def work() -> None:
        await soon.map(in_task.handle())  # type: ignore[misc]

    asyncio.run(work())
    value: Any = asyncio.run(in_task.calls[0].task.fn([1, 2]))  # type: ignore[arg-type]
    assert [each[0] for each in value] == [1, 2]


def test_awaiting_a_handle_in_a_branch_is_refused(in_task: Recording) -> None:
    @flow
    async def waiting(x: int) -> object:
        return await add.submit(x)

    async def work() -> object:
        return await waiting.map([1])  # type: ignore[misc]

    with pytest.raises(BlockingInBranch, match="`await add` would hold up"):
        asyncio.run(work())


@pytest.mark.usefixtures("cluster")
def test_branches_in_a_run_over_lists_maps_and_handles_of_unknown_length() -> None:
    @task
    def numbers(n: int) -> list[int]:
        return list(range(n))

    @flow
    def chain(x: int) -> Any:
        return add(add(x))

    @task
    def spawning(n: int) -> object:
        return chain.map(range(n))

    @flow
    def etl() -> object:
        return [
            chain.map([1, 2]),
            chain.map(add.map([1, 2])),
            chain.map(numbers(3)),
            spawning(2),
            chain.map(numbers(0)),
        ]

    run: Any = etl.run()
    assert run.result() == [[3, 4], [4, 5], [2, 3, 4], [2, 3], []]
