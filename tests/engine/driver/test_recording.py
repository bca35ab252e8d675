"""A call becomes a group: names, edges, labels, what is frozen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.inputs import unmapped
from wfkit.authoring.task import task
from wfkit.core.events import Edge, How
from wfkit.engine.driver.run import Run


@task
def inc(x: Any) -> Any:
    return x + 1


@task
def add(x: Any, y: Any = 0) -> Any:
    return x + y


@task(task_run_name="load {month} of {year}")
def load(month: Any, year: Any) -> Any:
    return month


def test_edges_say_how_inputs_are_used(run_of: Callable[[Callable[[], object]], Run]) -> None:
    def body() -> None:
        xs = inc.map([1, 2, 3])
        inc.map(xs)
        add(xs[2])
        add.map([xs[0], xs[1]])
        add.map(xs, y=unmapped(add(1)))
        inc.submit(1, wait_for=[xs])

    groups = {view.spec.name: view.spec for view in run_of(body).view_model.ordered()}
    xs = groups["inc"].id
    assert groups["inc#2"].edges == (Edge(xs, How.EACH),)
    assert groups["add"].edges == (Edge(xs, How.ONE, 2),)
    assert groups["add#2"].edges == (Edge(xs, How.ONE, 0, at=0), Edge(xs, How.ONE, 1, at=1))
    assert groups["add#4"].edges == (Edge(xs, How.EACH), Edge(groups["add#3"].id, How.ONE, 0))
    assert groups["inc#3"].edges == (Edge(xs, How.ALL),)


def test_task_run_names_are_labels(run_of: Callable[[Callable[[], object]], Run]) -> None:
    run = run_of(lambda: load.map([1, 2], unmapped(2013)))
    (group,) = run.view_model.ordered()
    assert group.spec.labels == ("load 1 of 2013", "load 2 of 2013")


def test_a_task_is_frozen_at_its_first_call_in_a_run(new_run: Callable[[], Run]) -> None:
    factor = {"value": 1}

    @task
    def times(x: Any) -> Any:
        return x * factor["value"]

    run = new_run()
    with inside(FlowBody(run, "flow")):
        first = times(10)
        factor["value"] = 5
        second = times(10)
    run.close_body(None, {})
    assert (first.result(), second.result()) == (10, 10)


def test_a_dask_key_starts_with_the_name_of_the_task(run_of: Callable[[Callable[[], object]], Run]) -> None:
    run = run_of(lambda: inc.map([1, 2], chunk=1))
    (group,) = run.groups.values()
    assert group.key_of(1).startswith("inc-0")
    assert group.key_of(1).endswith("-1")
    assert run.nodes_of_key(group.key_of(1)) == [(group.spec.id, 1)]
    assert run.nodes_of_key("inc-0f-1") == []


def test_children_are_named_after_the_node_that_made_them_and_long_names_are_cut(
    run_of: Callable[[Callable[[], object]], Run],
) -> None:
    @task
    def descends_through_many_tasks(n: Any) -> Any:
        return descends_through_many_tasks.submit(n - 1) if n else 0

    run = run_of(lambda: descends_through_many_tasks(6))
    names = [group.spec.name for group in run.view_model.ordered()]
    assert names[1] == "descends_through_many_tasks/descends_through_many_tasks"
    assert len(set(names)) == 7
    assert max(map(len, names)) <= 110
    assert names[-1].startswith("…")
    assert run.node(names[-1]).result() == 0


def test_a_template_that_does_not_fit_leaves_names_in_braces(run_of: Callable[[Callable[[], object]], Run]) -> None:
    named = add.with_options(task_run_name="{x:03d} {y.real} {x.year}")

    def body() -> None:
        named(7, inc(1))

    view = run_of(body).view_model
    assert view.ordered()[1].spec.labels == ("007 {y.real} {x.year}",)
