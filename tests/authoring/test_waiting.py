"""Waiting: for all of several handles, or for each as its task ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.authoring.conftest import Answering, Recording
from wfkit import Handle, as_completed, flow, task, wait
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.handle import Ref
from wfkit.authoring.waiting import handles_of
from wfkit.core.ids import GroupId
from wfkit.errors import BlockingInAsync, BlockingInBranch, HandleMisuse, UnknownLength, WaitTimeout


@task
def nap(seconds: float) -> float:
    time.sleep(seconds)  # the work of a task
    return seconds


def test_one_handle_stands_for_itself_and_none_for_no_handles(recording: Recording) -> None:
    handle = recording.handle()
    assert handles_of(handle, "x") == handles_of((each for each in [handle]), "x") == [handle]
    assert handles_of(None, "x") == handles_of([], "x") == []


@pytest.mark.parametrize("function", [wait, as_completed])
@pytest.mark.parametrize(("given", "told"), [([3], "int 3"), (3, "int 3"), ("ab", "str 'ab'"), ([[]], r"list \[\]")])
def test_waiting_for_something_else_is_refused_at_the_call(function: Any, given: Any, told: str) -> None:
    with pytest.raises(HandleMisuse, match=rf"{function.__name__}\(\) got {told}\. It takes handles of tasks"):
        function(given)


@pytest.mark.parametrize("function", [wait, as_completed])
def test_waiting_in_an_async_body_is_refused_at_the_call(function: Any, recording: Recording) -> None:
    async def body() -> None:
        with inside(FlowBody(recording, "etl", asynchronous=True)):
            function([recording.handle()])

    with pytest.raises(BlockingInAsync, match=rf"{function.__name__}\(\) would block.*Await the handles"):
        asyncio.run(body())


def test_a_timeout_names_what_still_runs(recording: Recording) -> None:
    recording.source.values[("done", 0)] = 1
    handles = [recording.handle(name) for name in ("done", "a", "b", "c", "d")]
    with pytest.raises(WaitTimeout, match=r"wait\(\): `a`, `b`, `c`, 1 more still to end after 0\.05 s"):
        wait(handles, timeout=0.05)
    with pytest.raises(WaitTimeout, match=r"as_completed\(\): `a` still to end after 0 s"):
        list(as_completed(handles[:2], timeout=0))


def test_elements_of_unknown_number_cannot_be_waited_for_one_by_one(recording: Recording) -> None:
    with pytest.raises(UnknownLength):
        as_completed([recording.mapped_handle("load")])


@pytest.mark.parametrize("function", [wait, as_completed])
def test_waiting_in_a_branch_is_refused_at_the_call(function: Any, recording: Recording) -> None:
    told = rf"{function.__name__}\(\) would hold up the other branches\. Make what needs the value a task"
    with inside(FlowBody(recording, "etl", branch=True)), pytest.raises(BlockingInBranch, match=told):
        function([recording.handle()])


class LaterSource(Answering):
    """Answers whose nodes end when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.callbacks: dict[str, Callable[[], None]] = {}
        self.begun = threading.Event()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        with super().waiting():
            self.begun.set()
            yield

    def end_soon(self, *names: str) -> None:
        """End nodes, one after the other, when somebody waits."""

        def end() -> None:
            assert self.begun.wait(10)
            for name in names:
                self.callbacks[name]()
                time.sleep(0.02)  # the time that passes between two ends

        threading.Thread(target=end).start()

    def when_done(self, ref: Ref, callback: Callable[[], None]) -> None:
        self.callbacks[ref.group] = callback


def test_a_slot_is_given_back_while_nothing_comes_and_held_while_the_loop_works() -> None:
    source, other = LaterSource(), LaterSource()
    handles = [Handle(source, Ref(GroupId(name), 0)) for name in ("a", "b", "c")]
    ended = as_completed([*handles, Handle(other, Ref(GroupId("d"), 0))])
    source.callbacks["b"]()
    assert next(ended).name == "b"
    assert source.waits == []  # it was there: nobody waited
    source.end_soon("a")
    assert next(ended).name == "a"
    assert source.waits == other.waits == ["(", ")"]
    source.callbacks["c"]()
    other.callbacks["d"]()
    assert [handle.name for handle in ended] == ["c", "d"]
    assert source.waits == ["(", ")"]


def test_waiting_for_all_gives_the_slot_back_once() -> None:
    source = LaterSource()
    handles = [Handle(source, Ref(GroupId(name), 0)) for name in ("a", "b")]
    source.end_soon("b", "a")
    assert wait(handles) == handles
    assert source.waits == ["(", ")"]
    source.when_done = lambda _, callback: callback()  # type: ignore[method-assign, assignment]  # all ended
    assert wait(handles) == handles
    assert source.waits == ["(", ")"]


def test_an_awaited_handle_gives_its_slot_back() -> None:
    source = LaterSource()
    source.values[("a", 0)] = 7

    async def body() -> object:
        waited = asyncio.ensure_future(soon())
        await asyncio.sleep(0)
        assert source.waits == ["("]
        source.callbacks["a"]()
        return await waited

    async def soon() -> object:
        return await Handle(source, Ref(GroupId("a"), 0))

    assert asyncio.run(body()) == 7
    assert source.waits == ["(", ")"]


@pytest.mark.usefixtures("cluster")
def test_wait_gives_the_same_handles_and_as_completed_the_first_first() -> None:
    seen: list[Any] = []

    @flow
    def etl() -> None:
        slow, quick = nap.submit(0.3), nap.submit(0.01)
        seen.extend(handle.result() for handle in as_completed([slow, quick]))
        assert wait([slow, quick]) == [slow, quick]
        assert wait(slow) == [slow]

    etl()
    assert seen == [0.01, 0.3]


@pytest.mark.usefixtures("cluster")
def test_a_map_gives_its_elements_as_they_end_failed_ones_too() -> None:
    @task
    def odd(x: int) -> int:
        if x == 2:
            raise ValueError(x)
        return x

    names: set[str] = set()

    @flow
    def etl() -> None:
        odds = odd.map([1, 2, 3])
        names.update(handle.name for handle in as_completed(odds))
        odds.exception()

    etl()
    assert names == {"odd[0]", "odd[1]", "odd[2]"}
