"""Reruns of flows with structure: children looked at one by one, maps of maps, flattens, branches, subflows, skips."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.cells import Cells, ended, reasons, stale, states
from wfkit.core.states import RunState
from wfkit.session.session import Session

TASKS = """
@task
def leaf(x):
    note(f"leaf {x}")
    if x in (2, 5):
        raise ValueError(x)
    return x * 10


@task
def total(xs):
    note("total")
    return sum(xs)


@task
def several(n):
    note(f"several {n}")
    return list(range(n))
"""
CURED = """
@task
def leaf(x):
    note(f"leaf {x}")
    return x * 10
"""
#: Tasks that make tasks, each in its way, and what a run of them comes to once leaves do not fail.
PARENTS = {
    "waits": ("return sum(handle.result() for handle in [leaf.submit(x) for x in range(4)])", 60),
    "returns a map": ("return leaf.map(range(4))", [0, 10, 20, 30]),
    "returns a list": ("return [leaf.submit(x) for x in range(4)]", [0, 10, 20, 30]),
    "returns a dict": ("return {'a': leaf.submit(2), 'b': [leaf.submit(3)]}", {"a": 20, "b": [30]}),
    "returns a reduce": ("return total.submit(leaf.map(range(4)))", 60),
}


def flow_of(cells: Cells, body: str) -> Any:
    """A flow with this body, and the tasks above; its leaves 2 and 5 fail."""
    cells.execute(TASKS)
    return flow_of_body(cells, body)


def flow_of_body(cells: Cells, body: str) -> Any:
    """A flow with this body, and whatever tasks there are."""
    lines = "\n    ".join(line.strip() for line in body.strip().splitlines())
    cells.execute(f"@flow\ndef etl():\n    {lines}\n")
    return cells["etl"]


def failed_and_cured(cells: Cells, flow: Any) -> Any:
    """A run that failed; what it executed is forgotten, and its leaves would not fail any more."""
    run = flow.run()
    assert run.state is RunState.FAILED, run.nodes
    cells.executed()
    cells.execute(CURED)
    return run


# --- children ---


@pytest.mark.parametrize("way", PARENTS)
def test_a_parent_whose_child_failed_runs_again_and_its_finished_children_are_reused(cells: Cells, way: str) -> None:
    body, value = PARENTS[way]
    cells.execute(TASKS)
    cells.execute(f"@task\ndef parent():\n    note('parent')\n    {body}\n")
    run = failed_and_cured(cells, flow_of_parent(cells))
    again = ended(run.rerun())
    assert [line for line in cells.executed() if line != "total"] == ["leaf 2", "parent"]
    assert again.result() == value
    assert reasons(again)["parent"] == "failed before"


def flow_of_parent(cells: Cells) -> Any:
    cells.execute("@flow\ndef etl():\n    return parent()\n")
    return cells["etl"]


@pytest.mark.parametrize("way", PARENTS)
def test_a_parent_that_is_fine_is_kept_with_its_children(cells: Cells, way: str) -> None:
    body, value = PARENTS[way]
    cells.execute(TASKS + CURED)
    cells.execute(f"@task\ndef parent():\n    note('parent')\n    {body}\n")
    run = flow_of_parent(cells).run()
    cells.executed()
    again = ended(run.rerun())
    assert cells.executed() == []
    assert again.result() == value
    assert set(states(again)) == set(states(run))
    assert set(states(again).values()) == {"REUSED"}
    children = [name for name in reasons(again) if "/" in name]
    assert {reasons(again)[name] for name in children} == {"reused with `parent`"}
    assert again.node(children[0]).result() == run.node(children[0]).result()
    third = ended(again.rerun(children[-1]))
    assert third.result() == value
    assert "parent" in cells.executed()


def test_a_fine_parent_runs_again_for_a_child_that_failed_and_was_handled(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute("""
    @task
    def parent():
        note("parent")
        children = leaf.map([1, 2, 3])
        return [error is None for error in children.exception()]
    """)
    run = flow_of_parent(cells).run()
    assert run.state is RunState.COMPLETED
    cells.executed()
    cells.execute(CURED)
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "parent"]
    assert again.result() == [True, True, True]
    assert reasons(again)["parent"] == "its child `parent/leaf[1]` failed before"


def test_a_kept_parent_that_returned_a_flatten_of_nothing_keeps_no_run_going(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute("@task\ndef parent():\n    return {'none': flatten(several.map([])), 'one': 1}\n")
    run = flow_of_parent(cells).run()
    again = ended(run.rerun())
    assert again.result() == run.result() == {"none": [], "one": 1}
    assert set(states(again).values()) == {"REUSED"}


def test_a_map_over_returned_handles_goes_on_child_by_child(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute(
        """
        @task
        def parent():
            return leaf.map(range(4))

        @task
        def up(x):
            note(f"up {x}")
            return x + 1
        """
    )
    run = failed_and_cured(cells, flow_of(cells, "return up.map(parent())"))
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "up 20"]
    assert again.result() == [1, 11, 21, 31]
    third = ended(again.rerun())
    assert cells.executed() == []
    assert third.result() == [1, 11, 21, 31]


@pytest.mark.parametrize("given", [[7, 8, 9, 6], [7]])
@pytest.mark.parametrize("cured", [True, False])
def test_a_value_by_hand_takes_the_place_of_handles_that_a_task_returned(
    cells: Cells, given: list[int], *, cured: bool
) -> None:
    cells.execute(TASKS + CURED * cured)
    cells.execute("@task\ndef parent():\n    return leaf.map(range(4))\n")
    cells.execute("@task\ndef up(x):\n    note(f'up {x}')\n    return x + 1\n")
    run = flow_of_body(cells, "return up.map(parent())").run()
    cells.executed()
    plan = run.plan(replace={"parent": given})
    assert not any("/" in row.name for row in plan)
    again = ended(run.rerun(replace={"parent": given}))
    assert again.result() == [x + 1 for x in given]
    assert cells.executed() == sorted(f"up {x}" for x in given)
    assert reasons(again)["parent"] == "set by hand"
    assert not any("/" in name for name in states(again)), "what the task had made is not there any more"
    assert ended(again.rerun()).result() == again.result()


def test_grandchildren_are_looked_at_one_by_one(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute("@task\ndef middle(x):\n    note(f'middle {x}')\n    return leaf.map([x, x + 1])\n")
    cells.execute("@task\ndef parent():\n    note('parent')\n    return [middle.submit(0), middle.submit(2)]\n")
    run = failed_and_cured(cells, flow_of_parent(cells))
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "middle 2", "parent"]
    assert again.result() == [[0, 10], [20, 30]]


# --- maps, flattens ---


def test_maps_of_maps_run_along_the_branch_that_failed(cells: Cells) -> None:
    run = failed_and_cured(
        cells,
        flow_of(cells, "first = leaf.map(range(4))\nsecond = leaf.map(first)\nreturn total(leaf.map(second))"),
    )
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "leaf 20", "leaf 200", "total"]
    assert again.result() == 6000


def test_items_of_a_flatten_are_found_again_by_their_parts(cells: Cells) -> None:
    run = failed_and_cured(cells, flow_of(cells, "return total(leaf.map(flatten(several.map([2, 3, 1]))))"))
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "total"]
    assert again.result() == (0 + 1 + 0 + 1 + 2 + 0) * 10
    assert reasons(again)["leaf[1.2]"] == "failed before"


def test_a_part_of_a_flatten_that_runs_again_makes_its_items_run(cells: Cells) -> None:
    cells.execute(TASKS + CURED)
    cells.execute("@flow\ndef etl():\n    return total(leaf.map(flatten(several.map([2, 1]))))\n")
    run = cells["etl"].run()
    cells.executed()
    again = ended(run.rerun("several[1]"))
    assert cells.executed() == ["leaf 0", "several 1", "total"]
    assert again.result() == 10


def test_a_map_over_a_value_of_unknown_length_is_reused_and_follows_a_new_value(cells: Cells) -> None:
    run = failed_and_cured(cells, flow_of(cells, "return leaf.map(several(4))"))
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2"]
    third = ended(again.rerun(replace={"several": [7, 1]}))
    assert cells.executed() == ["leaf 1", "leaf 7"]
    assert third.result() == [70, 10]


def test_elements_over_a_list_of_handles_are_found_again(cells: Cells) -> None:
    run = failed_and_cured(cells, flow_of(cells, "singles = [leaf(x) for x in (1, 2, 3)]\nreturn leaf.map(singles)"))
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "leaf 20"]
    assert again.result() == [100, 200, 300]


# --- flows inside flows ---


def test_branches_are_matched_by_their_items(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute("@flow\ndef part(x):\n    return leaf(leaf(x))\n")
    run = failed_and_cured(cells, flow_of(cells, "return part.map([1, 2, 3])"))
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "leaf 20"]
    assert again.result() == [100, 200, 300]


def test_a_subflow_is_repeated_in_its_parts(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute("@flow\ndef part(n):\n    return total(leaf.map(range(n)))\n")
    run = failed_and_cured(cells, flow_of(cells, "return [part(2), part(4)]"))
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "total"]
    assert again.result() == [10, 60]


# --- skips, handled failures, decisions ---


def test_what_was_skipped_stays_skipped_and_is_left_out(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute(
        "@task\ndef even(x):\n    note(f'even {x}')\n    if x % 2:\n        raise Skip('odd')\n    return x\n"
    )
    run = failed_and_cured(cells, flow_of(cells, "return total(leaf.map(even.map(range(4))))"))
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "total"]
    assert states(again)["even[1]"] == states(again)["leaf[1]"] == "SKIPPED"
    assert again.node("even[1]")._source.preview(again.node("even[1]")._ref) is not None
    assert again.result() == 20


def test_a_handled_failure_runs_again_with_who_ran_with_it(cells: Cells) -> None:
    cells.execute("@task(trigger='all_done')\ndef count(xs):\n    note('count')\n    return len(present(xs))\n")
    flow = flow_of(cells, "return count(leaf.map(range(4)))")
    run = flow.run()
    assert run.result() == 3
    cells.executed()
    cells.execute(CURED)
    again = ended(run.rerun())
    assert cells.executed() == ["count", "leaf 2"]
    assert again.result() == 4


def test_a_body_that_looked_at_a_failure_decides_anew(cells: Cells) -> None:
    run = flow_of(cells, "first = leaf(2)\nreturn leaf(3) if first.exception() else leaf(4)").run()
    assert run.result() == 30
    cells.executed()
    cells.execute(CURED)
    again = ended(run.rerun())
    assert cells.executed() == ["leaf 2", "leaf 4"]
    assert again.result() == 40


@pytest.mark.parametrize("is_recorded", [False, True], ids=["of this process", "on record"])
def test_a_map_over_handles_of_a_kept_parent_still_has_its_skipped_elements(
    cells: Cells, current: Session, is_recorded: bool
) -> None:
    cells.execute(TASKS)
    cells.execute("""
    @task
    def even(x):
        if x % 2:
            raise Skip("odd")
        return x

    @task
    def parent(first=0):
        return even.map(range(first, first + 4))

    @task
    def each(first):
        return [even.submit(first + 1), even.submit(first)]

    @task
    def spread():
        return leaf.map(flatten(several.map([2, 0, 1])))

    @task
    def up(x):
        note(f"up {x}")
        return x
    """)
    over = "parent()", "spread()", "flatten(parent.map([0, 4]))", "flatten(each.map([0, 4]))"
    run = flow_of(cells, f"return [{', '.join(f'up.map({one})' for one in over)}]").run()
    cells.executed()
    shown = {name: state == "SKIPPED" for name, state in states(run).items() if name.startswith("up")}
    assert sum(shown.values()) == 2 + 4 + 2
    for _ in range(2):
        if is_recorded:
            current.runs.clear()
            run = current.keeper.find(run.id)
        run = ended(run.rerun())
        assert cells.executed() == []
        assert {name: state == "SKIPPED" for name, state in states(run).items() if name.startswith("up")} == shown
        assert run.result()[1:] == [[0, 10, 0], [0, 2, 4, 6], [0, 4]]


def test_children_of_a_parent_that_was_called_elsewhere_have_its_new_name(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute("@task\ndef parent(x):\n    return leaf.submit(x)\n")
    cells.execute("values = [0, 1]\n@flow\ndef etl():\n    return [parent(value) for value in values]\n")
    run = cells["etl"].run()
    cells.executed()
    cells.execute("values = [1, 0]")
    again = ended(run.rerun())
    assert (cells.executed(), again.result()) == ([], [10, 0])
    assert again.node("parent/leaf").result() == again.node("parent").result() == 10
    assert again.node("parent#2/leaf").result() == 0


def test_what_is_made_from_the_children_of_a_stale_parent_uses_stale(cells: Cells) -> None:
    cells.execute(TASKS + CURED)
    cells.execute("@task\ndef use(x):\n    return x + 1\n@task\ndef parent():\n    return leaf.map(range(2))\n")
    cells.execute("@task\ndef steady():\n    return leaf.map(range(2))\n")
    run = flow_of_body(cells, "return total(use.map(parent())), use.map(steady())").run()
    cells.execute("@task\ndef parent():\n    return leaf.map([0, 1])\n")
    planned = {row.name: row.stale for row in run.plan()}
    again = ended(run.rerun())
    told = {name: verdict_of(again, name) for name in ("use[0]", "use[1]", "total", "use#2[0]")}
    assert told == {
        "use[0]": "uses stale `parent/leaf[0]`",
        "use[1]": "uses stale `parent/leaf[1]`",
        "total": "uses stale `use`",
        "use#2[0]": "",
    }
    assert (planned["parent"], again.node("parent").state) == (stale(again)["parent"], "REUSED")


def verdict_of(run: Any, name: str) -> str:
    """Why a kept value counted as stale when it was decided."""
    group, index = run.view_model.by_name(name)
    return str(group.verdict(index or 0).stale)


def test_a_skip_by_an_earlier_version_is_made_up_for_in_any_later_generation(cells: Cells) -> None:
    cells.execute(TASKS)
    cells.execute("@task\ndef even(x):\n    note(f'even {x}')\n    raise Skip('not yet')\n")
    run = flow_of(cells, "return even(1)").run()
    cells.execute("@task\ndef even(x):\n    note(f'even {x}')\n    return x\n")
    second = ended(run.rerun())
    assert states(second) == {"even": "SKIPPED"}
    cells.executed()
    assert ended(second.rerun("changed")).result() == 1
    assert cells.executed() == ["even 1"]
