"""Launching: where a body is executed, what becomes of its output and its exceptions."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from wfkit import task
from wfkit.authoring.flow import flow
from wfkit.authoring.secrets import Secret
from wfkit.core.states import RunState, TaskState
from wfkit.errors import FlowFailed, NotMappable
from wfkit.session.launch import ending_of, line_of
from wfkit.session.session import Session

pytestmark = pytest.mark.usefixtures("current")


@task
def inc(x: Any) -> Any:
    return x + 1


@flow
def etl(n: int = 2) -> Any:
    print("body of", n)
    return inc.map(range(n))


def line_after(text: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"  # {text}"))


def test_run_executes_the_body_in_this_thread_and_waits(capsys: pytest.CaptureFixture[str]) -> None:
    run: Any = etl.run(3)
    assert run.state is RunState.COMPLETED
    assert capsys.readouterr().out == "body of 3\n"
    assert run.logs() == []


def test_run_waits_as_the_session_says(current: Session) -> None:
    waited: list[object] = []
    current.wait = waited.append
    run = etl.run()
    assert waited == [run]


def test_start_executes_the_body_in_a_thread_of_its_own_and_keeps_its_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gate, threads = threading.Event(), []

    @flow
    def held() -> Any:
        threads.append(threading.current_thread())
        print("before")
        gate.wait(10)
        print("after")
        return inc(1)

    run: Any = held.start()
    assert run.state is RunState.RUNNING
    assert inc(1) == 2  # a plain call in the main thread meanwhile
    print("a cell")
    gate.set()
    assert run.result(10) == 2
    assert threads != [threading.current_thread()]
    threads[0].join(10)
    assert [(line.source, line.text) for line in run.logs()] == [("print", "before"), ("print", "after")]
    assert capsys.readouterr().out == "a cell\n"


def test_an_exception_of_the_body_passes_through_run_and_is_the_end_of_the_run() -> None:
    @flow
    def broken() -> None:
        inc(1)
        inc.map("abc")  # the line that raises

    with pytest.raises(NotMappable):
        broken.run()
    run: Any = broken.last_run
    run.wait(10)
    assert run.state is RunState.FAILED
    assert run.view_model.reason.startswith("NotMappable: `inc.map()` would go over the characters")
    assert run.view_model.reason.endswith(f"(body, line {line_after('the line that raises')})")
    assert run.node("inc").state is TaskState.COMPLETED


def test_an_exception_of_a_started_body_is_the_end_of_the_run() -> None:
    @flow
    def broken() -> None:
        inc(1)
        raise SystemExit(3)  # leaves

    run: Any = broken.start()
    run.wait(10)
    assert (run.state, run.view_model.reason) == (
        RunState.FAILED,
        f"SystemExit: 3 (body, line {line_after('leaves')})",
    )


def test_a_line_is_one_of_the_body_however_deep_the_exception_was_raised() -> None:
    def body() -> None:
        int("seven")  # deep

    with pytest.raises(ValueError, match="seven") as caught:
        body()
    assert line_of(caught.value, body.__code__) == line_after("deep")
    assert line_of(caught.value, line_after.__code__) is None
    assert line_of(caught.value, None) is None


def test_an_interrupt_ends_a_run_interrupted() -> None:
    assert ending_of(KeyboardInterrupt(), 4) == (RunState.INTERRUPTED, "interrupted (body, line 4)")
    assert ending_of(asyncio.CancelledError(), None) == (RunState.INTERRUPTED, "interrupted (body)")
    assert ending_of(ValueError("first\nsecond"), None) == (RunState.FAILED, "ValueError: first (body)")
    assert ending_of(ValueError(), 2) == (RunState.FAILED, "ValueError (body, line 2)")
    assert len(ending_of(ValueError("x" * 10_000), 2)[1]) < 300


def test_async_flows_are_awaited_where_the_loop_runs() -> None:
    @flow
    async def etl_async(n: int) -> Any:
        handle = inc(n)
        return await handle, handle

    async def main() -> Any:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        value = await etl_async(1)
        ticking.cancel()
        return value, ticks > 0

    assert asyncio.run(main()) == ((2, 2), True)
    assert etl_async.run(2).result() == (3, 3)
    assert etl_async.start(3).result() == (4, 4)


def test_run_of_an_async_flow_works_where_a_loop_runs(capsys: pytest.CaptureFixture[str]) -> None:
    @flow
    async def etl_async() -> Any:
        print("body")
        return await inc(1)

    async def main() -> Any:
        return etl_async.run().result()

    assert asyncio.run(main()) == 2
    assert capsys.readouterr().out == "body\n"


def test_an_async_body_that_raises_fails_its_run() -> None:
    @flow
    async def broken() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")  # async

    async def main() -> None:
        await broken()

    with pytest.raises(ValueError, match="no"):
        asyncio.run(main())
    run: Any = broken.start()
    with pytest.raises(FlowFailed, match=rf"ValueError: no \(body, line {line_after('async')}\)"):
        run.result(10)


def test_an_await_that_is_cancelled_leaves_the_run_alone(tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    @task
    def held() -> int:
        while not gate.exists():
            time.sleep(0.005)
        return 1

    @flow
    async def slow() -> Any:
        return held()

    async def main() -> None:
        waiting = asyncio.create_task(slow())
        await asyncio.sleep(0)  # the body, which never waits
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    run: Any = slow.last_run
    assert run.state is RunState.RUNNING
    gate.touch()
    assert run.result(10) == 1


@pytest.mark.parametrize("error", [ValueError, NotMappable])
def test_the_reason_of_a_run_shows_no_secret(error: type[Exception]) -> None:
    value = Secret("canary-in-a-body/7f3a").get()
    for place in (0, 190, 195, 200):
        _, reason = ending_of(error("." * place + value + " password=abc\n"), 3)
        assert not {"canary", "abc"} & set(reason.replace(".", " ").split())
        assert "cana" not in reason


def test_a_flow_that_is_defined_again_knows_its_last_run_by_name(current: Session) -> None:
    def quick(x: int) -> int:
        return x

    first = flow(quick)
    run: Any = first.run(1)
    again = flow(quick)
    assert again.last_run is run
    later: Any = again.run(2)
    assert (first.last_run, again.last_run) == (run, later)
    assert flow(name="nobody")(quick).last_run is None
