"""Reruns of flows inside flows and of branches: they are found again by what they are called with."""

from __future__ import annotations

import pytest

from tests.session.cells import Cells, ended

BRANCHES = """
@task
def leaf(x, y=0):
    note(f"leaf {x}")
    return x + y


@task
def load(x):
    return x


@flow
def part(x, y=0):
    return leaf(x, y)


@task
def spawning(xs):
    return part.map(xs)


@flow
def etl():
    return body()
"""


@pytest.mark.parametrize(
    ("before", "after", "value", "executed"),
    [
        ("part.map([1, 2])", "part.map([0, 1, 2])", [0, 1, 2], ["leaf 0"]),
        ("part.map([1, 2])", "part.map([2, 1])", [2, 1], []),
        ("part.map(load.map([1, 2]))", "part.map(load.map([0, 1, 2]))", [0, 1, 2], ["leaf 0"]),
        ("part.map([1, 2], y=[5, 6])", "part.map(y=[4, 5, 6], x=[1, 1, 2])", [5, 6, 8], ["leaf 1"]),
        ("[part(x) for x in [1, 2]]", "[part(x) for x in [0, 1, 2]]", [0, 1, 2], ["leaf 0"]),
        (
            "[part.map([1]), part.map([2])]",
            "[part.map([0]), part.map([1]), part.map([2])]",
            [[0], [1], [2]],
            ["leaf 0"],
        ),
        ("part.map([1, 2], unmapped(5))", "part.map([0, 2], unmapped(6))", [6, 8], ["leaf 0", "leaf 2"]),
    ],
)
def test_flows_inside_are_matched_by_what_they_are_called_with(
    cells: Cells, before: str, after: str, value: object, executed: list[str]
) -> None:
    cells.execute(BRANCHES + f"\ndef body():\n    return {before}\n")
    run = cells["etl"].run()
    cells.executed()
    cells.execute(f"def body():\n    return {after}\n")
    again = ended(run.rerun())
    assert (again.result(), cells.executed()) == (value, executed)


def test_branches_that_a_task_makes_are_matched_by_their_items(cells: Cells) -> None:
    cells.execute(BRANCHES + "\ndef body():\n    return spawning([1, 2])\n")
    run = cells["etl"].run()
    cells.executed()
    cells.execute("def body():\n    return spawning([0, 1, 2])\n")
    again = ended(run.rerun())
    assert (again.result(), cells.executed()) == ([0, 1, 2], ["leaf 0"])


@pytest.mark.parametrize(("before", "after"), [("[[1], [2]]", "[]"), ("[]", "[[1], [2]]")])
def test_a_flatten_that_becomes_empty_or_stops_being_so_is_another_input(cells: Cells, before: str, after: str) -> None:
    cells.execute(f"""
    @task
    def parts():
        return {before}


    @task
    def total(xs):
        note("total")
        return sum(xs)


    @flow
    def etl():
        return total(flatten(parts()))
    """)
    run = cells["etl"].run()
    cells.executed()
    cells.execute(f"@task\ndef parts():\n    return {after}\n")
    planned = run.plan("changed")
    again = ended(run.rerun("changed"))
    assert cells.executed() == ["total"]
    assert (run.result(), again.result()) == ({"[]": 0}.get(before, 3), {"[]": 0}.get(after, 3))
    assert planned.counts["run"] == 2
