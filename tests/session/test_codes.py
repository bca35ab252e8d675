"""Which task of the notebook is the one that a run has called: what is stale, and what a plan says, go by it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.cells import Cells, ended, stale, states

FLOWS = {
    "options given in the body": (
        """
        @task
        def load():
            return {value}

        @task
        def split(x):
            return [x, {other}]
        """,
        "a, b = split.with_options(n_outputs=2)(load())\n    return [a, b]",
        {"split"},
    ),
    "another trigger in the body": (
        """
        @task
        def load():
            return {value}

        @task
        def report(x):
            return x + {other}
        """,
        'return report.with_options(trigger="all_done")(load())',
        {"report"},
    ),
    "another name in the body": (
        """
        @task
        def first():
            return {other}

        @task
        def second():
            return [{value}]
        """,
        'return [first.with_options(name="other")(), second.with_options(name="same")()]',
        {"other"},
    ),
    "a task of an instance": (
        """
        class Shop:
            @task
            def price(self, x):
                return x + {other}

        shop = Shop()
        """,
        "return shop.price({value})",
        {"price"},
    ),
    "two tasks of one name": (
        """
        @task(name="load")
        def first():
            return {value}

        @task(name="load")
        def second():
            return {other}
        """,
        "return [first(), second()]",
        {"load#2"},
    ),
    "a task that only a helper calls": (
        """
        @task
        def load():
            return {other}

        def helper():
            return load()
        """,
        "return helper()",
        {"load"},
    ),
}


@pytest.mark.parametrize("case", FLOWS)
def test_nothing_is_stale_until_the_task_is_edited_that_the_body_calls(cells: Cells, case: str) -> None:
    source, body, edited = FLOWS[case]
    cells.execute(source.replace("{value}", "1").replace("{other}", "2"))
    cells.execute(f"@flow\ndef etl():\n    {body}\n".replace("{value}", "1"))
    run = cells["etl"].run()
    assert stale(run) == {}
    assert run.plan("changed").counts["run"] == 0
    cells.execute(source.replace("{value}", "1").replace("{other}", "3"))
    assert set(stale(run)) == edited
    assert {row.name for row in run.plan("changed").executed()} == edited
    again = ended(run.rerun("changed"))
    assert {name for name, state in states(again).items() if state == "COMPLETED"} == edited


def test_an_edited_flow_makes_the_task_stale_that_maps_it(cells: Cells) -> None:
    part = "@task\ndef leaf(x):\n    return x + {by}\n@flow\ndef part(x):\n    return leaf(x)\n"
    cells.execute(part.replace("{by}", "1"))
    cells.execute("@task\ndef items():\n    return [1, 2]\n@flow\ndef etl():\n    return part.map(items())\n")
    run = cells["etl"].run()
    assert stale(run) == {}
    cells.execute(part.replace("{by}", "2"))
    assert "part" in stale(run)
    assert ended(run.rerun("changed")).result() == [3, 4]


def test_a_task_that_is_kept_under_another_name_hides_no_edit(cells: Cells) -> None:
    load = "@task\ndef load():\n    return {value}\n"
    cells.execute(load.replace("{value}", "1"))
    cells.execute("@flow\ndef etl():\n    return load()\n")
    run = cells["etl"].run()
    cells.execute("before = load")
    cells.execute(load.replace("{value}", "2"))
    assert set(stale(run)) == {"load"}


def test_an_option_that_the_decorator_gives_now_is_a_change(cells: Cells) -> None:
    load = "@task{options}\ndef load():\n    return [1, 2]\n"
    cells.execute(load.replace("{options}", ""))
    cells.execute("@flow\ndef etl():\n    return load()\n")
    run: Any = cells["etl"].run()
    cells.execute(load.replace("{options}", "(n_outputs=2)"))
    assert stale(run) == {"load": "option `n_outputs` changed from None to 2"}


def test_an_option_that_with_options_gives_otherwise_now_is_a_change(cells: Cells) -> None:
    cells.execute("@task\ndef load():\n    return [1, 2]\npair = load.with_options(n_outputs=2)\n")
    cells.execute("@flow\ndef etl():\n    return pair.with_options(trigger='all_done')()\n")
    run: Any = cells["etl"].run()
    assert stale(run) == {}
    cells.execute("pair = load.with_options(n_outputs=1)")
    assert stale(run) == {"load": "option `n_outputs` changed from 2 to 1"}
