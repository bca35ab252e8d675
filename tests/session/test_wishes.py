"""What a rerun is asked for; what cannot be meant is refused, by `plan` too, before anything is opened."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.session.cells import CURED, Cells, ended
from wfkit.errors import BadArguments, HandleMisuse, NotPicklable, WfkitError
from wfkit.session.session import Session
from wfkit.session.wishes import wishes_of

Asks = Callable[[Any], object]


def test_names_handles_and_values_are_told_in_terms_of_the_recorded_run(failed: Any) -> None:
    ((run, wishes, by_hand),) = wishes_of([failed], ["changed", "clean[1]", failed["raw"]], {"load[2]": 5})
    assert run is failed
    assert wishes.changed
    assert wishes.forced == {("g2", 1), ("g1", None)}
    assert wishes.by_hand == by_hand.keys() == {("g1", 2)}


def test_of_several_runs_the_newest_that_has_a_name_is_meant_and_a_handle_is_looked_for_from_its_own_on(
    cells: Cells, failed: Any
) -> None:
    cells.execute("@task\ndef clean(x, oops):\n    return x\n")
    cut = ended(failed.rerun())
    asked = wishes_of([cut, failed], ["load[0]", "clean[1]", failed["raw"]], {"load[2]": 5, "clean[3]": 6})
    assert [one.run for one in asked] == [cut, failed]
    load, clean = cut.node("load[0]")._ref.group, failed.node("clean[1]")._ref.group
    raw = failed["raw"]._ref.group
    assert [one.wishes.forced for one in asked] == [{(load, 0)}, {(clean, 1), (raw, None)}]
    assert [one.by_hand.keys() for one in asked] == [{(load, 2)}, {(clean, 3)}]


def test_a_handle_of_a_task_named_changed_is_that_handle(cells: Cells) -> None:
    cells.execute("@task\ndef changed():\n    note('executed')\n\n@flow\ndef etl():\n    return changed()\n")
    run = cells["etl"].run()
    cells.executed()
    ended(run.rerun(run.node("changed")))
    assert cells.executed() == ["executed"]


def _lock(_: Any) -> dict[str, Any]:
    return {"clean[1]": threading.Lock()}


@pytest.mark.parametrize("method", ["rerun", "plan"])
@pytest.mark.parametrize(
    ("what", "replace", "error", "told"),
    [
        ((), _lock, NotPicklable, r"`replace` gives `clean\[1\]` a value that cannot be sent .*: `value` is a lock"),
        ((), lambda _: {"load[0]": (i for i in "ab")}, NotPicklable, "`value` is a generator"),
        ((), lambda run: {"load[0]": run["raw"]}, HandleMisuse, r"the handle `load`.*\. Give its `\.result\(\)`"),
        ((), lambda _: 5, BadArguments, r"`replace=` takes values by the names of nodes, not int 5\. Write such as"),
        ((), lambda _: 0, BadArguments, "not int 0"),
        ((), lambda _: {5: 1}, BadArguments, r"`run\.node` takes the name of a node, not int 5\. Write such as"),
        (
            (5,),
            None,
            BadArguments,
            r"takes names and handles, not int 5\. Write such as `run\.rerun\(\"clean\[3\]\"\)`",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_the_call_and_nothing_is_started(
    cells: Cells,
    current: Session,
    failed: Any,
    method: str,
    what: tuple[Any, ...],
    replace: Asks | None,
    error: type[WfkitError],
    told: str,
) -> None:
    before = list(current.runs)
    with pytest.raises(error, match=told):
        getattr(failed, method)(*what, replace=replace(failed) if replace else None)
    assert (current.runs, cells.executed()) == (before, [])


def test_a_task_is_asked_for_by_its_name(cells: Cells, failed: Any) -> None:
    with pytest.raises(BadArguments, match=r'not the task `clean`\. Write "clean"'):
        failed.rerun(cells["clean"])


@pytest.mark.parametrize("method", ["rerun", "plan"])
def test_a_word_that_is_no_parameter_is_refused_with_what_to_write(failed: Any, method: str) -> None:
    with pytest.raises(
        BadArguments, match=rf'`run\.{method}` takes no `changed=`\. Write .*run\.{method}\("changed"\)'
    ):
        getattr(failed, method)(changed=True)
    with pytest.raises(BadArguments, match=r"takes no `replaced=`.*replace="):
        getattr(failed, method)(replaced={})


def test_a_value_is_taken_as_it_is_at_the_call(cells: Cells, failed: Any) -> None:
    cells.execute(CURED)
    value = [1] * 100_000
    cells.execute("@task\ndef report(xs):\n    return [len(x) for x in xs if not isinstance(x, int)]\n")
    again = failed.rerun(replace={"clean[1]": value})
    value.clear()
    assert ended(again).result()["summary"] == [100_000]
