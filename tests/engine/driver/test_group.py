"""What the driver keeps of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wfkit.authoring.task import task
from wfkit.engine.driver.run import Run


@task
def add(x: Any, y: Any) -> Any:
    return x + y


def test_a_node_that_is_submitted_again_has_another_key(run_of: Callable[[Callable[[], object]], Run]) -> None:
    run = run_of(lambda: add.map([1, 2], [3, 4]))
    (group,) = run.groups.values()
    before = group.key_of(1)
    group.generations[1] = 2
    assert group.key_of(1) == f"{before}-2"
    assert run.node_of_key(group.key_of(1)) == (group.spec.id, 1)
    assert run.node_of_key(before) is None, "an earlier key stands for nothing any more"


def test_elements_share_their_arguments_where_only_their_place_differs(
    run_of: Callable[[Callable[[], object]], Run],
) -> None:
    def body() -> None:
        xs = add.map([1, 2], [3, 4])
        add.map(xs, xs)

    own, shared = run_of(body).groups.values()
    assert own.frozen_of(0) is not own.frozen_of(1)
    assert shared.frozen_of(0) is shared.frozen_of(1)
    assert shared.slots_of(0) is shared.slots_of(1)
    assert len(shared.all_slots) == 2
