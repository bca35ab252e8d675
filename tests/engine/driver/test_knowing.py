"""What the driver knows of a node beyond the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from distributed import Client

from wfkit.authoring.inputs import unmapped
from wfkit.authoring.task import task
from wfkit.engine.driver.knowing import Known
from wfkit.engine.driver.run import Run

MAKE = Callable[[Callable[[], object]], Run]


@task
def scale(x: Any, by: Any, password: str = "") -> Any:
    return (x, by, password)


LOADED: list[str] = []


class Slow:
    """Says when it is loaded, which may take long."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_load, ())


def _load() -> Slow:
    LOADED.append("here")
    return Slow()


def known(run: Run, index: int = 0) -> Known:
    return run.known(run.node("scale")._ref.group, index)


def test_each_node_of_a_map_tells_what_it_alone_was_given(run_of: MAKE) -> None:
    run = run_of(lambda: scale.map([[1], "two", 3.0], unmapped(10), password=["a", "b", "c"]))
    assert known(run, 1).arguments == [("x", "'two'"), ("password", "***")]
    assert known(run, 2).arguments == [("x", "3.0"), ("password", "***")]


def test_a_node_tells_the_key_that_dask_knows_it_by(client: Client, run_of: MAKE) -> None:
    run = run_of(lambda: scale(1, 2))
    assert known(run).key in client.who_has()
    assert known(run).arguments == ()


def test_no_code_of_the_users_runs_when_somebody_looks(run_of: MAKE) -> None:
    run = run_of(lambda: scale.map([Slow(), [Slow(), 2]], unmapped(1)))
    LOADED.clear()  # the worker of this test is in this process
    assert known(run, 1).arguments == [("x", "[<made by _load>, 2]")]
    assert known(run, 0).arguments == [("x", "<made by _load>")]
    assert LOADED == []


def test_what_is_large_is_left_out(run_of: MAKE) -> None:
    assert known(run_of(lambda: scale.map(["x" * 100_000, "y"], unmapped(1)))).arguments == ()


def test_of_what_is_not_there_nothing_is_known(run_of: MAKE) -> None:
    run = run_of(lambda: scale(1, 2))
    assert known(run, 7) == Known()
