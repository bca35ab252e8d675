"""Time limits of tasks on real workers: what is interrupted, what is left behind, and what goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.system.running import Workers, errors, kind, ran, reason, states
from wfkit import current, task
from wfkit.core.states import FailureKind
from wfkit.errors import TaskTimeout

pytestmark = pytest.mark.usefixtures("unharmed")


def spin(_: object = None) -> None:
    while True:
        time.sleep(0.001)


def stubborn(until_s: float) -> None:
    while time.time() < until_s:
        try:
            while time.time() < until_s:
                pass
        except BaseException:
            pass


@task(timeout_seconds=0.2)
def limited(action: Callable[[Any], object], given: object = None) -> object:
    return action(given)


@task(timeout_seconds=0.2)
async def limited_async(kind: str) -> None:
    if kind == "awaits":
        await asyncio.sleep(60)
    elif kind == "spins":
        spin()
    else:
        await asyncio.to_thread(time.sleep, 5)


@task
def quick() -> str:
    return "done"


def test_a_loop_in_python_is_interrupted_where_it_is() -> None:
    start_s = time.monotonic()
    run = ran(lambda: limited(spin))
    assert time.monotonic() - start_s < 10
    assert (states(run), kind(run, "limited")) == ({"limited": "FAILED"}, FailureKind.TIMEOUT)
    assert "timeout_seconds=0.2" in reason(run, "limited")
    assert "in spin" in errors(run, "limited")[1].traceback
    with pytest.raises(TaskTimeout):
        run.node("limited").result()


def test_a_call_into_c_is_left_behind_and_the_task_still_fails_in_time() -> None:
    start_s = time.monotonic()
    run = ran(lambda: [limited(lambda _: time.sleep(5)), quick()])
    assert time.monotonic() - start_s < 3
    assert states(run) == {"limited": "FAILED", "quick": "COMPLETED"}
    assert "its thread goes on in the background" in reason(run, "limited")
    assert "Its thread was here:" in errors(run, "limited")[1].traceback


def test_code_that_catches_everything_is_left_behind() -> None:
    run = ran(lambda: limited(stubborn, time.time() + 3))
    assert kind(run, "limited") is FailureKind.TIMEOUT


@pytest.mark.parametrize("what", ["awaits", "spins", "waits for a thread"])
def test_a_coroutine_is_cancelled_and_one_that_blocks_its_loop_is_interrupted(what: str) -> None:
    start_s = time.monotonic()
    run = ran(lambda: limited_async(what))
    assert time.monotonic() - start_s < 4
    assert kind(run, "limited_async") is FailureKind.TIMEOUT
    assert "in limited_async" in errors(run, "limited_async")[1].traceback or what == "waits for a thread"


def test_a_timeout_is_retried_like_any_failure(tmp_path: Path) -> None:
    tried = tmp_path / "tried"

    def second_time(_: object) -> str:
        if not tried.exists():
            tried.touch()
            spin()
        return f"attempt {current.attempt}"

    run = ran(lambda: limited.with_options(retries=1)(second_time))
    assert run.node("limited").result() == "attempt 2"
    assert errors(run, "limited")[1].type_name == "TaskTimeout"


def test_a_task_within_its_limit_knows_its_worker_and_its_facts(unharmed: Workers) -> None:
    def look(_: object) -> object:
        from distributed import get_client, get_worker

        return get_worker().address, cast("Any", get_client()).scheduler.address, current.task_name, current.worker

    run = ran(lambda: limited.with_options(timeout_seconds=10)(look))
    worker, scheduler, name, told = cast("tuple[str, str, str, str]", run.node("limited").result())
    assert worker == told
    assert worker in unharmed.addresses
    assert scheduler == unharmed.client.scheduler.address
    assert name == "limited"


def test_an_error_of_ones_own_within_the_limit_stays_what_it_is() -> None:
    def raise_timeout(_: object) -> None:
        raise TimeoutError("mine")

    run = ran(lambda: limited.with_options(timeout_seconds=10)(raise_timeout))
    assert (kind(run, "limited"), reason(run, "limited")) == (FailureKind.ERROR, "TimeoutError: mine")


def test_timeouts_hold_no_slot(tmp_path: Path) -> None:
    """Eight calls into C on four threads, twelve seconds each: the next flow does not wait for them."""

    def block(_: object) -> None:
        time.sleep(12)

    run = ran(lambda: limited.map([block] * 8))
    assert set(states(run).values()) == {"FAILED"}
    start_s = time.monotonic()
    assert ran(lambda: quick()).node("quick").result() == "done"  # noqa: PLW0108
    assert time.monotonic() - start_s < 6
