"""Batches: how nodes and carriers are laid out for Dask, and what travels once."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable, Sequence
from typing import Any

from dask._task_spec import Alias

from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.inputs import unmapped
from wfkit.authoring.task import task
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.run import Run
from wfkit.engine.driver.submit import Batch, Row, batch_of, dask_options
from wfkit.engine.worker.envelope import More
from wfkit.engine.worker.layout import Column, Each, Pick
from wfkit.engine.worker.past import Past

Laid = Callable[..., tuple[Batch, list[Group]]]


@task
def first(x: Any) -> Any:
    return x


@task
def second(x: Any, y: Any = None) -> Any:
    return x


@task
def longest(x: Any, text: Any) -> Any:
    return len(text)


@task(resources={"nowhere": 1}, priority=3, workers="nobody")
def special(x: Any) -> Any:
    return x


@task
def total(xs: Any) -> Any:
    return sum(xs)


def _laid(run: Run, body: Callable[[], object], rows: Callable[[list[Group]], Sequence[Row]]) -> Batch:
    """The batch for rows of the groups that a body makes, before the run itself sends anything."""
    with inside(FlowBody(run, "flow")), run.lock:
        body()
        return batch_of(run, rows(list(run.groups.values())))


def _singles(groups: Sequence[Group]) -> list[Row]:
    return [Row(group, index, group.key_of(index)) for group in groups for index in range(len(group.status))]


def _carrier(group: Group, indices: Sequence[int]) -> Row:
    return Row(group, indices, group.put_in_carrier(indices))


def test_nodes_depend_on_the_keys_of_their_inputs(new_run: Callable[[], Run]) -> None:
    run = new_run()
    batch = _laid(run, lambda: total(second.map(first.map(range(2)))), _singles)
    xs, ys, sum_ = run.groups.values()
    assert batch.keys == [xs.key_of(0), xs.key_of(1), ys.key_of(0), ys.key_of(1), sum_.key_of(0)]
    assert list(batch.deps[0]) == []
    assert batch.deps[3] == [Alias(xs.key_of(1))]
    assert batch.deps[4] == [[Alias(ys.key_of(0)), Alias(ys.key_of(1))]]
    assert batch.numbers == [group.numbers[index] for group in (xs, ys) for index in (0, 1)] + [sum_.numbers[0]]
    assert set(batch.more) == {More()}, "where Dask itself can tell what goes where nothing more is said"


def test_an_input_in_a_carrier_is_told_by_its_place_there(new_run: Callable[[], Run]) -> None:
    def rows(groups: list[Group]) -> list[Row]:
        xs, ys, sum_ = groups
        return [_carrier(xs, range(3)), Row(ys, 1, ys.key_of(1)), Row(sum_, 0, sum_.key_of(0))]

    def body() -> None:
        xs = first.map(range(4), chunk=2)
        second.map(xs)
        total(xs)

    run = new_run()
    batch = _laid(run, body, rows)
    xs = next(iter(run.groups.values()))
    carrier, alone = Alias(xs.carrier_key(0)), Alias(xs.key_of(3))
    assert batch.indices == [range(3), 1, 0]
    assert list(map(list, batch.deps)) == [[], [carrier], [carrier, alone]]
    assert batch.more[1].layout == (Pick(0, 1),)
    assert batch.more[2].layout == ((Pick(0, 0), Pick(0, 1), Pick(0, 2), Pick(1)),)


def test_a_carrier_behind_one_that_is_aligned_needs_one_line_and_any_other_a_column(
    new_run: Callable[[], Run],
) -> None:
    def rows(groups: list[Group]) -> list[Row]:
        xs, ys, mixed = groups
        return [_carrier(xs, range(4)), _carrier(ys, range(1, 4)), _carrier(mixed, (0, 1))]

    def body() -> None:
        xs = first.map(range(6))
        second.map(xs)
        second.map([xs[5], xs[2]])

    run = new_run()
    batch = _laid(run, body, rows)
    assert batch.more[1].layout == (Each(0, 1),)
    assert batch.more[2].layout == (Column((Pick(0), Pick(1, 2))),)
    assert len(batch.deps[2]) == 2


def test_a_carrier_has_what_is_passed_whole_once(new_run: Callable[[], Run]) -> None:
    def body() -> None:
        xs = first.map(range(3))
        second.map(xs, unmapped(first(1)))

    run = new_run()
    batch = _laid(run, body, lambda groups: [_carrier(groups[-1], range(3))])
    xs, whole, _ = run.groups.values()
    assert batch.deps == [[Alias(xs.key_of(0)), Alias(xs.key_of(1)), Alias(xs.key_of(2)), Alias(whole.key_of(0))]]
    assert batch.more[0].layout == (Column((Pick(0), Pick(1), Pick(2))), Pick(3))


def test_what_a_node_has_behind_it_travels_along_and_its_crashes_count(new_run: Callable[[], Run]) -> None:
    def rows(groups: list[Group]) -> list[Row]:
        groups[0].pasts[0] = Past(3, 1, 1)
        return _singles(groups)

    run = new_run()
    batch = _laid(run, lambda: [first(1), first.with_options(crash_retries=5)(1)], rows)
    assert batch.more == [More(None, Past(3, 1, 1)), More()]
    assert batch.crash_retries == {batch.keys[0]: 1, batch.keys[1]: 5}


def test_what_all_nodes_share_is_pickled_once(new_run: Callable[[], Run]) -> None:
    batch = _laid(new_run(), lambda: second.map(first.map(range(1000))), _singles)
    size = len(pickle.dumps((batch.specs, batch.indices, batch.frozen)))
    assert size < 2000 * 40 + 10_000, f"{size / 2000:.0f} bytes a node"


def test_a_large_value_that_is_passed_whole_travels_once(new_run: Callable[[], Run]) -> None:
    run = new_run()
    batch = _laid(run, lambda: longest.map(range(100), unmapped("x" * 50_000)), _singles)
    assert len(batch.constants) == 1
    assert len(pickle.dumps(batch.frozen)) < 10_000
    run.close_body(None, {})
    assert run.wait(8).node("longest").result() == [50_000] * 100


def test_options_for_dask_are_passed_on_to_what_stands_behind(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")):
        first(special(1))
    one, behind = run.groups.values()
    assert dask_options(one) == {"resources": {"nowhere": 1}, "priority": 3, "workers": ["nobody"]}
    assert dask_options(behind) == {"priority": 3}
    run.close_body(None, {})
    run.cancel()
    run.wait(8)


def test_results_are_kept_for_their_run_and_freed_when_it_is_released(start: Callable[..., Run]) -> None:
    run = start(lambda: {"xs": first.map(range(50))}).wait(8)
    client = run.engine.cluster.client
    assert client.cluster is not None
    tasks = client.cluster.scheduler.tasks
    (group,) = run.groups.values()
    keys = {group.where(index)[0] for index in range(50)}
    assert keys <= set(tasks)
    assert run.held_bytes > 0
    run.release()
    gc.collect()
    assert run.until(lambda: not keys & set(tasks), 5)
    assert run.held_bytes == 0
