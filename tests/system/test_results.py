"""Results on real workers: they stay on the cluster, and what is the same for all elements travels once."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.system.running import Workers, ran, states
from wfkit import current, task, unmapped
from wfkit.errors import ResultLost

pytestmark = pytest.mark.usefixtures("unharmed")
MB = 1_000_000


@task
def blob(size: int) -> bytes:
    return bytes(size)


@task
def total(parts: Any) -> int:
    return sum(map(len, parts))


def growth_of_this_process(work: Callable[[], object]) -> float:
    """How many MB of memory this process, which is what a kernel would be, holds more afterwards."""
    process = psutil.Process()
    gc.collect()
    before: int = process.memory_info().rss
    work()
    return (process.memory_info().rss - before) / MB


@pytest.mark.parametrize(("count", "size"), [(1, 100 * MB), (4, 50 * MB)])
def test_large_results_never_pass_through_the_kernel(count: int, size: int) -> None:
    def run_it() -> None:
        run = ran(lambda: total(blob.map([size] * count)))
        assert run.node("total").result() == count * size
        run.release()

    assert growth_of_this_process(run_it) < 20


def test_large_results_that_are_not_stored_can_be_fetched_and_are_gone_when_released() -> None:
    run = ran(lambda: [blob.with_options(persist_result=False)(3 * MB), blob(10)])
    assert run.node("blob").result() == bytes(3 * MB)
    assert run.node("blob").future.result(timeout=5) == bytes(3 * MB)
    run.release()
    assert run.node("blob#2").result() == bytes(10)
    with pytest.raises(ResultLost, match="released"):
        run.node("blob").result()


def test_large_results_are_read_from_the_store_when_the_cluster_has_released_them() -> None:
    run = ran(lambda: blob(3 * MB))
    run.release()
    assert run.node("blob").result() == bytes(3 * MB)
    assert run.held_bytes == 0


def test_small_values_travel_with_the_news_of_their_end() -> None:
    run = ran(lambda: blob.map([10, 3_000, 10_000]))
    assert sorted(run.view_model.by_name("blob")[0].inline) == [0, 1]


def test_a_reduce_receives_a_list_in_order_on_the_worker(unharmed: Workers) -> None:
    @task
    def where(_: int) -> str:
        return current.worker

    @task
    def look(parts: Any) -> tuple[str, int, bool]:
        return type(parts).__name__, len(parts), parts == sorted(parts)

    @task
    def same(x: int) -> int:
        return x

    assert set(ran(lambda: where.map(range(8))).node("where").result()) <= set(unharmed.addresses)  # type: ignore[call-overload]
    assert ran(lambda: look(same.map(range(50)))).node("look").result() == ("list", 50, True)


class Counted:
    """Leaves a line in a file whenever it is loaded."""

    def __init__(self, path: str, size: int) -> None:
        self.path, self.padding = path, "x" * size

    def __reduce__(self) -> tuple[object, ...]:
        return (_count, (self.path, self.padding))


def _count(path: str, padding: str) -> Counted:
    with Path(path).open("a") as file:
        file.write("loaded\n")
    return Counted(path, len(padding))


def test_a_large_value_passed_whole_is_loaded_once_a_worker(tmp_path: Path) -> None:
    loads = tmp_path / "loads"
    loads.touch()

    @task
    def use(x: int, whole: Any) -> int:
        return x + len(whole.padding)

    run = ran(lambda: use.map(range(40), unmapped(Counted(str(loads), 100_000))))
    assert run.node("use").result() == [x + 100_000 for x in range(40)]
    assert len(loads.read_text().splitlines()) <= 2 + 3  # each worker; threads of one may load it at the same time


def test_tasks_know_their_facts() -> None:
    @task
    def facts(_: int) -> tuple[Any, ...]:
        return (
            current.run_id,
            current.flow_name,
            current.task_name,
            current.map_index,
            current.attempt,
            current.idempotency_key,
            current.is_replay,
        )

    def body() -> object:
        return [facts(0), facts.map([0, 0])]

    run = ran(body)
    assert run.node("facts").result() == (run.id, "body", "facts", None, 1, f"{run.id}/facts", False)
    assert run.node("facts#2[1]").result() == (run.id, "body", "facts#2", 1, 1, f"{run.id}/facts#2[1]", False)
    assert set(states(run).values()) == {"COMPLETED"}


def test_what_one_task_does_to_a_small_value_the_next_may_not_see_but_the_kernel_never_does() -> None:
    @task
    def make() -> list[int]:
        return [1, 2]

    @task
    def spoil(x: list[int]) -> None:
        x.append(3)

    run = ran(lambda: spoil(make()))
    assert run.node("make").result() == [1, 2]
