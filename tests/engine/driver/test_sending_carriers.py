"""Carriers: elements of a map that travel together keep their own states, logs, attempts, values and identity."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.context import current
from wfkit.authoring.signals import Skip
from wfkit.authoring.task import task
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.engine.worker import envelope

Start = Callable[..., Run]


@task
def plain(x: Any) -> Any:
    return x


@task(log_prints=True)
def told(x: Any) -> Any:
    print(f"i am {x}")
    return (x, current.map_index, current.attempt, current.idempotency_key)


@task
def mixed(x: Any) -> Any:
    gates.come(f"mixed {x}")
    if x == 1:
        raise ValueError("one")
    if x == 2:
        raise Skip("two")
    return x


@task
def after(x: Any) -> Any:
    gates.come(f"after {x}")
    return x


@task
def total(xs: Any) -> Any:
    return sum(xs)


@task
def flaky(x: Any) -> Any:
    gates.come(f"flaky {x}")
    if x == 1 and gates.came().count("flaky 1") < 3:
        raise ValueError("not yet")
    return x


@task
def held(x: Any) -> Any:
    gates.wait_at(f"held {x}")
    return x


@task
def slow_if(x: Any) -> Any:
    gates.come(f"slow {x}")
    time.sleep(0.15 if x % 4 == 0 else 0)  # the work of an element, longer than a slice of a carrier
    return x


def _tasks(run: Run, name: str) -> int:
    """How many Dask tasks stand for a map now."""
    (group,) = [group for group in run.groups.values() if group.spec.name == name]
    return len({group.where(index)[0] for index in range(len(group.status))})


@pytest.mark.usefixtures("unhurried")
def test_elements_travel_by_as_many_as_the_map_says(run_of: Start) -> None:
    run = run_of(lambda: {"one": plain.map(range(7), chunk=1), "three": after.map(range(7), chunk=3)})
    assert (_tasks(run, "plain"), _tasks(run, "after")) == (7, 3)
    assert run["one"].result() == run["three"].result() == list(range(7))


@pytest.mark.usefixtures("unhurried")
def test_short_elements_travel_together_by_themselves_and_long_ones_do_not(run_of: Start) -> None:
    @task
    def short(x: Any) -> Any:
        return x

    @task
    def long(x: Any) -> Any:
        time.sleep(0.04)  # the work of an element that travels alone
        return x

    run = run_of(lambda: {"short": short.map(range(600)), "long": long.map(range(20))})
    assert run["short"].result() == list(range(600))
    assert _tasks(run, "short") < 200
    assert _tasks(run, "long") == 20


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ({"resources": {"slot": 1}}, {}),
        ({"limits": {"carriers": 2}}, {}),
        ({"timeout_seconds": 0.9}, {}),
        ({}, {"max_concurrency": 5}),
    ],
    ids=["resources", "limits", "short timeout", "max_concurrency"],
)
def test_elements_that_need_something_of_their_own_travel_alone(
    run_of: Start, options: dict[str, Any], how: dict[str, Any]
) -> None:
    run = run_of(lambda: {"xs": plain.with_options(**options).map(range(6), chunk=3, **how)})
    assert run["xs"].result() == list(range(6))
    assert _tasks(run, "plain") == 6


def test_a_long_timeout_is_each_elements_own(run_of: Start) -> None:
    @task(timeout_seconds=1.0)
    def naps(x: Any) -> Any:
        time.sleep(0.4)
        return x

    run = run_of(lambda: {"xs": naps.map(range(4), chunk=4)})
    assert run["xs"].result() == list(range(4)), "together they take longer than one may"


@pytest.mark.usefixtures("unhurried")
def test_each_element_has_its_state_reason_and_error_and_what_stands_behind_it_does(run_of: Start) -> None:
    run = run_of(lambda: after.map(mixed.map(range(4), chunk=4), chunk=4))
    assert [row.state.value for row in run.nodes] == [
        "COMPLETED", "FAILED", "SKIPPED", "COMPLETED", "COMPLETED", "UPSTREAM_FAILED", "SKIPPED", "COMPLETED",
    ]  # fmt: skip
    assert run.node("mixed[1]").exception().args == ("one",)  # type: ignore[attr-defined]
    assert run.nodes[1].reason == "ValueError: one"
    assert [name for name in gates.came() if name.startswith("after")] == ["after 0", "after 3"]


def test_each_element_knows_who_it_is_and_has_its_own_log(run_of: Start) -> None:
    run = run_of(lambda: {"xs": told.map(list("abc"), chunk=3)})
    values: Any = run["xs"].result()
    assert [value[:3] for value in values] == [("a", 0, 1), ("b", 1, 1), ("c", 2, 1)]
    assert len({value[3] for value in values}) == 3
    assert [[line.text for line in run.node(f"told[{i}]").logs()] for i in range(3)] == [
        ["i am a"],
        ["i am b"],
        ["i am c"],
    ]


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.4])
def test_an_element_that_fails_is_tried_again_and_the_others_are_not(run_of: Start, delay_s: float) -> None:
    again = flaky.with_options(retries=2, retry_delay_seconds=delay_s)
    run = run_of(lambda: {"ys": after.map(again.map(range(4), chunk=4), chunk=4)})
    assert run["ys"].result() == [0, 1, 2, 3]
    assert sorted(gates.came()) == sorted(
        ["flaky 0", *["flaky 1"] * 3, "flaky 2", "flaky 3", *(f"after {i}" for i in range(4))]
    )
    assert [row.attempts for row in run.nodes][:4] == [1, 3, 1, 1]


@pytest.mark.usefixtures("unhurried")
def test_an_element_is_cancelled_and_those_that_travel_with_it_go_on(start: Start) -> None:
    run = start(lambda: after.map(held.map(range(4), chunk=4), chunk=4))
    gates.until_came("held 0")
    run.node("held[2]").cancel()
    gates.until(lambda: run.node("held[2]").state is TaskState.CANCELLED)
    run.node("held[0]").cancel()
    gates.until(lambda: run.node("held[0]").state is TaskState.CANCELLED)
    gates.open_gates("held 1", "held 3")
    run.wait(8)
    states = [row.state for row in run.nodes]
    cancelled, fine = TaskState.CANCELLED, TaskState.COMPLETED
    assert states[:4] == [cancelled, fine, cancelled, fine]
    assert states[5] is states[7] is fine
    assert {states[4], states[6]} <= {TaskState.UPSTREAM_FAILED, cancelled}
    assert [name for name in gates.came() if name.startswith("after")] == ["after 1", "after 3"]


def test_an_element_that_was_cancelled_in_a_carrier_that_took_too_long_holds_nobody_up(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelope, "SLICE_S", 0.0)
    run = start(lambda: after.map(held.map(range(4), chunk=4), chunk=4))
    gates.until_came("held 0")
    run.node("held[2]").cancel()
    gates.until(lambda: run.node("held[2]").state is TaskState.CANCELLED)
    gates.open_gates(*(f"held {i}" for i in range(4)))
    assert run.wait(8).node("held[3]").result() == 3
    cancelled, fine = TaskState.CANCELLED, TaskState.COMPLETED
    assert [row.state for row in run.nodes][:4] == [fine, fine, cancelled, fine]
    assert run.node("after[2]").state in {TaskState.UPSTREAM_FAILED, cancelled}
    assert {"after 0", "after 1", "after 3"} <= set(gates.came())


def test_the_rest_of_a_carrier_that_takes_too_long_goes_to_others(run_of: Start) -> None:
    run = run_of(
        lambda: {"ys": after.map(slow_if.map(range(8), chunk=8), chunk=8), "sum": total(slow_if.map([1, 2, 3]))}
    )
    assert run["ys"].result() == list(range(8))
    assert run["sum"].result() == 6
    assert _tasks(run, "slow_if") > 1
    assert all(gates.came().count(f"after {i}") == 1 for i in range(8))
    assert gates.came().count("slow 0") == gates.came().count("slow 4") == 1, "nothing was executed twice"
    assert all(row.attempts == 1 for row in run.nodes)


def test_an_element_that_was_sent_again_before_its_carrier_left_it_is_not_executed_twice(run_of: Start) -> None:
    @task
    def slow(x: Any) -> Any:
        gates.come(f"after {x}")
        time.sleep(0.7 if x < 2 else 0.0)
        return x

    late = flaky.with_options(retries=2, retry_delay_seconds=[0.26, 0.0])
    run = run_of(lambda: {"ys": slow.map(late.map([0, 1, 2, 3], chunk=4), chunk=4)})
    assert run["ys"].result() == [0, 1, 2, 3]
    assert sorted(name for name in gates.came() if name.startswith("after")) == [f"after {i}" for i in range(4)]


def test_single_elements_of_a_carrier_are_inputs_as_all_others_are(run_of: Start) -> None:
    def body() -> dict[str, object]:
        xs = plain.map(range(6), chunk=4)
        return {"one": after(xs[5]), "sum": total(xs), "few": after.map([xs[4], xs[1]], chunk=2), "value": xs[3]}

    run = run_of(body)
    assert run["one"].result() == 5
    assert run["sum"].result() == 15
    assert run["few"].result() == [4, 1]
    assert run["value"].result() == 3
    assert run["value"].future.result(timeout=5) == 3


def test_large_values_of_a_carrier_are_fetched_by_their_place(run_of: Start) -> None:
    @task
    def blob(x: Any) -> Any:
        return bytes([x]) * 20_000

    run = run_of(lambda: {"xs": blob.map(range(5), chunk=5)})
    values: Any = run["xs"].result()
    assert [value[:1] for value in values] == [bytes([x]) for x in range(5)]
    assert run.state is RunState.COMPLETED
