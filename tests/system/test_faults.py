"""Faults of user code, on real worker processes: each ends its own task, with a helpful text, and harms no other."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system import hostile
from tests.system.running import Workers, errors, ran, reason, states
from wfkit import flow, task, unmapped
from wfkit.core.states import RunState
from wfkit.errors import NotPicklable, ResultUnreadable, TaskFailed

pytestmark = pytest.mark.usefixtures("unharmed")
SOON_S = 5.0


@task
def do(action: Callable[[], object]) -> object:
    return action()


@task
def look_at(value: object) -> str:
    return type(value).__name__


# --- exceptions (F20, F21, F23, F27) ---


@pytest.mark.parametrize("fault", hostile.RAISES)
def test_whatever_a_task_raises_fails_it_within_seconds(fault: str) -> None:
    action, type_name, message = hostile.RAISES[fault]
    start_s = time.monotonic()
    run = ran(lambda: do(action))
    assert time.monotonic() - start_s < SOON_S
    assert (run.state, states(run)) == (RunState.FAILED, {"do": "FAILED"})
    assert reason(run, "do").startswith(type_name)
    info = errors(run, "do")[1]
    assert info.type_name == type_name
    assert message in info.message
    assert len(info.message) <= 4_000
    assert len(info.traceback) <= 20_000
    assert f"{type_name}" in info.traceback.splitlines()[-1] or fault in {"50 MB", "group"}


@pytest.mark.parametrize("fault", hostile.RAISES)
def test_the_result_of_a_failed_task_raises_its_exception_or_one_that_names_it(fault: str) -> None:
    action, type_name, message = hostile.RAISES[fault]
    run = ran(lambda: do(action))
    with pytest.raises(BaseException) as caught:
        run.node("do").result(timeout=5)
    error = caught.value
    if isinstance(error, TaskFailed):
        assert f"{type_name}: {message}" in str(error).replace("<its text ", "")
    else:
        assert type(error).__qualname__ == type_name
    assert any(note.startswith("On the worker:") for note in error.__notes__)


def test_only_exceptions_that_survive_a_pickle_come_back_as_themselves() -> None:
    stand_ins = set()
    for fault in hostile.RAISES:
        error = ran(lambda action=hostile.RAISES[fault][0]: do(action)).node("do").exception()  # type: ignore[misc]
        if isinstance(error, TaskFailed):
            stand_ins.add(fault)
    assert stand_ins == {"broken __init__", "not picklable", "50 MB"}


def test_endless_recursion_shows_its_first_and_last_calls() -> None:
    run = ran(lambda: do(hostile.recurse))
    text = errors(run, "do")[1].traceback
    assert text.startswith("Traceback (most recent call last):")
    assert "in do" in text
    assert "in recurse" in text
    assert " more frames …" in text
    assert "the first and the last calls" in reason(run, "do")


def test_causes_and_members_of_groups_are_told() -> None:
    text = errors(ran(lambda: do(hostile.raise_chain)), "do")[1].traceback
    assert text.index("KeyError: 'inner'") < text.index("direct cause") < text.index("ValueError: outer")
    text = errors(ran(lambda: do(hostile.RAISES["group"][0])), "do")[1].traceback
    assert "  | ValueError: a" in text
    assert "  | OSError: b" in text


def test_a_task_that_forks_has_one_outcome() -> None:
    def fork() -> int:
        return os.fork()

    run = ran(lambda: do(fork))
    child = run.node("do").result()
    assert run.state == "COMPLETED"
    assert isinstance(child, int)
    assert child > 0


# --- values (F24, F25, F28) ---


@pytest.mark.parametrize("fault", hostile.CANNOT_TRAVEL)
def test_a_result_that_cannot_travel_fails_the_task_that_returns_it(fault: str) -> None:
    action, told = hostile.CANNOT_TRAVEL[fault]
    run = ran(lambda: look_at(do(action)))
    assert states(run) == {"do": "FAILED", "look_at": "UPSTREAM_FAILED"}
    assert told in errors(run, "do")[1].message
    with pytest.raises(NotPicklable):
        run.node("do").result()


@pytest.mark.parametrize("size", [0, 100_000], ids=["small", "large"])
def test_a_result_that_cannot_be_loaded_elsewhere_fails_who_wants_it(unharmed: Workers, size: int) -> None:
    first, second = unharmed.addresses

    def body() -> Any:
        made = do.with_options(workers=first)(lambda: hostile.OnlyHere(size))
        return [look_at.with_options(workers=first)(made), look_at.with_options(workers=second)(made)]

    run = ran(body)
    assert states(run) == {"do": "COMPLETED", "look_at": "COMPLETED", "look_at#2": "FAILED"}
    assert "The result of `do` cannot be loaded here: RuntimeError: made in another process" in reason(run, "look_at#2")
    for _ in range(2):
        with pytest.raises(ResultUnreadable, match="`do` cannot be loaded here"):
            run.node("do").result(timeout=5)


def test_a_retry_loads_an_input_again(unharmed: Workers, tmp_path: Path) -> None:
    first, second = unharmed.addresses
    ready = tmp_path / "ready"

    def now_it_can(_: BaseException) -> bool:
        ready.touch()
        return True

    patient = look_at.with_options(workers=second, retries=1, retry_condition_fn=now_it_can)
    run = ran(lambda: patient(do.with_options(workers=first)(lambda: hostile.LoadsFrom(str(ready)))))
    assert states(run) == {"do": "COMPLETED", "look_at": "COMPLETED"}
    assert [info.type_name for info in errors(run, "look_at").values()] == ["ResultUnreadable"]
    assert isinstance(run.node("do").result(), hostile.LoadsFrom)


@pytest.mark.parametrize("kind", [hostile.Endless, hostile.Destructive])
def test_nobody_asks_a_value_what_it_is(kind: type) -> None:
    run = ran(lambda: look_at([do(kind), {"a": do(kind)}]))
    assert set(states(run).values()) == {"COMPLETED"}
    assert f"<{kind.__name__}>" in repr(run.node("do"))


@pytest.mark.parametrize(
    "make",
    [lambda: 10**5_000, lambda: b"x" * 50_000_000, lambda: "\udc80", lambda: 2**70, lambda: float("nan"), lambda: ...],
    ids=["huge int", "50 MB of bytes", "lone surrogate", "2**70", "nan", "Ellipsis"],
)
def test_unusual_values_are_results_like_any(make: Callable[[], object]) -> None:
    run = ran(lambda: do(make))
    assert run.state == "COMPLETED"
    assert repr(run.node("do").result()) == repr(make()) if make() != 10**5_000 else run.node("do").result() == make()


# --- arguments (F26) ---


def test_an_argument_that_cannot_be_pickled_is_named_at_the_call() -> None:
    import threading

    @flow
    def body() -> None:
        look_at([1, threading.Lock()])

    with pytest.raises(NotPicklable, match="look_at"):
        body.run()


def test_an_argument_that_cannot_be_loaded_fails_its_task() -> None:
    run = ran(lambda: look_at(hostile.Unloadable()))
    assert states(run) == {"look_at": "FAILED"}
    assert "An argument of `look_at` cannot be loaded on the worker: RuntimeError: cannot be rebuilt" in reason(
        run, "look_at"
    )
    assert "in _refuse" in errors(run, "look_at")[1].traceback


def test_a_large_argument_of_a_map_that_cannot_be_loaded_fails_its_elements() -> None:
    @task
    def both(x: int, y: object) -> int:
        return x

    run = ran(lambda: both.map([1, 2], unmapped([hostile.Unloadable(), "x" * 10_000])))
    assert states(run) == {"both[0]": "FAILED", "both[1]": "FAILED"}
    assert "An argument of `both[1]` cannot be loaded on the worker: RuntimeError" in reason(run, "both[1]")


def test_code_that_cannot_be_loaded_fails_its_task() -> None:
    broken = hostile.Unloadable()

    @task
    def careless() -> object:
        return broken

    run = ran(lambda: [careless()])
    assert states(run) == {"careless": "FAILED"}
    assert "the code of `careless` cannot be loaded" in reason(run, "careless")
    assert "cannot be rebuilt" in reason(run, "careless")


# --- signals with anything in them, async ---


@pytest.mark.parametrize(
    "given", [5, None, hostile.Speechless("x"), "\udc80"], ids=["int", "None", "speechless", "surrogate"]
)
@pytest.mark.parametrize("signal", ["Skip", "Fail"])
def test_a_signal_may_be_given_anything_as_its_reason(signal: str, given: object) -> None:
    import wfkit

    def send() -> None:
        raise getattr(wfkit, signal)(given)

    run = ran(lambda: do(send))
    assert states(run) == {"do": "SKIPPED" if signal == "Skip" else "FAILED"}
    assert reason(run, "do")


def test_async_tasks_run_and_fail_like_others() -> None:
    @task
    async def slowly(x: int) -> int:
        await asyncio.sleep(0.01)
        if x == 1:
            raise asyncio.CancelledError
        return x

    @task
    def late(x: int) -> Any:
        async def later() -> int:
            return x

        return later()

    run = ran(lambda: [slowly.map([0, 1, 2]), late(7)])
    assert states(run) == {
        "slowly[0]": "COMPLETED",
        "slowly[1]": "FAILED",
        "slowly[2]": "COMPLETED",
        "late": "COMPLETED",
    }
    assert run.node("late").result() == 7
