"""Elements of lists that a body has made: they stand where the list has them, whenever they came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.flattening import flatten
from wfkit.authoring.task import task
from wfkit.core.states import TaskState
from wfkit.engine.driver.run import Run

Start = Callable[..., Run]


@task
def leaf(x: Any) -> Any:
    return x


@task
def double(x: Any) -> Any:
    return 2 * x


@task
def part(n: Any) -> Any:
    """The first part comes last."""
    if n == 0:
        gates.wait_at("first part")
    else:
        gates.come(f"part {n}")
    return [10 * n, 10 * n + 1]


@task
def takes_elements(what: Any) -> Any:
    flat = flatten(part.map([0, 1], chunk=1))
    mapped = double.map(flat)
    chosen = mapped if what == "mapped" else flat
    chosen.wait()
    match what:
        case "returned":
            return [flat[0], flat[3]]
        case "passed":
            return [double.submit(each).result() for each in flat]
        case _:
            return [each.result() for each in chosen]


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("mapped", [0, 2, 20, 22]),
        ("flat", [0, 1, 10, 11]),
        ("returned", [0, 11]),
        ("passed", [0, 2, 20, 22]),
    ],
)
def test_elements_of_a_flatten_stand_in_the_order_of_its_list_in_a_body_too(
    start: Start, what: str, value: object
) -> None:
    run = start(lambda: {"x": takes_elements(what)})
    gates.until_came("part 1")
    gates.until(lambda: run.node("takes_elements/part[1]").state is TaskState.COMPLETED, "the second part")
    gates.open_gates("first part")
    assert run.wait(gates.PATIENCE_S)["x"].result() == value
