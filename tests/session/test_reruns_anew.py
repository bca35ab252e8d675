"""Reruns of runs in which bodies were attempted again, and made calls anew that had failed."""

from __future__ import annotations

import pytest

from tests.session.cells import Cells, ended, reasons, states
from tests.session.test_reruns_dynamic import flow_of_parent
from wfkit.core.states import RunState
from wfkit.errors import NoSuchNode

RETRIED = """
@task
def flaky(i):
    note(f"flaky {i}")
    if not Path(f"{LOG}-well").exists():
        Path(f"{LOG}-well").touch()
        raise ValueError("once")
    return i


@task(retries=1)
def parent():
    note("parent")
    return sum(flaky.map([1]).result())
"""


def test_a_parent_that_succeeded_when_it_was_attempted_again_is_kept(cells: Cells) -> None:
    cells.execute(RETRIED)
    run = flow_of_parent(cells).run()
    assert (run.state, cells.executed()) == (RunState.COMPLETED, ["flaky 1"] * 2 + ["parent"] * 2)
    assert run.plan().counts["run"] == 0
    again = ended(run.rerun())
    assert (again.result(), cells.executed()) == (1, [])
    assert states(again) == {"parent": "REUSED", "parent/flaky#2[0]": "REUSED"}
    assert ended(again.rerun("parent")).result() == 1
    assert cells.executed() == ["parent"]


def test_children_that_are_fine_are_kept_at_each_attempt_of_their_parent(cells: Cells) -> None:
    cells.execute("""
    @task
    def flaky(i):
        note(f"flaky {i}")
        if i == 1 and Path(LOG).read_text().count("flaky 1") < 5:
            raise ValueError("not yet")
        return i


    @task(retries=2)
    def parent():
        return sum(flaky.map([1, 2]).result())
    """)
    run = flow_of_parent(cells).run()
    again = ended(run.rerun())
    assert (run.state, again.result()) == (RunState.FAILED, 3)
    assert cells.executed() == ["flaky 1"] * 5 + ["flaky 2"]
    assert reasons(again)["parent/flaky#2[1]"] == "reused"


@pytest.mark.parametrize("name", ["parent/flaky[0]", "parent/flaky#2[0]"])
def test_whoever_asks_for_a_call_that_was_made_anew_gets_it_executed(cells: Cells, name: str) -> None:
    cells.execute(RETRIED)
    run = flow_of_parent(cells).run()
    cells.executed()
    ended(run.rerun(name))
    assert cells.executed() == ["flaky 1", "parent"]


@pytest.mark.parametrize("inputs", ["the same", "others"])
def test_a_body_that_is_attempted_again_in_a_rerun_has_the_values_of_that_rerun(cells: Cells, inputs: str) -> None:
    cells.execute("""
    version, first = "old", 0
    @task
    def child(x):
        if version == "new" and x % 2 and not Path(f"{LOG}-tried").exists():
            Path(f"{LOG}-tried").touch()
            raise ValueError("once")
        return f"{version} {x}"


    @task
    def use(y):
        return f"use {y}"


    @task(retries=1)
    def parent():
        found = child.map([first, first + 1])
        found.result()
        return use.map(found).result()
    """)
    run = flow_of_parent(cells).run()
    assert run.result() == ["use old 0", "use old 1"]
    first = 0 if inputs == "the same" else 20
    cells.execute(f"version, first = 'new', {first}")
    again = ended(run.rerun("parent/child" if inputs == "the same" else "parent"))
    assert again.result() == [f"use new {first}", f"use new {first + 1}"]


def test_a_call_in_whose_place_a_later_attempt_has_made_another_is_not_there(cells: Cells) -> None:
    cells.execute("""
    @task
    def first_choice(x):
        return x


    @task
    def second_choice(x):
        return x


    @task(retries=1)
    def parent():
        again = Path(f"{LOG}-tried").exists()
        found = (second_choice if again else first_choice).map([50, 60])
        found.result()
        if not again:
            Path(f"{LOG}-tried").touch()
            raise ValueError("once")
        return found
    """)
    run = flow_of_parent(cells).run()
    with pytest.raises(NoSuchNode, match="a later attempt has made another call"):
        run.rerun("parent/first_choice[0]")
    with pytest.raises(NoSuchNode, match="a later attempt has made another call"):
        run.rerun(replace={"parent/first_choice[0]": 999})
