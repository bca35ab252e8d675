"""Tasks that wait for the tasks that they make, on one worker of one thread: the hardest place to do so."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from random import random
from typing import Any

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest
from distributed import worker_client

from tests.system.running import Workers, own_cluster, ran, states, value
from wfkit import task, wait


@pytest.fixture(scope="module")
def one_thread() -> Iterator[Workers]:
    with own_cluster(cluster_n_workers=1, cluster_threads_per_worker=1) as workers:
        yield workers


@task
def add_up(depth: int) -> Any:
    return 1 + value(add_up.submit(depth - 1)) if depth else 0


@task
def leaf(x: int) -> int:
    return x


@task
def tree(depth: int) -> Any:
    if not depth:
        return value(leaf.submit(1))
    below = [tree.submit(depth - 1) for _ in range(2)]
    return sum(value(handle) for handle in wait(below))


def test_a_chain_of_200_tasks_that_wait_for_each_other_comes_to_its_end(one_thread: Workers) -> None:
    (pid,) = one_thread.pids().values()
    before = psutil.Process(pid).num_threads()
    run = ran(lambda: add_up(200))
    assert run.node("add_up").result() == 200
    assert list(states(run).values()) == ["COMPLETED"] * 201
    assert list(one_thread.pids().values()) == [pid]
    assert ran(lambda: leaf(7)).node("leaf").result() == 7
    assert psutil.Process(pid).num_threads() < before + 20


@pytest.mark.usefixtures("one_thread")
def test_a_tree_of_tasks_that_wait_comes_to_its_end() -> None:
    run = ran(lambda: tree(5))
    assert run.node("tree").result() == 32
    assert len(states(run)) == 95


@pytest.mark.usefixtures("one_thread")
def test_tasks_that_wait_beside_each_other_all_come_to_their_ends() -> None:
    run = ran(lambda: tree.map([1] * 40))
    assert run.node("tree").result() == [2] * 40


Span = tuple[float, float]


def span() -> Span:
    """Execute for a moment; from when until when."""
    begin_s = time.monotonic()
    time.sleep(0.003)
    return begin_s, time.monotonic()


@task
def executes() -> list[Span]:
    return [span()]


@task
def executes_and_waits() -> list[Span]:
    before = span()
    below = [executes.submit() for _ in range(2)]
    return [before, *(found for handle in below for found in value(handle)), span()]


@pytest.mark.usefixtures("one_thread")
def test_short_tasks_that_stand_ready_behind_each_other_never_execute_beside_each_other() -> None:
    run = ran(lambda: [executes_and_waits.submit() for _ in range(30)])
    assert list(states(run).values()) == ["COMPLETED"] * 90
    spans = sorted(found for n in range(30) for found in value(run.node(_nth("executes_and_waits", n))))
    assert len(spans) == 120
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))


def _nth(name: str, n: int) -> str:
    return name if n == 0 else f"{name}#{n + 1}"


@task
def secedes_again_and_again() -> Any:
    """Wait by wfkit's means and by Dask's, in turn: Dask tells only of the first time that a task leaves its thread."""
    found = [value(leaf.submit(1))]
    for x in (2, 3):
        with worker_client() as client:
            found += [client.submit(abs, -x).result(), value(leaf.submit(10 * x))]
    return found


@pytest.mark.usefixtures("one_thread")
def test_who_also_waits_by_dasks_means_keeps_nobody_from_the_only_place() -> None:
    run = ran(lambda: [secedes_again_and_again.submit() for _ in range(3)])
    for n in range(3):
        assert value(run.node(_nth("secedes_again_and_again", n))) == [1, 2, 20, 3, 30]


@task
def leaves_a_thread_behind() -> str:
    """End while another thread of the task waits, or comes back from that."""
    below = leaf.submit(1)
    threading.Thread(target=copy_context().run, args=(below.result,), daemon=True).start()
    time.sleep(0.001 * random())
    return "done"


@pytest.mark.usefixtures("one_thread")
def test_who_ends_while_a_thread_of_its_waits_takes_no_place_with_it() -> None:
    run = ran(lambda: [leaves_a_thread_behind.submit() for _ in range(40)])
    assert value(run.node("leaves_a_thread_behind#40")) == "done"
    assert value(ran(lambda: leaf(7)).node("leaf")) == 7
