"""Values of returned handles: the driver puts small plain ones together, and leaves all else to a worker."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.flattening import flatten
from wfkit.authoring.inputs import allow_failure
from wfkit.authoring.signals import Skip
from wfkit.authoring.task import task
from wfkit.core.states import TaskState
from wfkit.engine.driver import assembling
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.preview import preview
from wfkit.engine.worker.spec import Bounds

RunOf = Callable[[Callable[[], object]], Run]
Start = Callable[..., Run]

pytestmark = pytest.mark.timeout(60)


class Own:
    """A class of the user's: reading it would run its code."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and self.x == other.x

    __hash__ = None  # type: ignore[assignment]


@task
def leaf(x: Any) -> Any:
    return x


@task
def boxed(x: Any) -> Any:
    return Own(x)


@task
def skips() -> Any:
    raise Skip("today")


@task
def odd(x: Any) -> Any:
    if x % 2 == 0:
        raise Skip("even")
    return x


@task
def held() -> Any:
    gates.wait_at("held")
    return [1, 2]


@task
def fails() -> Any:
    raise ValueError("no")


@task
def takes(x: Any) -> Any:
    return x


PLAIN: dict[str, tuple[Callable[[], Any], Any]] = {
    "one handle": (lambda: leaf.submit(1), 1),
    "nothing": (lambda: leaf.submit(None), None),
    "texts, numbers and bytes": (lambda: [leaf.submit(one) for one in ("a", 1.5, b"c", True)], ["a", 1.5, b"c", True]),
    "one deep in a dict": (lambda: {"a": [leaf.submit((1, {2}))], "b": 3}, {"a": [(1, {2})], "b": 3}),
    "one twice": (lambda: [one := leaf.submit([1]), one], [[1], [1]]),
    "a map": (lambda: leaf.map([1, 2, 3]), [1, 2, 3]),
    "an empty map": (lambda: [leaf.map([])], [[]]),
    "an element": (lambda: leaf.map([4, 5])[1], 5),
    "items": (lambda: list(leaf.with_options(n_outputs=2).submit((6, 7))), [6, 7]),
    "a map and one of its elements": (lambda: (found := leaf.map([1, 2]), found[0]), ([1, 2], 1)),
}

OTHERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "an object of the user's": (lambda: [boxed.submit(1)], [Own(1)]),
    "an object of the user's around handles": (lambda: [Own(2), leaf.submit(1)], [Own(2), 1]),
    "large values": (lambda: leaf.map([b"x" * 3_000] * 2), [b"x" * 3_000] * 2),
    "a flatten": (lambda: [leaf.map([1, 2]), flatten(leaf.map([[3], [4]]))], [[1, 2], [3, 4]]),
    "a map with a skipped element": (lambda: odd.map([1, 2, 3]), [1, 3]),
}


def parent_of(body: Callable[[], Any]) -> Callable[[], Any]:
    @task
    def parent() -> Any:
        return body()

    return parent


def was_told_by_a_worker(run: Run, name: str) -> bool:
    group, index = run.view_model.by_name(name)
    return group.end_workers[index or 0] >= 0


@pytest.mark.parametrize("what", PLAIN)
def test_what_is_small_and_plain_needs_no_worker(run_of: RunOf, what: str) -> None:
    body, expected = PLAIN[what]
    run = run_of(parent_of(body))
    assert run.result() == expected
    assert not was_told_by_a_worker(run, "parent")
    group, _ = run.view_model.by_name("parent")
    assert (group.attempts[0], group.previews[0]) == (1, preview(expected))
    assert group.wall_s[0] >= 0


@pytest.mark.parametrize("what", OTHERS)
def test_all_else_is_put_together_by_a_worker(run_of: RunOf, what: str) -> None:
    body, expected = OTHERS[what]
    run = run_of(parent_of(body))
    assert run.result() == expected
    assert was_told_by_a_worker(run, "parent")


def test_what_ended_without_a_value_is_told_by_a_worker(run_of: RunOf) -> None:
    run = run_of(lambda: [parent_of(lambda: [leaf.submit(1), skips.submit()])()])
    assert run.node("parent").state is TaskState.SKIPPED
    run = run_of(lambda: [parent_of(lambda: [fails.submit()])()])
    assert isinstance(run.node("parent").exception(), ValueError)
    assert was_told_by_a_worker(run, "parent")


def test_what_uses_such_a_value_goes_on_and_it_has_a_future(run_of: RunOf) -> None:
    def body() -> Any:
        both = parent_of(lambda: [leaf.submit(1), leaf.submit(2)])()
        return [takes(both), takes.map(both), takes(allow_failure(both))]

    run = run_of(body)
    assert run.result() == [[1, 2], [1, 2], [1, 2]]
    assert not was_told_by_a_worker(run, "parent")
    assert run.node("parent").future.result(timeout=10) == [1, 2]
    assert run.node("parent").future.result(timeout=10) == [1, 2]


def test_a_parent_of_parents_and_a_paused_run(start: Start) -> None:
    inner = parent_of(lambda: leaf.submit(5))
    run = start(parent_of(lambda: [inner.submit(), inner.submit()]))  # type: ignore[attr-defined]
    run.pause()
    run.resume()
    assert run.wait(30).result() == [5, 5]


def test_random_numbers_of_the_user_are_not_drawn(run_of: RunOf) -> None:
    run = run_of(parent_of(lambda: leaf.map(range(20))))
    group = next(group for group in run.groups.values() if group.assemblies)
    before = random.getstate()
    end = assembling.end_of(run, group, 0)
    assert end is not None
    assert end.length == 20
    assert random.getstate() == before


def test_what_is_large_beside_the_handles_is_not_read(run_of: RunOf) -> None:
    run = run_of(parent_of(lambda: {"child": leaf.submit(1), "data": list(range(10_000))}))
    assert was_told_by_a_worker(run, "parent")
    assert run.result()["child"] == 1  # type: ignore[index]


@task
def recursion(n: Any) -> Any:
    return 0 if n == 0 else recursion.submit(n - 1)


def test_parents_of_parents_end_however_deep_they_are_nested_while_a_map_waits(start: Start) -> None:
    run = start(lambda: [takes.map(held()), recursion(230)], bounds=Bounds(max_depth=250))
    gates.until(lambda: run.node("recursion").state is TaskState.COMPLETED, "the end of all")
    gates.open_gates("held")
    assert run.wait(30).result() == [[1, 2], 0]
